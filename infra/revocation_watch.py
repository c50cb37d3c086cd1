"""A runner's view of what is revoked: read from the bucket, and heard as it changes."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

import nats.errors
import nats.js.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.kv import KV_DEL, KV_OP, KV_PURGE

from infra.nats_connection import without_credentials
from schema import names
from schema.errors import SpellError

_REQUEST_SECONDS = 5.0
_PAUSE_SECONDS = 0.5
_STREAM = f"KV_{names.REVOCATIONS_BUCKET}"
_ALL = names.revocation_subject(">")
_DIGEST_SUBJECT = names.revocation_subject(names.revocation_key(""))

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Change:
    """One message of the bucket: a digest is revoked, or it is no longer."""

    sequence: int
    digest: str
    revoked: bool


@dataclass
class _Known:
    """What was read of the bucket, up to one of its messages, over one connection."""

    read_to: int
    reconnects: int
    digests: set[str]

    def take_in(self, change: _Change) -> None:
        """Go on by one message."""
        self.read_to = change.sequence
        if change.revoked:
            self.digests.add(change.digest)
        else:
            self.digests.discard(change.digest)


class NatsRevocationWatch:
    """Which digests are revoked (port RevokedDigests of the runner).

    The bucket's stream is read directly, from where the last reading ended, so that it costs one
    question to know that nothing has changed. What is heard on the bucket's subjects is a hint to
    read at once: it is lost while the connection is, and reading is not.

    Args:
        client: connected as the runner's bus user.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._js = client.jetstream(timeout=_REQUEST_SECONDS)
        self._known = _Known(0, 0, set())
        self._reading = asyncio.Lock()
        self._on_change: Callable[[], None] = lambda: None

    async def start(self, on_change: Callable[[], None]) -> None:
        """Listen, and wait until the bucket could be read once.

        Args:
            on_change: called whenever more digests are revoked than before.
        """
        self._on_change = on_change
        await self._client.subscribe(_ALL, cb=self._hear)
        while True:
            try:
                await self.refresh()
            except SpellError as error:
                _log.error("no run is taken, since revocations cannot be read: %s", error)
                await asyncio.sleep(_PAUSE_SECONDS)
            else:
                return

    def is_revoked(self, digest: str) -> bool:
        """Whether the digest was revoked when the bucket was last read."""
        return digest in self._known.digests

    async def refresh(self) -> None:
        """Read what has changed since the last time.

        Raises:
            SpellError: SERVICE_UNAVAILABLE, the bucket cannot be read: nothing may start now.
        """
        async with self._reading:
            try:
                more = await self._read()
            except (TimeoutError, nats.errors.Error, OSError) as error:
                text = f"The bucket of revocations cannot be read: {without_credentials(error)}"
                raise SpellError("SERVICE_UNAVAILABLE", text) from None
        if more:
            self._on_change()

    async def _read(self) -> bool:
        """Take in all messages after the last one; True when one of them revokes something."""
        reconnects = self._client.stats["reconnects"]
        known = self._known
        if known.reconnects != reconnects:
            # The server on the other side may be another one, which numbers its messages anew.
            known = _Known(0, reconnects, set())
        more = False
        while (change := await self._next(known.read_to)) is not None:
            known.take_in(change)
            more = more or change.revoked
        self._known = known
        return more

    async def _next(self, after: int) -> _Change | None:
        """The next change of the bucket; None when there is none yet."""
        try:
            message = await self._js.get_msg(
                _STREAM, seq=after + 1, subject=_ALL, direct=True, next=True
            )
        except nats.js.errors.NotFoundError:
            return None
        deleted = (message.headers or {}).get(KV_OP) in (KV_DEL, KV_PURGE)
        digest = f"sha256:{(message.subject or '').removeprefix(_DIGEST_SUBJECT)}"
        return _Change(message.seq or 0, digest, revoked=not deleted)

    async def _hear(self, message: Msg) -> None:
        del message
        try:
            await self.refresh()
        except SpellError as error:
            # The next look, before a run or within seconds, finds it.
            _log.error("a revocation was heard and not read: %s", error)

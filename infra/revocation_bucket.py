"""Tells the runners what is revoked, over a JetStream key-value bucket (port RevokedDigests)."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import nats.errors
import nats.js.errors
from nats.aio.client import Client
from nats.js import api
from nats.js.kv import KV_DEL, KV_OP

from infra.nats_connection import without_credentials
from infra.repositories.revocations import PostgresRevocations
from schema import names
from schema.errors import SpellError

_REQUEST_SECONDS = 5.0
_AT_A_TIME = 64
_STREAM = f"KV_{names.REVOCATIONS_BUCKET}"
# JetStream's error codes: another last sequence than expected.
_CHANGED_MEANWHILE = (10071, 10164)


class NatsRevocationBucket:
    """Brings the bucket to what the record says.

    Args:
        client: of the platform's bus user.
        record: which digests are revoked, for whatever reason.
    """

    def __init__(self, client: Client, record: PostgresRevocations) -> None:
        self._js = client.jetstream(timeout=_REQUEST_SECONDS)
        self._record = record

    async def tell(self, digests: Sequence[str]) -> None:
        """Put or delete each digest's key, as the record says now.

        Keys are written only over the revision that was seen before the record was read: so of a
        revocation and a lifting at once, whichever was recorded last is what stays.

        Raises:
            SpellError: SERVICE_UNAVAILABLE, bus or database are away.
        """
        left = list(digests)
        while left:
            page, left = left[:_AT_A_TIME], left[_AT_A_TIME:]
            seen = await asyncio.gather(*(self._revision(digest) for digest in page))
            revoked = await self._record.revoked_among(page)
            written = await asyncio.gather(
                *(
                    self._write(digest, revision, revoked=digest in revoked)
                    for digest, revision in zip(page, seen, strict=True)
                )
            )
            left += [digest for digest, done in zip(page, written, strict=True) if not done]

    async def _revision(self, digest: str) -> int:
        subject = names.revocation_subject(names.revocation_key(digest))
        try:
            with suppress(nats.js.errors.NotFoundError):
                return (await self._js.get_msg(_STREAM, subject=subject)).seq or 0
        except (TimeoutError, nats.errors.Error, OSError) as error:
            raise _unavailable(error) from None
        return 0

    async def _write(self, digest: str, revision: int, *, revoked: bool) -> bool:
        """Write one key; False when somebody else has written it meanwhile."""
        headers = {api.Header.EXPECTED_LAST_SUBJECT_SEQUENCE.value: str(revision)}
        if not revoked:
            headers[KV_OP] = KV_DEL
        subject = names.revocation_subject(names.revocation_key(digest))
        try:
            await self._js.publish(subject, digest.encode() if revoked else b"", headers=headers)
        except nats.js.errors.APIError as error:
            if error.err_code not in _CHANGED_MEANWHILE:
                raise _unavailable(error) from None
            return False
        except (TimeoutError, nats.errors.Error, OSError) as error:
            raise _unavailable(error) from None
        return True


def _unavailable(error: BaseException) -> SpellError:
    text = f"The message bus is away: {without_credentials(error)}"
    return SpellError("SERVICE_UNAVAILABLE", text, retry_after=5)

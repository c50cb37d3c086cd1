"""The platform's side of the way to the runners, over NATS JetStream (port RunBus)."""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import nats.errors
import nats.js.errors
from nats.aio.client import Client
from nats.aio.subscription import Subscription
from nats.js import api
from nats.js.object_store import ObjectStore

from infra.accepted_verdicts import read_verdict
from infra.nats_connection import without_credentials
from schema import limits, names
from schema.contracts.run import RunRequest, Verdict
from schema.errors import SpellError
from schema.ids import account_of_cast

_RETRY_AFTER_SECONDS = 5
_REQUEST_SECONDS = 5.0
# JetStream's error codes.
_WRONG_LAST_SEQUENCE = (10071, 10164)
_STREAM_IS_FULL = (10077, 10047, 10167)
# 10077 is for every bound of a stream; only its text tells which.
_LANE_IS_FULL = "maximum messages per subject exceeded"
_EXPECT_NO_VERDICT = {api.Header.EXPECTED_LAST_SUBJECT_SEQUENCE.value: "0"}
_CHUNK_BYTES = 512 * 1024
# A bucket may be wiped behind our back; what is in it is looked for again after this.
_OBJECT_KNOWN_SECONDS = 30.0
_OBJECTS_KNOWN_MAX = 20_000


class NatsRunSignals:
    """Wake-ups about one cast (port RunSignals)."""

    def __init__(self, subscription: Subscription) -> None:
        self._subscription = subscription

    async def wait(self, timeout_seconds: float) -> str | None:
        """The next hint, or None when the time is up."""
        try:
            message = await self._subscription.next_msg(timeout=timeout_seconds)
        except nats.errors.TimeoutError:
            return None
        except nats.errors.Error as error:
            raise _unavailable(error) from None
        return message.data.decode("utf-8", errors="replace")


class NatsRunBus:
    """Runs, verdicts, modules and hints over one NATS connection (port RunBus).

    Every method raises SpellError(SERVICE_UNAVAILABLE) when NATS is away; all may be repeated.

    Args:
        client: of the platform's bus user; `infra.nats_streams.ensure_streams` has been called.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._js = client.jetstream(timeout=_REQUEST_SECONDS)
        self._objects = ObjectStore(names.MODULES_BUCKET, f"OBJ_{names.MODULES_BUCKET}", self._js)
        self._known_objects: dict[str, float] = {}
        self._known_since_reconnect = 0
        self._bringing: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def ensure_object(self, digest: str, load: Callable[[], Awaitable[bytes]]) -> None:
        """Make a module or resources fetchable by runners; `load` is called only when needed."""
        await self._ensure(digest, load)

    async def ensure_code(
        self, engine: str, digest: str, load: Callable[[], Awaitable[bytes | None]]
    ) -> None:
        """Make the module's signed code fetchable by runners, if `load` finds any."""
        await self._ensure(names.code_object(engine, digest), load)

    async def publish_run(self, request: RunRequest) -> bool:
        """Put the run on the work queue; the same cast again within the dedupe window is dropped.

        Returns:
            False when the caster has as many runs of this module there as one may: others are not
            affected, and there is room again when one of them ends.

        Raises:
            SpellError: SERVICE_UNAVAILABLE, the queue is full or away. Away leaves open whether
                the run was taken; to repeat it is harmless.
        """
        with _translated():
            try:
                await self._js.publish(
                    names.run_subject(request.module_digest, account_of_cast(request.cast_id)),
                    request.model_dump_json().encode(),
                    headers={api.Header.MSG_ID.value: request.cast_id},
                )
            except nats.js.errors.APIError as error:
                if error.description != _LANE_IS_FULL:
                    raise
                return False
        return True

    @asynccontextmanager
    async def watch(self, cast_id: str) -> AsyncIterator[NatsRunSignals]:
        """Listen for hints about the cast while the context is open.

        What is asked of the bus inside the context is asked after listening began: the server
        takes the commands of a connection in their order.
        """
        with _translated():
            subscription = await self._client.subscribe(names.signal_subject(cast_id))
        try:
            yield NatsRunSignals(subscription)
        finally:
            if not self._client.is_closed:
                await subscription.unsubscribe()

    async def verdict_of(self, cast_id: str) -> Verdict | None:
        """The accepted verdict, or None while there is none."""
        with _translated():
            try:
                message = await self._js.get_last_msg(
                    names.VERDICTS_STREAM, names.verdict_subject(cast_id), direct=True
                )
            except nats.js.errors.NotFoundError:
                return None
        return read_verdict(cast_id, message.data or b"")

    async def offer_verdict(self, verdict: Verdict) -> Verdict:
        """Offer a verdict; the answer is the accepted one: this, or whichever came first.

        Whoever watches the cast is woken.
        """
        with _translated():
            try:
                await self._js.publish(
                    names.verdict_subject(verdict.cast_id),
                    verdict.model_dump_json().encode(),
                    headers=dict(_EXPECT_NO_VERDICT),
                )
            except nats.js.errors.APIError as error:
                if error.err_code not in _WRONG_LAST_SEQUENCE:
                    raise
            else:
                await self._hint(verdict.cast_id, names.VERDICT_HINT)
                return verdict
        accepted = await self.verdict_of(verdict.cast_id)
        if accepted is None:
            # It aged out between the two questions: nobody waits for a cast that old.
            raise SpellError("SERVICE_UNAVAILABLE", retry_after=_RETRY_AFTER_SECONDS)
        return accepted

    async def request_stop(self, cast_id: str) -> None:
        """Tell whichever runner holds this cast, and whoever watches it, to stop it now."""
        with _translated():
            await self._client.publish(names.stop_subject(cast_id))
            await self._hint(cast_id, names.STOP_HINT)
            await self._client.flush(timeout=int(_REQUEST_SECONDS))

    async def announce_event(self, cast_id: str) -> None:
        """Wake those who follow the cast's events."""
        with _translated():
            await self._client.publish(names.event_subject(cast_id))

    async def _hint(self, cast_id: str, hint: str) -> None:
        await self._client.publish(names.signal_subject(cast_id), hint.encode())

    async def _ensure(self, name: str, load: Callable[[], Awaitable[bytes | None]]) -> None:
        if self._is_known(name):
            return
        # Many casts of a new module arrive together; one of them brings it.
        async with self._bringing[name]:
            try:
                if not self._is_known(name):
                    await self._bring(name, load)
            finally:
                self._bringing.pop(name, None)

    def _is_known(self, name: str) -> bool:
        if self._known_since_reconnect != self._client.stats["reconnects"]:
            # The server on the other side may be another one, with an empty bucket.
            self._known_since_reconnect = self._client.stats["reconnects"]
            self._known_objects.clear()
        known_at = self._known_objects.get(name)
        return known_at is not None and time.monotonic() - known_at < _OBJECT_KNOWN_SECONDS

    async def _bring(self, name: str, load: Callable[[], Awaitable[bytes | None]]) -> None:
        """Put the object into the bucket, unless it is there, or nobody has it."""
        if not await self._has_object(name) and (content := await load()) is not None:
            options = api.ObjectMetaOptions(max_chunk_size=_CHUNK_BYTES)
            meta = api.ObjectMeta(name=name, options=options)
            with _translated():
                await self._objects.put(name, content, meta=meta)
        if len(self._known_objects) >= _OBJECTS_KNOWN_MAX:
            self._known_objects.clear()
        self._known_objects[name] = time.monotonic()

    async def _has_object(self, name: str) -> bool:
        with _translated():
            try:
                await self._objects.get_info(name)
            except nats.js.errors.NotFoundError:
                return False
        return True


@contextmanager
def _translated() -> Iterator[None]:
    """Turn every way in which NATS can be away into the catalogue's word for it."""
    try:
        yield
    except (TimeoutError, nats.errors.Error, OSError) as error:
        raise _unavailable(error) from None


def _unavailable(error: BaseException) -> SpellError:
    if isinstance(error, nats.js.errors.APIError) and error.err_code in _STREAM_IS_FULL:
        return SpellError(
            "SERVICE_UNAVAILABLE",
            "All runners are busy and the queue is full.",
            details={"queue_seconds_max": limits.QUEUE_SECONDS_MAX},
            retry_after=_RETRY_AFTER_SECONDS,
        )
    return SpellError(
        "SERVICE_UNAVAILABLE",
        f"The message bus is away: {without_credentials(error)}",
        retry_after=_RETRY_AFTER_SECONDS,
    )

"""The runner's side of the bus, with the few rights that its bus user has (docs/runner.md).

It asks the queue by hand, one request for each idle sandbox process, instead of through nats-py's
pull subscription: that one needs a second round trip for most messages, and loses track of
messages that arrive after a timeout.
"""

import asyncio
import base64
import hashlib
import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import nats.errors
import nats.js.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import api

from infra.nats_connection import without_credentials
from schema import limits, names
from schema.contracts.run import DeadRun, RunClaim, Verdict
from schema.errors import SpellError

RUNNER_INBOX_PREFIX = "_INBOX.runner"
"""Replies to runners go below this, so that a runner need not be able to hear other replies."""

_REQUEST_SECONDS = 5.0
_PULL_SECONDS = 10.0
# The server ends a request by itself; this is for the case that nobody hears it.
_PULL_SLACK_SECONDS = 1.0
_LOOK_SECONDS = 1.0
_PAUSE_SECONDS = 0.5
_NANOSECONDS = 1_000_000_000
# JetStream's error codes: another last sequence than expected; the subject is full.
_IS_THERE = (10071, 10164, 10077)
_EXPECT_NONE = {api.Header.EXPECTED_LAST_SUBJECT_SEQUENCE.value: "0"}
# A run that must start at most once waits so long for the bus before it is given back.
_CLAIM_SECONDS = 10.0
_PULL_SUBJECT = f"$JS.API.CONSUMER.MSG.NEXT.{names.RUNS_STREAM}.{names.RUNS_CONSUMER}"
_PULL_REQUEST = json.dumps({"batch": 1, "expires": int(_PULL_SECONDS * _NANOSECONDS)}).encode()

_log = logging.getLogger(__name__)


class NatsDelivery:
    """One run in this runner's hands (port Delivery)."""

    def __init__(self, message: Msg) -> None:
        self._message = message

    @property
    def body(self) -> bytes:
        """The RunRequest as JSON."""
        return self._message.data

    @property
    def number(self) -> int:
        """Which delivery of this run it is; the first is 1."""
        return self._message.metadata.num_delivered

    @property
    def queued_at_unix(self) -> float:
        """When the run was put on the queue, in seconds, by the server's clock."""
        return self._message.metadata.timestamp.timestamp()

    async def in_progress(self) -> None:
        """Say that the run is being worked on, so that no other runner gets it."""
        with _translated():
            await self._message.in_progress()

    async def done(self) -> None:
        """Take the run off the queue for good, and see that confirmed."""
        with _translated():
            await self._message.ack_sync(timeout=_REQUEST_SECONDS)

    async def give_back(self, delay_seconds: float = 0) -> None:
        """Let the queue deliver the run again, to whichever runner asks next."""
        with _translated():
            await self._message.nak(delay_seconds or None)


class _Asker:
    """Asks the queue for one run at a time, and knows the answers apart."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._inbox = client.new_inbox()
        self._asked = 0
        self._answer: asyncio.Future[Msg] | None = None

    async def open(self) -> None:
        """Listen for answers, from now until the connection is closed."""
        await self._client.subscribe(f"{self._inbox}.*", cb=self._hear)

    async def ask(self) -> Msg | None:
        """A run, or the queue's status message; None when no answer came at all."""
        self._asked += 1
        answer: asyncio.Future[Msg] = asyncio.get_running_loop().create_future()
        self._answer = answer
        message = None
        try:
            await self._client.publish(
                _PULL_SUBJECT, _PULL_REQUEST, reply=f"{self._inbox}.{self._asked}"
            )
            if await self._is_answered(answer):
                message = answer.result()
        finally:
            self._answer = None
            if message is None and answer.done():
                # It came in the moment in which we gave up.
                await self._refuse(answer.result())
        return message

    async def _is_answered(self, answer: asyncio.Future[Msg]) -> bool:
        """Wait for the answer, but not for one that a lost connection took with it."""
        connection = self._client.stats["reconnects"]
        give_up_at = time.monotonic() + _PULL_SECONDS + _PULL_SLACK_SECONDS
        while self._client.stats["reconnects"] == connection and time.monotonic() < give_up_at:
            done, _ = await asyncio.wait((answer,), timeout=_LOOK_SECONDS)
            if done:
                return True
        return False

    async def _hear(self, message: Msg) -> None:
        if _status_of(message) is not None and not message.subject.endswith(f".{self._asked}"):
            return  # about an earlier request
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(message)
        else:
            await self._refuse(message)

    async def _refuse(self, message: Msg) -> None:
        if _status_of(message) is None:
            await message.nak()


class NatsRunnerBus:
    """Runs in, verdicts out (port RunnerBus).

    Args:
        client: connected as the runner's bus user, with `RUNNER_INBOX_PREFIX`.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._js = client.jetstream(timeout=_REQUEST_SECONDS)
        self._idle_askers: list[_Asker] = []

    async def start(self, on_stop: Callable[[str], None]) -> float:
        """Wait until the queue is there and listen for stop requests.

        Returns:
            Seconds after which a run that nobody reports on is delivered again.
        """

        async def hear_stop(message: Msg) -> None:
            on_stop(message.subject.removeprefix(names.stop_subject("")))

        with _translated():
            await self._client.subscribe(names.stop_subject("*"), cb=hear_stop)
        while True:
            try:
                consumer = await self._js.consumer_info(names.RUNS_STREAM, names.RUNS_CONSUMER)
            except (TimeoutError, nats.errors.Error, OSError) as error:
                _log.warning("the queue is not there yet: %s", without_credentials(error))
                await asyncio.sleep(_PAUSE_SECONDS)
            else:
                return float(consumer.config.ack_wait or 0)

    async def next_delivery(self) -> NatsDelivery:
        """Wait for a run. Each call takes exactly one; a cancelled call takes none."""
        asker = self._idle_askers.pop() if self._idle_askers else None
        while True:
            try:
                if asker is None:
                    asker = _Asker(self._client)
                    await asker.open()
                message = await asker.ask()
            except (nats.errors.Error, OSError) as error:
                _log.warning("cannot ask for runs: %s", without_credentials(error))
                await asyncio.sleep(_PAUSE_SECONDS)
                continue
            if message is None:
                continue
            status = _status_of(message)
            if status is None:
                self._idle_askers.append(asker)
                return NatsDelivery(message)
            if status != api.StatusCode.REQUEST_TIMEOUT:
                # No such consumer (yet), or the server is shutting down.
                _log.info("the queue answers with status %s", status)
                await asyncio.sleep(_PAUSE_SECONDS)

    async def has_verdict(self, cast_id: str) -> bool:
        """Whether the cast has ended already."""
        with _translated():
            try:
                await self._js.get_last_msg(
                    names.VERDICTS_STREAM, names.verdict_subject(cast_id), direct=True
                )
            except nats.js.errors.NotFoundError:
                return False
        return True

    async def claim(self, claim: RunClaim) -> bool:
        """Claim the one start of a run; False when another start of it has been claimed.

        An answer that is lost leaves open whether the claim was taken. So it is made again: a
        refusal then shows whose it is.

        Raises:
            SpellError: SERVICE_UNAVAILABLE, the bus stays away; the claim may have been taken.
        """
        give_up_at = time.monotonic() + _CLAIM_SECONDS
        while True:
            try:
                return await self._claim_once(claim)
            except (TimeoutError, nats.errors.Error, OSError) as error:
                if time.monotonic() > give_up_at:
                    raise _unavailable(error) from None
                await asyncio.sleep(_PAUSE_SECONDS)

    async def _claim_once(self, claim: RunClaim) -> bool:
        subject, body = names.claim_subject(claim.cast_id), claim.model_dump_json().encode()
        try:
            await self._js.publish(subject, body, headers=dict(_EXPECT_NONE))
        except nats.js.errors.APIError as error:
            if error.err_code not in _IS_THERE:
                raise
        else:
            return True
        # A replica may lag behind the refusal and not find it: then all is asked again.
        accepted = await self._js.get_last_msg(names.CLAIMS_STREAM, subject, direct=True)
        return accepted.data == body

    async def bury(self, dead: DeadRun) -> None:
        """Keep what is known of a run that is given up; the same run once only."""
        with _translated():
            await self._js.publish(
                names.dead_run_subject(dead.reason),
                dead.model_dump_json().encode(),
                headers={api.Header.MSG_ID.value: f"{dead.reason}:{dead.cast_id}"}
                if dead.cast_id
                else None,
            )

    async def fetch_object(self, digest: str) -> bytes:
        """The bytes of a module or of resources, which have this digest.

        It reads the bucket's stream directly, and so needs no right to make consumers.

        Raises:
            SpellError: SERVICE_UNAVAILABLE when it is not there (yet), or is not what it says.
        """
        content = await self._read_object(digest)
        if content is None or f"sha256:{hashlib.sha256(content).hexdigest()}" != digest:
            raise SpellError("SERVICE_UNAVAILABLE", f"The object {digest} is not in the bucket.")
        return content

    async def fetch_code(self, engine: str, digest: str) -> bytes | None:
        """What the bucket has as the module's signed code, or None. Not to be trusted yet."""
        return await self._read_object(names.code_object(engine, digest))

    async def announce_start(self, cast_id: str) -> None:
        """Hint that the guest starts now."""
        await self._hint(cast_id, names.STARTED_HINT.encode())

    async def announce_progress(self, cast_id: str, sealed_report: str) -> None:
        """Pass on what the guest reports, sealed to the platform."""
        await self._hint(cast_id, names.PROGRESS_HINT + sealed_report.encode("ascii"))

    async def publish_verdict(self, verdict: Verdict) -> None:
        """Publish the verdict, unless the cast has one, and wake who waits for it."""
        with _translated():
            try:
                await self._js.publish(
                    names.verdict_subject(verdict.cast_id),
                    verdict.model_dump_json().encode(),
                    headers=dict(_EXPECT_NONE),
                )
            except nats.js.errors.APIError as error:
                if error.err_code not in _IS_THERE:
                    raise
        # Only now, so that whoever is woken finds it.
        await self._hint(verdict.cast_id, names.VERDICT_HINT.encode())

    async def _hint(self, cast_id: str, hint: bytes) -> None:
        try:
            await self._client.publish(names.signal_subject(cast_id), hint)
        except nats.errors.Error as error:
            # Whoever waits also looks by himself from time to time.
            _log.info("a hint is lost: %s", without_credentials(error))

    async def _read_object(self, name: str) -> bytes | None:
        """The content of an object, or None when it is not there or too large."""
        with _translated():
            try:
                return await self._read_chunks(name)
            except nats.js.errors.NotFoundError:
                return None

    async def _read_chunks(self, name: str) -> bytes:
        """Meta and chunks, in the layout that all NATS clients share."""
        stream, bucket = f"OBJ_{names.MODULES_BUCKET}", names.MODULES_BUCKET
        encoded = base64.urlsafe_b64encode(name.encode()).decode()
        meta = await self._js.get_last_msg(stream, f"$O.{bucket}.M.{encoded}", direct=True)
        info = api.ObjectInfo.from_response(json.loads(meta.data or b"{}"))
        size = info.size or 0
        if info.deleted or size > limits.BUS_OBJECT_BYTES_MAX:
            raise nats.js.errors.NotFoundError
        content, after = bytearray(), 0
        while len(content) < size:
            chunk = await self._js.get_msg(
                stream, seq=after + 1, subject=f"$O.{bucket}.C.{info.nuid}", direct=True, next=True
            )
            content += chunk.data or b""
            after = chunk.seq or 0
        return bytes(content)


def _status_of(message: Msg) -> str | None:
    return (message.headers or {}).get(api.Header.STATUS.value)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (TimeoutError, nats.errors.Error, OSError) as error:
        raise _unavailable(error) from None


def _unavailable(error: BaseException) -> SpellError:
    text = f"The message bus is away: {without_credentials(error)}"
    return SpellError("SERVICE_UNAVAILABLE", text)

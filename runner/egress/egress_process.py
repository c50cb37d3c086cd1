"""The supervisor's handle on one egress process: start it, ask it, end it.

The process reads what strangers' servers send, so it is not trusted: what it answers is bounded in
size and checked, and it has a time for it.
"""

import asyncio
import itertools
import logging
import socket
from collections.abc import Mapping

from runner.egress.frames import BODY_BYTES_MAX, Fetch, fetch_frame, read_answer
from runner.egress.locating import Endpoint
from runner.egress.messages import FetchAnswer
from runner.processes.channel import Channel
from runner.processes.child_process import ChildProcess, Death, missing_layers
from runner.processes.wire import Frame, FrameError

_START_SECONDS_MAX = 30.0
_OVERDUE_SECONDS = 5.0

_log = logging.getLogger(__name__)


class EgressDiedError(Exception):
    """The process has ended, and with it all that it was asked for."""


class EgressProcess:
    """One egress process. Made by `start`."""

    def __init__(self, process: ChildProcess) -> None:
        self._process = process
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Frame]] = {}
        self._ready: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()
        self._channel = Channel(BODY_BYTES_MAX, self._take, self._end)
        self._reaping: asyncio.Task[Death] | None = None
        self._retired = False

    @classmethod
    async def start(
        cls, static_hosts: Mapping[str, Endpoint], authorities: str, *, all_layers: bool = False
    ) -> "EgressProcess":
        """Spawn a process and wait until it is confined and ready.

        It gets an empty environment, a session of its own and no descriptor but its channel.

        Args:
            static_hosts: the operator's own.
            authorities: certificates that it trusts besides the public ones, in PEM.
            all_layers: do not accept a process that the kernel confines less than it could.

        Raises:
            EgressDiedError: it did not get ready.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            egress = cls(ChildProcess(theirs.fileno(), "runner.egress.child"))
        hosts = {host: (place.address, place.port) for host, place in static_hosts.items()}
        try:
            await egress._channel.open(ours)
            egress._channel.send(Frame({"hosts": hosts}, authorities.encode()))
            async with asyncio.timeout(_START_SECONDS_MAX):
                egress._accept(await egress._ready, all_layers=all_layers)
        except TimeoutError as error:
            await egress.close()
            raise EgressDiedError("the egress process does not get ready") from error
        except BaseException:
            await egress.close()
            raise
        return egress

    def _accept(self, hello: Frame, *, all_layers: bool) -> None:
        """Take note of how the process is confined."""
        layers = {str(layer) for layer in hello.head.get("confinement") or []}
        missing = missing_layers(layers)
        if missing and all_layers:
            raise EgressDiedError(f"the egress process is not confined by {', '.join(missing)}")
        _log.info("egress process %d is ready, confined by %s", self.pid, sorted(layers))

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it can be asked."""
        return self._reaping is None

    async def fetch(self, fetch: Fetch) -> FetchAnswer:
        """Have a request made. Cancelling this ends the request too.

        Raises:
            EgressDiedError: the process ended first, or has answered nonsense or not in time.
            ValueError: the request is not text.
        """
        number = next(self._numbers)
        frame = fetch_frame(number, fetch)
        if not self.alive:
            raise EgressDiedError("the egress process has ended")
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        self._channel.send(frame)
        try:
            async with asyncio.timeout(fetch.bounds.seconds_max + _OVERDUE_SECONDS):
                return read_answer(await answer, fetch.bounds.bytes_max)
        except (TimeoutError, FrameError) as error:
            _log.exception("egress process %d is not as it should be", self.pid)
            self._end()
            raise EgressDiedError("the egress process breaks the protocol") from error
        except asyncio.CancelledError:
            self._channel.send(Frame({"cancel": number}))
            raise
        finally:
            del self._answers[number]
            self._end_if_retired()

    def retire(self) -> None:
        """Let the process end when it has answered what it was asked."""
        self._retired = True
        self._end_if_retired()

    async def close(self) -> None:
        """End the process and wait until it is gone."""
        self._end()
        assert self._reaping is not None
        await asyncio.shield(self._reaping)

    def _take(self, frame: Frame) -> None:
        number = frame.head.get("answer")
        waiting = self._answers.get(number) if isinstance(number, int) else self._ready
        if waiting is not None and not waiting.done():
            waiting.set_result(frame)

    def _end_if_retired(self) -> None:
        if self._retired and not self._answers:
            self._end()

    def _end(self) -> None:
        """Whatever the reason: nothing is answered any more, and the process goes."""
        if self._reaping is not None:
            return
        self._reaping = asyncio.get_running_loop().create_task(self._reap())
        self._channel.close()
        for waiting in (self._ready, *self._answers.values()):
            if not waiting.done():
                waiting.set_exception(EgressDiedError("the egress process has ended"))
        self._ready.exception()  # it is retrieved, if nobody waits

    async def _reap(self) -> Death:
        death = await self._process.reap()
        _log.info(
            "egress process %d ended with status %d: %r", self.pid, death.status, death.last_words
        )
        return death

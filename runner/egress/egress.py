"""The supervisor's handle on the network: asks the egress process, and replaces it when it dies."""

import asyncio
import logging
import time
from collections.abc import Mapping
from pathlib import Path

from runner.egress.egress_process import EgressDiedError, EgressProcess
from runner.egress.frames import BODY_BYTES_MAX, Fetch
from runner.egress.locating import RESOLVER_FILE, Endpoint
from runner.egress.messages import FetchAnswer, FetchBounds, FetchRequest, Refusal
from runner.egress.targets import subject_of
from schema import limits

_IN_FLIGHT_MAX = 64
_PAUSE_AFTER_FAILURE_SECONDS = 1.0

_log = logging.getLogger(__name__)


class Egress:
    """Fetches for guests. One per runner; many requests at a time.

    It must be started, and first used, on the main thread: the process dies with the thread that
    spawned it.

    Args:
        static_hosts: hosts whose addresses the operator says, private ones too.
        authorities: certificates to trust besides the public ones, in PEM.
        enabled: False denies every request, and starts no process.
        all_layers: rather reach nobody than with a process that the kernel confines less than it
            could.
    """

    def __init__(
        self,
        static_hosts: Mapping[str, Endpoint] | None = None,
        authorities: str = "",
        *,
        enabled: bool = True,
        all_layers: bool = False,
    ) -> None:
        self._static_hosts = static_hosts or {}
        self._authorities = authorities
        self._enabled = enabled
        self._all_layers = all_layers
        self._room = asyncio.Semaphore(_IN_FLIGHT_MAX)
        self._process: EgressProcess | None = None
        self._retired: list[EgressProcess] = []
        self._resolver: tuple[int, int] | None = None
        self._starting: asyncio.Task[EgressProcess] | None = None
        self._failed_at = float("-inf")

    async def start(self) -> None:
        """Start the egress process, so that the first request need not wait for it.

        Raises:
            EgressDiedError: it does not get ready.
        """
        if self._enabled:
            await self._living()

    async def fetch(self, request: FetchRequest, bounds: FetchBounds) -> FetchAnswer:
        """Make a guest's request under the policy of its run.

        Never raises for what a guest or a server does: every failure is an answer with a
        `refusal`. Cancelling it ends the request on the network too.
        """
        subject = subject_of(request.url)
        if not self._enabled:
            return FetchAnswer(refusal="denied", subject=subject)
        bounded = _bounded(bounds)
        if len(request.body) > bounded.bytes_max or not bounded.seconds_max > 0:
            return FetchAnswer(refusal="limit", subject=subject)
        answer = await self._fetch(request, bounded)
        if isinstance(answer, FetchAnswer):
            return answer
        return FetchAnswer(refusal=answer, subject=subject)

    async def close(self) -> None:
        """End the egress process. Requests in flight are answered `unreachable`."""
        self._enabled = False
        if self._starting is not None:
            await asyncio.gather(self._starting, return_exceptions=True)
        processes = [*self._retired, *([self._process] if self._process else [])]
        await asyncio.gather(*(process.close() for process in processes))

    async def _fetch(self, request: FetchRequest, bounds: FetchBounds) -> FetchAnswer | Refusal:
        deadline = time.monotonic() + bounds.seconds_max
        try:
            async with asyncio.timeout(bounds.seconds_max):
                await self._room.acquire()
        except TimeoutError:
            return "limit"
        try:
            async with asyncio.timeout(deadline - time.monotonic()):
                process = await self._living()
            left = bounds.model_copy(update={"seconds_max": deadline - time.monotonic()})
            return await process.fetch(Fetch(request=request, bounds=left))
        except TimeoutError:
            return "limit"
        except EgressDiedError:
            return "unreachable"
        except ValueError:
            return "invalid"
        finally:
            self._room.release()

    async def _living(self) -> EgressProcess:
        """The process, or one in its place if it has died or cannot look up names any more."""
        if self._resolver != _resolver():
            self._retire()
        if self._process is not None and self._process.alive:
            return self._process
        if self._starting is None or self._starting.done():
            if time.monotonic() < self._failed_at + _PAUSE_AFTER_FAILURE_SECONDS:
                raise EgressDiedError("the egress process does not start")
            self._starting = asyncio.get_running_loop().create_task(self._spawn())
        return await asyncio.shield(self._starting)

    def _retire(self) -> None:
        """Put the process aside: it may read the resolver's old file only (landlock)."""
        self._retired = [process for process in self._retired if process.alive]
        if self._process is not None:
            self._process.retire()
            self._retired.append(self._process)
            self._process = None

    async def _spawn(self) -> EgressProcess:
        self._resolver = _resolver()
        try:
            self._process = await EgressProcess.start(
                self._static_hosts, self._authorities, all_layers=self._all_layers
            )
        except (EgressDiedError, OSError) as error:
            _log.exception("the egress process does not start")
            self._failed_at = time.monotonic()
            raise EgressDiedError(str(error)) from error
        return self._process


def _resolver() -> tuple[int, int] | None:
    """Which file the resolver reads. One that is changed in place stays the same."""
    try:
        file = Path(RESOLVER_FILE).stat()
    except OSError:
        return None
    return file.st_dev, file.st_ino


def _bounded(bounds: FetchBounds) -> FetchBounds:
    """The bounds within the platform's own."""
    return FetchBounds(
        net_allow=bounds.net_allow,
        bytes_max=min(bounds.bytes_max, BODY_BYTES_MAX),
        seconds_max=min(bounds.seconds_max, limits.TIMEOUT_MS_MAX / 1000),
    )

"""The supervisor's handle on the network: asks the egress process, and replaces it when it dies."""

import asyncio
import logging
import time
from collections.abc import Mapping

from runner.egress.egress_process import EgressDiedError, EgressProcess
from runner.egress.frames import BODY_BYTES_MAX, Fetch
from runner.egress.locating import Endpoint
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
        if self._process is not None:
            await self._process.close()

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
        """The process, or one in its place if it has died."""
        if self._process is not None and self._process.alive:
            return self._process
        if self._starting is None or self._starting.done():
            if time.monotonic() < self._failed_at + _PAUSE_AFTER_FAILURE_SECONDS:
                raise EgressDiedError("the egress process does not start")
            self._starting = asyncio.get_running_loop().create_task(self._spawn())
        return await asyncio.shield(self._starting)

    async def _spawn(self) -> EgressProcess:
        try:
            self._process = await EgressProcess.start(
                self._static_hosts, self._authorities, all_layers=self._all_layers
            )
        except (EgressDiedError, OSError) as error:
            _log.exception("the egress process does not start")
            self._failed_at = time.monotonic()
            raise EgressDiedError(str(error)) from error
        return self._process


def _bounded(bounds: FetchBounds) -> FetchBounds:
    """The bounds within the platform's own."""
    return FetchBounds(
        net_allow=bounds.net_allow,
        bytes_max=min(bounds.bytes_max, BODY_BYTES_MAX),
        seconds_max=min(bounds.seconds_max, limits.TIMEOUT_MS_MAX / 1000),
    )

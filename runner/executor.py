"""Executes one run on one sandbox process, from sealed inputs to a verdict."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from runner.compiling.code_store import CodeStore, CompilerDiedError
from runner.pool import SandboxPool
from runner.refusals import ModuleRefusedError
from runner.sandbox_process import SandboxDiedError, SandboxProcess, StaleCodeRefusedError
from runner.sealing import RunnerKey
from runner.stage_clock import StageClock
from runner.starvation import was_starved
from runner.verdicts import VerdictWriter
from schema import limits
from schema.contracts.run import RunRequest, Verdict
from schema.errors import SpellError

_WARM_MODULES_MAX = 32
_WARM_CODE_BYTES_MAX = 256 * limits.MIB


class PlatformFaultError(Exception):
    """The run did not happen, or its end is unknown, and the spell is not to blame."""


class AlreadyStartedError(Exception):
    """The run must start at most once, and somebody has started it before."""


@dataclass(eq=False)
class Execution:
    """One run on its way, and the switch that stops it."""

    request: RunRequest
    delivery: int = 1
    """Which delivery of the run this is."""
    clock: StageClock = field(default_factory=StageClock)
    stopped: bool = False
    claimed: bool = False
    """Its one start is ours. Whatever happens now, it must not be started again."""
    process: SandboxProcess | None = None
    """The process whose guest it is, while it runs."""

    def stop(self) -> None:
        """End the run now, wherever it is."""
        self.stopped = True
        if self.process is not None:
            self.process.stop()


class Executor:
    """Has runs executed by a pool of sandbox processes.

    Args:
        pool: the processes, started.
        code: where compiled modules come from.
        key: opens the inputs.
        verdicts: writes how runs ended.
        announce_start: tells who waits for a cast that its guest starts.
        claim: claims the one start of a run; False when it is somebody else's.
    """

    def __init__(
        self,
        pool: SandboxPool,
        code: CodeStore,
        key: RunnerKey,
        verdicts: VerdictWriter,
        announce_start: Callable[[str], Awaitable[None]],
        claim: Callable[[Execution], Awaitable[bool]],
    ) -> None:
        self._pool = pool
        self._code = code
        self._key = key
        self._verdicts = verdicts
        self._announce_start = announce_start
        self._claim = claim

    async def execute(self, execution: Execution) -> Verdict:
        """Run it and write the verdict.

        Raises:
            PlatformFaultError: it may be tried again, unless its start was claimed.
            AlreadyStartedError: it must not be started.
        """
        request = execution.request
        try:
            inputs = self._key.open(request.sealed_inputs)
            async with self._pool.process(request.module_digest) as process:
                await self._make_warm(process, request.module_digest)
                if request.policy.at_most_once and not execution.stopped:
                    await self._claim_start(execution)
                if execution.stopped:
                    return self._verdicts.cancelled_before_start(request)
                return await self._run(execution, process, inputs)
        except ModuleRefusedError as refusal:
            return self._verdicts.refused(request, refusal)
        except (SandboxDiedError, CompilerDiedError, SpellError, ValueError) as error:
            raise PlatformFaultError(str(error)) from error

    async def _claim_start(self, execution: Execution) -> None:
        if not await self._claim(execution):
            raise AlreadyStartedError
        execution.claimed = True

    async def _run(self, execution: Execution, process: SandboxProcess, inputs: bytes) -> Verdict:
        request = execution.request
        await self._announce_start(request.cast_id)
        execution.process = process
        execution.clock.guest_starts()
        try:
            end = await process.run(request.module_digest, request.entry, request.limits, inputs)
        finally:
            execution.clock.guest_ended()
            execution.process = None
        if not execution.stopped and was_starved(end, request.limits.timeout_ms):
            raise PlatformFaultError("the host gave the guest next to no processor time")
        return self._verdicts.of_run(request, end, len(inputs), stopped=execution.stopped)

    async def _make_warm(self, process: SandboxProcess, digest: str) -> None:
        if digest in process.warm:
            return
        try:
            await process.load(digest, await self._code.compiled(process.engine, digest))
        except StaleCodeRefusedError:
            # The cache came from another machine, or the engine changed without a new name.
            await self._code.forget(process.engine, digest)
            try:
                await process.load(digest, await self._code.compiled(process.engine, digest))
            except StaleCodeRefusedError as error:
                raise PlatformFaultError("code compiled here does not run here") from error
        while _is_too_warm(process):
            await process.drop(next(iter(process.warm)))


def _is_too_warm(process: SandboxProcess) -> bool:
    too_much = sum(process.warm.values()) > _WARM_CODE_BYTES_MAX and len(process.warm) > 1
    return too_much or len(process.warm) > _WARM_MODULES_MAX

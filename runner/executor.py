"""Executes one run on one sandbox process, from sealed inputs to a verdict."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from runner.attendance import Attendance, Egress
from runner.compiling.code_store import CodeStore
from runner.compiling.frozen_code import FrozenCode
from runner.compiling.local_compiler import CompilerDiedError
from runner.ports import Announcer
from runner.processes.guest_run import GuestRun
from runner.processes.pool import SandboxPool
from runner.processes.sandbox_process import SandboxDiedError, SandboxProcess, StaleCodeRefusedError
from runner.progress_line import ProgressLine
from runner.redaction import Redaction, environment_values
from runner.refusals import ModuleRefusedError
from runner.resource_store import ResourceStore
from runner.sealing import RunnerKey, seal
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


class AlreadyStartedError(PlatformFaultError):
    """The run must start at most once, and its one start is not ours."""


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
        resources: where archives of resources come from.
        verdicts: writes how runs ended.
        egress: how guests reach other hosts.
        announcer: tells who waits for a cast what happens to it.
        claim: claims the one start of a run; False when it is somebody else's. Without it, what
            must start at most once does not start.
    """

    def __init__(
        self,
        pool: SandboxPool,
        code: CodeStore,
        resources: ResourceStore,
        key: RunnerKey,
        verdicts: VerdictWriter,
        egress: Egress,
        announcer: Announcer,
        claim: Callable[[Execution], Awaitable[bool]] | None = None,
    ) -> None:
        self._pool = pool
        self._code = code
        self._resources = resources
        self._key = key
        self._verdicts = verdicts
        self._egress = egress
        self._announcer = announcer
        self._claim = claim

    async def execute(self, execution: Execution) -> Verdict:
        """Run it and write the verdict.

        Raises:
            PlatformFaultError: it may be tried again, unless its start was claimed.
            AlreadyStartedError: it must not be started.
        """
        request = execution.request
        try:
            guest = self._opened(request)
            code = await self._code_if_cold(request.module_digest)
            async with self._pool.process(request.module_digest) as process:
                await self._make_warm(process, request.module_digest, code)
                await self._resources.provide(process, request.policy.resources_digest)
                if request.policy.at_most_once and not execution.stopped:
                    await self._claim_start(execution)
                if execution.stopped:
                    return self._verdicts.cancelled_before_start(request)
                return await self._run(execution, process, guest)
        except ModuleRefusedError as refusal:
            return self._verdicts.refused(request, refusal)
        except (SandboxDiedError, CompilerDiedError, SpellError, ValueError) as error:
            raise PlatformFaultError(str(error)) from error

    async def _claim_start(self, execution: Execution) -> None:
        if self._claim is None or not await self._claim(execution):
            raise AlreadyStartedError("its one start is not ours")
        execution.claimed = True

    def _opened(self, request: RunRequest) -> GuestRun:
        sealed = request.sealed_environment
        return GuestRun(
            module_digest=request.module_digest,
            entry=request.entry,
            bounds=request.limits,
            policy=request.policy,
            seed=request.seed,
            clock_unix_ms=request.clock_unix_ms,
            inputs=self._key.open(request.sealed_inputs),
            environment=self._key.open(sealed) if sealed else b"",
        )

    async def _run(self, execution: Execution, process: SandboxProcess, guest: GuestRun) -> Verdict:
        request = execution.request
        redaction = Redaction(environment_values(guest.environment))
        progress = ProgressLine(
            lambda report: self._announcer.announce_progress(
                request.cast_id, seal(request.reply_public_key, report)
            )
        )
        attendance = Attendance(
            request.limits, request.policy, self._egress, redaction, progress.put
        )
        await self._announcer.announce_start(request.cast_id)
        execution.process = process
        execution.clock.guest_starts()
        try:
            end = await process.run(guest, attendance)
        finally:
            execution.clock.guest_ended()
            execution.process = None
            await progress.close()
        if not execution.stopped and was_starved(end, request.limits.timeout_ms):
            raise PlatformFaultError("the host gave the guest next to no processor time")
        return self._verdicts.of_run(
            request,
            end,
            attendance,
            redaction,
            input_bytes=len(guest.inputs),
            stopped=execution.stopped,
        )

    async def _code_if_cold(self, digest: str) -> FrozenCode | None:
        """Find the code first: no sandbox process waits while code is fetched or compiled."""
        engine = self._pool.engine
        if self._pool.is_warm(digest) or self._code.is_in_memory(engine, digest):
            return None
        return await self._code.compiled(engine, digest)

    async def _make_warm(
        self, process: SandboxProcess, digest: str, code: FrozenCode | None
    ) -> None:
        if digest in process.warm:
            self._code.counters.count("hits_child")
            return
        if code is None:
            code = await self._code.compiled(process.engine, digest)
        try:
            await process.load(digest, code)
        except StaleCodeRefusedError:
            await self._load_anew(process, digest, code)
        while _is_too_warm(process):
            self._code.counters.count("evicted_child")
            await process.drop(next(iter(process.warm)))

    async def _load_anew(self, process: SandboxProcess, digest: str, stale: FrozenCode) -> None:
        """Have the code made here: what there was is for another processor."""
        code = await self._code.compiled_anew(process.engine, digest, stale)
        try:
            await process.load(digest, code)
        except StaleCodeRefusedError as error:
            raise PlatformFaultError("code compiled here does not run here") from error


def _is_too_warm(process: SandboxProcess) -> bool:
    too_much = sum(process.warm.values()) > _WARM_CODE_BYTES_MAX and len(process.warm) > 1
    return too_much or len(process.warm) > _WARM_MODULES_MAX

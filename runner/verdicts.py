"""From what happened to a run to the verdict that the platform reads.

Usage is cut to the limits of the run: overhead of ours above them is not the caster's, and a
sandbox process that was taken over must not be able to report more than the worst case.
"""

from typing import Any, Protocol

from runner.processes.guest_report import GuestReport
from runner.processes.guest_run import Finished, Killed
from runner.redaction import Redaction
from runner.refusals import ModuleRefusedError
from runner.sealing import seal
from schema.contracts.run import Outcome, RunLimits, RunRequest, RunViolation, Usage, Verdict
from schema.packaging.artifact_archive import archive_bytes_max


class NetworkUse(Protocol):
    """What a run used of the network, as the supervisor counted it."""

    net_requests: int
    net_bytes: int


class VerdictWriter:
    """Writes verdicts in the name of one runner.

    Args:
        runner_id: which process of the fleet says so.
        engine: engine name, for replays.
    """

    def __init__(self, runner_id: str, engine: str) -> None:
        self._runner_id = runner_id
        self._engine = engine

    def of_run(
        self,
        request: RunRequest,
        end: Finished | Killed,
        network: NetworkUse,
        redaction: Redaction,
        *,
        input_bytes: int,
        stopped: bool,
    ) -> Verdict:
        """The verdict of a guest that ran.

        Args:
            request: what was to run.
            end: how it ended.
            network: what it used of the network.
            redaction: takes secrets out of the log.
            input_bytes: what it could read.
            stopped: it was asked to stop; then an interrupted run counts as cancelled.

        Raises:
            ValueError: the request's reply key is none.
        """
        if isinstance(end, Killed):
            return self._of_killed(request, end, network, input_bytes)
        report, limits = end.report, request.limits
        stderr = redaction.of_bytes(end.stderr[: limits.stderr_bytes_max])
        sealed_stderr = seal(request.reply_public_key, stderr) if stderr else None
        ran: dict[str, Any] = {
            "usage": _usage_of(report, limits, network, input_bytes),
            "sealed_stderr": sealed_stderr,
            "violations": [_masked(one, redaction) for one in report.violations],
        }
        if report.code is None:
            output = end.output[: limits.output_bytes_max]
            return self._verdict(
                request,
                Outcome.SUCCEEDED,
                sealed_output=seal(request.reply_public_key, output),
                sealed_artifacts=_sealed_artifacts(request, end.artifacts),
                **ran,
            )
        if stopped and report.code == "TIME_EXCEEDED":
            return self._verdict(request, Outcome.CANCELLED, "CAST_CANCELLED", **ran)
        return self._verdict(
            request,
            _outcome_of(report.code),
            report.code,
            details=redaction.of_json(report.details),
            **ran,
        )

    def cancelled_before_start(self, request: RunRequest) -> Verdict:
        """The verdict of a run that was stopped before its guest began: nothing was used."""
        return self._verdict(request, Outcome.CANCELLED, "CAST_CANCELLED")

    def revoked(self, request: RunRequest, ended: Verdict | None = None) -> Verdict:
        """The verdict of a run that may not be, or may not go on; `ended` is what it came to.

        Nothing that it wrote leaves this process; what it used is told, and not charged.
        """
        verdict = self._verdict(request, Outcome.FAILED, "SPELL_REVOKED")
        if ended is None:
            return verdict
        told = {"usage": ended.usage, "violations": ended.violations}
        return verdict.model_copy(update=told)

    def refused(self, request: RunRequest, refusal: ModuleRefusedError) -> Verdict:
        """The verdict of a module that cannot run; publishing should have refused it."""
        details = {"message": refusal.message, **refusal.details}
        return self._verdict(request, Outcome.FAILED, "MODULE_INVALID", details=details)

    def lost(self, cast_id: str, deliveries: int, *, at_most_once: bool = False) -> Verdict:
        """The verdict of a run that was given up by the platform.

        Args:
            cast_id: whose run it is; more need not be known of it.
            deliveries: how often it was in a runner's hands.
            at_most_once: it was given up because it had been started, and may not be again.
        """
        return Verdict(
            cast_id=cast_id,
            outcome=Outcome.LOST,
            code="RUNNER_LOST",
            details={"deliveries": deliveries} | ({"at_most_once": True} if at_most_once else {}),
            runner_id=self._runner_id,
            engine=self._engine,
        )

    def _of_killed(
        self, request: RunRequest, end: Killed, network: NetworkUse, input_bytes: int
    ) -> Verdict:
        # What is not known of a killed guest (fuel, memory, output) is not charged.
        limits = request.limits
        usage = Usage(
            fuel=0,
            wall_ms=min(end.wall_ms, limits.timeout_ms),
            cpu_ms=min(end.cpu_ms, limits.timeout_ms),
            memory_bytes_peak=0,
            input_bytes=input_bytes,
            output_bytes=0,
            stderr_bytes=0,
            net_requests=network.net_requests,
            net_bytes=network.net_bytes,
        )
        if end.code is None:
            return self._verdict(request, Outcome.CANCELLED, "CAST_CANCELLED", usage=usage)
        limit = (
            {"memory_bytes_max": limits.memory_bytes_max}
            if end.code == "MEMORY_EXCEEDED"
            else {"timeout_ms": limits.timeout_ms}
        )
        return self._verdict(request, _outcome_of(end.code), end.code, details=limit, usage=usage)

    def _verdict(
        self, request: RunRequest, outcome: Outcome, code: str | None = None, **members: Any
    ) -> Verdict:
        return Verdict(
            cast_id=request.cast_id,
            outcome=outcome,
            code=code,
            runner_id=self._runner_id,
            engine=self._engine,
            clock_unix_ms=request.clock_unix_ms,
            **members,
        )


def _usage_of(
    report: GuestReport, limits: RunLimits, network: NetworkUse, input_bytes: int
) -> Usage:
    return Usage(
        fuel=min(report.fuel, limits.fuel),
        wall_ms=min(report.wall_ms, limits.timeout_ms),
        cpu_ms=min(report.cpu_ms, limits.timeout_ms),
        memory_bytes_peak=min(report.memory_bytes_peak, limits.memory_bytes_max),
        input_bytes=input_bytes,
        output_bytes=min(report.output_bytes, limits.output_bytes_max),
        stderr_bytes=min(report.stderr_bytes, limits.stderr_bytes_max),
        host_calls=min(report.host_calls, limits.host_calls_max),
        scratch_bytes_peak=min(report.scratch_bytes_peak, limits.scratch_bytes_max),
        artifact_bytes=min(report.artifact_bytes, limits.artifacts_bytes_max),
        net_requests=network.net_requests,
        net_bytes=network.net_bytes,
    )


def _sealed_artifacts(request: RunRequest, archive: bytes) -> str | None:
    """What the run left to be kept. The platform looks what it is; here it is only bounded."""
    bytes_max = request.limits.artifacts_bytes_max
    if not (archive and bytes_max):
        return None
    return seal(request.reply_public_key, archive[: archive_bytes_max(bytes_max)])


def _masked(violation: RunViolation, redaction: Redaction) -> RunViolation:
    """The violation without secrets: a guest chooses the paths and hosts that it asks for."""
    return violation.model_copy(update=redaction.of_json({"subject": violation.subject}))


def _outcome_of(code: str) -> Outcome:
    return Outcome.TIMED_OUT if code == "TIME_EXCEEDED" else Outcome.FAILED

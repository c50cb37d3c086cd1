"""Verdicts say no more than is known, and charge no more than the limits."""

import base64
from typing import Any, get_args

import pytest
from nacl.public import SealedBox

from runner.processes.guest_report import GuestCode, GuestReport
from runner.processes.guest_run import Finished, Killed
from runner.redaction import Redaction
from runner.refusals import ModuleRefusedError
from runner.sealing import RunnerKey, seal
from runner.verdicts import VerdictWriter
from schema.contracts.run import Outcome, Verdict
from schema.errors import catalogue
from tests.modules.fleet import FLEET_KEY, LIMITS, base64_of, opened, request_for
from tests.support.attendants import NoNetworkUse

REQUEST = request_for("hello")
WRITER = VerdictWriter("runner-1", "wasmtime-1/abc")


def finished(code: str | None = None, **members: Any) -> Finished:
    output, stderr = members.pop("output", b""), members.pop("stderr", b"")
    report: dict[str, Any] = {
        "code": code,
        "details": {},
        "fuel": 5,
        "wall_ms": 6,
        "cpu_ms": 7,
        "memory_bytes_peak": 8,
        "output_bytes": len(output),
        "stderr_bytes": len(stderr),
    }
    return Finished(GuestReport.model_validate(report | members), output, stderr)


def verdict_of(end: Finished | Killed, *, stopped: bool, secrets: tuple[str, ...] = ()) -> Verdict:
    return WRITER.of_run(
        REQUEST, end, NoNetworkUse(), Redaction(secrets), input_bytes=4, stopped=stopped
    )


def test_success_carries_the_output_sealed_to_the_platform() -> None:
    verdict = verdict_of(finished(output=b"out", stderr=b"err"), stopped=False)
    assert verdict.outcome is Outcome.SUCCEEDED
    assert opened(verdict.sealed_output) == b"out"
    assert opened(verdict.sealed_stderr) == b"err"
    assert (verdict.runner_id, verdict.engine) == ("runner-1", "wasmtime-1/abc")
    assert verdict.usage is not None
    assert verdict.usage.model_dump() == {
        "fuel": 5,
        "wall_ms": 6,
        "cpu_ms": 7,
        "memory_bytes_peak": 8,
        "input_bytes": 4,
        "output_bytes": 3,
        "stderr_bytes": 3,
        "host_calls": 0,
        "scratch_bytes_peak": 0,
        "net_requests": 0,
        "net_bytes": 0,
    }


def test_secrets_are_masked_in_the_error_stream_and_short_ones_are_not() -> None:
    end = finished("SPELL_FAILED", stderr=b"token=hunter22 a=abc hunter2")
    verdict = verdict_of(end, stopped=False, secrets=("hunter2", "hunter22", "abc"))
    assert opened(verdict.sealed_stderr) == b"token=*** a=abc ***"


def test_failure_carries_the_error_stream_but_no_output() -> None:
    verdict = verdict_of(finished("SPELL_FAILED", stderr=b"no"), stopped=False)
    assert (verdict.outcome, verdict.code) == (Outcome.FAILED, "SPELL_FAILED")
    assert verdict.sealed_output is None
    assert opened(verdict.sealed_stderr) == b"no"


def test_usage_over_the_limits_is_cut_to_them() -> None:
    huge = dict.fromkeys(("fuel", "wall_ms", "cpu_ms", "memory_bytes_peak", "output_bytes"), 2**60)
    usage = verdict_of(finished("SPELL_FAILED", **huge), stopped=False).usage
    assert usage is not None
    assert usage.fuel == LIMITS.fuel
    assert usage.wall_ms == usage.cpu_ms == LIMITS.timeout_ms
    assert usage.memory_bytes_peak == LIMITS.memory_bytes_max
    assert usage.output_bytes == LIMITS.output_bytes_max


@pytest.mark.parametrize(
    "nonsense",
    [{"code": "CAST_CANCELLED"}, {"code": "ANYTHING"}, {"fuel": -1}, {"fuel": "many"}, {"x": 1}],
)
def test_a_report_that_no_sandbox_would_give_is_not_believed(nonsense: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        finished(**nonsense)


def test_every_code_of_a_guest_is_in_the_catalogue() -> None:
    assert set(catalogue()) >= set(get_args(GuestCode))


def test_an_interrupted_run_that_was_to_stop_is_cancelled_with_its_usage() -> None:
    verdict = verdict_of(finished("TIME_EXCEEDED"), stopped=True)
    assert (verdict.outcome, verdict.code) == (Outcome.CANCELLED, "CAST_CANCELLED")
    assert verdict.usage is not None


def test_a_run_that_ended_before_the_stop_reached_it_is_what_it_is() -> None:
    assert verdict_of(finished(), stopped=True).outcome is Outcome.SUCCEEDED


def test_of_a_killed_run_only_clock_and_processor_are_charged() -> None:
    verdict = verdict_of(Killed("TIME_EXCEEDED", 99_999, 12), stopped=False)
    assert (verdict.outcome, verdict.code) == (Outcome.TIMED_OUT, "TIME_EXCEEDED")
    assert verdict.usage is not None
    assert (verdict.usage.wall_ms, verdict.usage.cpu_ms) == (LIMITS.timeout_ms, 12)
    assert (verdict.usage.fuel, verdict.usage.memory_bytes_peak) == (0, 0)


def test_what_did_not_run_has_no_usage() -> None:
    refusal = ModuleRefusedError("no entry", {"entry": "x"})
    for verdict in (
        WRITER.cancelled_before_start(REQUEST),
        WRITER.refused(REQUEST, refusal),
        WRITER.lost(REQUEST.cast_id, 5),
    ):
        assert verdict.usage is None


def test_sealed_inputs_open_with_the_fleets_key_only() -> None:
    key = RunnerKey(base64_of(bytes(FLEET_KEY)))
    sealed = base64_of(SealedBox(FLEET_KEY.public_key).encrypt(b"secret"))
    assert key.open(sealed) == b"secret"
    other = RunnerKey(base64.b64encode(b"o" * 32).decode())
    for wrong_key, box in ((other, sealed), (key, "not base64!"), (key, "")):
        with pytest.raises(ValueError, match="not sealed"):
            wrong_key.open(box)


@pytest.mark.parametrize("text", ["", "short", "YWJj"])
def test_a_text_that_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="key"):
        RunnerKey(text)
    with pytest.raises(ValueError, match="key"):
        seal(text, b"")


def test_a_secret_in_a_path_or_host_that_the_guest_asked_for_is_masked() -> None:
    """Violations and details stand in tables and answers; their subjects are the guest's choice."""
    end = finished(
        "NETWORK_DENIED",
        details={"hosts": ["open-sesame.example.com"]},
        violations=[{"kind": "net_denied", "subject": "open-sesame.example.com", "count": 2}],
    )
    verdict = verdict_of(end, stopped=False, secrets=("open-sesame",))
    assert "open-sesame" not in verdict.model_dump_json()
    assert verdict.details == {"hosts": ["***.example.com"]}
    (violation,) = verdict.violations
    assert (violation.subject, violation.count) == ("***.example.com", 2)

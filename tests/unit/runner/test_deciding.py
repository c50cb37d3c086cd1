"""What becomes of a delivery, when what can go wrong does."""

import time
from typing import Any, cast

import pytest

from runner.deciding import Decider, Settlement
from runner.executor import AlreadyStartedError, Execution, Executor, PlatformFaultError
from runner.verdicts import VerdictWriter
from schema import limits
from schema.contracts.run import Outcome, Verdict
from schema.errors import SpellError
from tests.modules.fleet import request_for
from tests.support.builders import USAGE

WRITER = VerdictWriter("runner-1", "wasmtime-1/abc")
LAST = limits.RUN_DELIVERIES_MAX
REVOKED = (Outcome.FAILED, "SPELL_REVOKED")


class Stage:
    """A bus and an executor that do what the test says."""

    def __init__(self, end: Exception | Outcome, *, ended: bool = False) -> None:
        self.end = end
        self.ended = ended
        self.claims = False
        self.revoked: set[str] = set()
        self.revoke_while_running = False
        self.unreadable = False
        self.runs = 0

    def is_revoked(self, digest: str) -> bool:
        return digest in self.revoked

    async def refresh(self) -> None:
        if self.unreadable:
            raise SpellError("SERVICE_UNAVAILABLE")

    async def has_verdict(self, cast_id: str) -> bool:
        del cast_id
        return self.ended

    async def execute(self, execution: Execution) -> Verdict:
        self.runs += 1
        execution.claimed = self.claims
        if self.revoke_while_running:
            self.revoked.add(execution.request.module_digest)
        if isinstance(self.end, Exception):
            raise self.end
        return Verdict(
            cast_id=execution.request.cast_id, outcome=self.end, usage=USAGE, sealed_output="b3V0"
        )

    async def decide(self, execution: Execution) -> Settlement:
        stand_in = cast("Any", self)
        decider = Decider(stand_in, cast("Executor", stand_in), WRITER, stand_in)
        return await decider.decide(execution)


def delivered(number: int) -> Execution:
    return Execution(request_for("hello"), delivery=number)


async def test_a_run_that_ends_is_told_with_its_stages() -> None:
    settlement = await Stage(Outcome.SUCCEEDED).decide(delivered(1))
    assert settlement.verdict is not None
    assert settlement.verdict.outcome is Outcome.SUCCEEDED
    assert settlement.verdict.stages.prepare_us > 0
    assert (settlement.again, settlement.cause) == (False, "")


FAULTS = [PlatformFaultError("no"), SpellError("SERVICE_UNAVAILABLE"), RuntimeError("a bug")]


@pytest.mark.parametrize("fault", FAULTS)
async def test_after_a_fault_of_ours_a_run_comes_again_until_its_last_delivery(
    fault: Exception,
) -> None:
    for number in range(1, LAST):
        assert await Stage(fault).decide(delivered(number)) == Settlement(again=True)
    last = await Stage(fault).decide(delivered(LAST))
    assert last.verdict is not None
    assert (last.verdict.code, last.verdict.usage) == ("RUNNER_LOST", None)
    assert last.verdict.details == {"deliveries": LAST}
    assert last.cause


@pytest.mark.parametrize("fault", FAULTS)
async def test_after_a_fault_of_ours_a_claimed_run_is_lost_at_once(fault: Exception) -> None:
    stage = Stage(fault)
    stage.claims = True
    settlement = await stage.decide(delivered(1))
    assert settlement.verdict is not None
    assert (settlement.verdict.outcome, settlement.verdict.usage) == (Outcome.LOST, None)
    assert settlement.verdict.details == {"deliveries": 1, "at_most_once": True}
    assert not settlement.again


async def test_a_run_whose_start_is_somebody_elses_is_lost() -> None:
    settlement = await Stage(AlreadyStartedError()).decide(delivered(2))
    assert settlement.verdict is not None
    assert settlement.verdict.details == {"deliveries": 2, "at_most_once": True}


async def test_a_run_over_its_deliveries_is_lost_without_running() -> None:
    stage = Stage(Outcome.SUCCEEDED)
    settlement = await stage.decide(delivered(LAST + 1))
    assert settlement.verdict is not None
    assert settlement.verdict.code == "RUNNER_LOST"
    assert stage.runs == 0


async def test_a_run_that_has_ended_or_expired_does_not_run() -> None:
    ended, late = Stage(Outcome.SUCCEEDED, ended=True), Stage(Outcome.SUCCEEDED)
    expired = request_for("hello").model_copy(update={"expires_at_unix": int(time.time())})
    assert await ended.decide(delivered(1)) == Settlement()
    assert await late.decide(Execution(expired)) == Settlement()
    assert (ended.runs, late.runs) == (0, 0)


PACKAGE = "sha256:" + "9" * 64


async def test_a_run_of_a_revoked_package_or_module_does_not_start() -> None:
    run = delivered(1)
    request = run.request.model_copy(update={"package_digest": PACKAGE})
    for digest in (PACKAGE, request.module_digest):
        stage = Stage(Outcome.SUCCEEDED)
        stage.revoked = {digest}
        settlement = await stage.decide(Execution(request))
        assert settlement.verdict is not None
        assert (settlement.verdict.outcome, settlement.verdict.code) == REVOKED
        assert (settlement.verdict.usage, stage.runs) == (None, 0)


async def test_nothing_starts_while_it_cannot_be_known_what_is_revoked() -> None:
    stage = Stage(Outcome.SUCCEEDED)
    stage.unreadable = True
    assert await stage.decide(delivered(1)) == Settlement(again=True)
    assert stage.runs == 0


async def test_what_a_run_wrote_does_not_leave_the_runner_when_it_is_revoked_meanwhile() -> None:
    stage = Stage(Outcome.SUCCEEDED)
    stage.revoke_while_running = True
    settlement = await stage.decide(delivered(1))
    assert settlement.verdict is not None
    assert (settlement.verdict.outcome, settlement.verdict.code) == REVOKED
    assert (settlement.verdict.sealed_output, settlement.verdict.usage) == (None, USAGE)

"""Replays: what is run again, what it may cost, and what is left when it fails.

Method: the workflow over the real activities and Postgres; the runner on the bus is scripted.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from temporalio.client import Client, WorkflowFailureError
from temporalio.exceptions import ApplicationError

from infra.postgres import Database
from schema.contracts.replay import ReplayInput, ReplayReport
from schema.contracts.run import Outcome, RunPolicy, RunRequest, Verdict
from tests.support.builders import USAGE, Person, a_cast, make_person, publish
from tests.support.interceptors import StepFaults
from tests.support.money import assert_books_balance, credit_left, open_holds
from tests.support.platform import CastingPlatform, make_vault, verdict_for

CREDIT = 10_000
INPUTS = '{"n":1}'


class Fleet:
    """A runner that remembers its requests, and answers the cast in one way and others in its own.

    Args:
        again: what replays are answered with; None never answers.
    """

    def __init__(self, again: Any = verdict_for) -> None:
        self.requests: list[RunRequest] = []
        self.asked_again = asyncio.Event()
        self._again = again

    def __call__(self, request: RunRequest) -> Verdict | None:
        self.requests.append(request)
        if len(self.requests) > 1:
            self.asked_again.set()
        told: Verdict | None = (verdict_for if len(self.requests) == 1 else self._again)(request)
        return told


class Replayed:
    """A cast that has ended, and the platform to replay it on."""

    def __init__(self, platform: CastingPlatform, caster: Person, cast_id: str) -> None:
        self.platform = platform
        self.caster = caster
        self.cast_id = cast_id

    async def replay(self, inputs: str = INPUTS) -> ReplayReport:
        request = ReplayInput(cast_id=self.cast_id, inputs_json=inputs)
        return await (await self.platform.start_replay(request)).result()

    async def failure(self, inputs: str = INPUTS) -> str | None:
        with pytest.raises(WorkflowFailureError) as raised:
            await self.replay(inputs)
        assert isinstance(raised.value.cause, ApplicationError)
        return raised.value.cause.type


@asynccontextmanager
async def ended_cast(
    client: Client, database: Database, fleet: Fleet, **options: Any
) -> AsyncIterator[Replayed]:
    spell = await publish(database, await make_person(database), **options.pop("package", {}))
    caster = await make_person(database, credit_micros=CREDIT)
    platform = CastingPlatform(client, database, fleet, **options)
    request = a_cast(caster, spell.spell_key, inputs_json=INPUTS)
    async with platform.worker:
        await (await platform.start(request)).result()
        yield Replayed(platform, caster, request.cast_id)


async def test_a_replay_runs_the_same_under_another_id_and_finds_the_same(
    client: Client, database: Database
) -> None:
    fleet = Fleet()
    async with ended_cast(client, database, fleet) as cast:
        report = await cast.replay()
        assert report.matches
        assert [check.name for check in report.checks if not check.passed] == []
        first, second = fleet.requests
        assert second.cast_id != first.cast_id == cast.cast_id
        assert second.cast_id.rpartition("_")[0] == first.cast_id.rpartition("_")[0], "same account"
        for name in ("module_digest", "entry", "limits", "policy", "seed", "clock_unix_ms"):
            assert getattr(second, name) == getattr(first, name)
        assert first.clock_unix_ms > 1_600_000_000_000
        assert first.seed != "0" * 64


async def test_the_record_holds_what_the_runner_was_asked_for(
    client: Client, database: Database
) -> None:
    fleet = Fleet()
    async with ended_cast(client, database, fleet) as cast:
        receipt = await cast.platform.receipts.receipt(cast.caster.account_id, cast.cast_id)
        assert receipt is not None
        request = fleet.requests[0]
        for name in (
            "module_digest",
            "target",
            "entry",
            "limits",
            "policy",
            "seed",
            "clock_unix_ms",
        ):
            assert getattr(receipt.run, name) == getattr(request, name)
        assert await cast.platform.receipts.receipt("acct_" + "z" * 16, cast.cast_id) is None


async def test_a_cast_of_which_nothing_ran_has_no_receipt(
    client: Client, database: Database
) -> None:
    spell = await publish(database, await make_person(database))
    caster = await make_person(database, credit_micros=CREDIT)

    def lose(request: RunRequest) -> Verdict:
        return verdict_for(request, outcome=Outcome.LOST, code="RUNNER_LOST", usage=None)

    platform = CastingPlatform(client, database, lose)
    request = a_cast(caster, spell.spell_key)
    async with platform.worker:
        await (await platform.start(request)).result()
    assert await platform.receipts.receipt(caster.account_id, request.cast_id) is None


async def test_a_replay_moves_no_money(client: Client, database: Database) -> None:
    async with ended_cast(client, database, Fleet()) as cast:
        before = await credit_left(database, cast.caster)
        await cast.replay()
        assert await credit_left(database, cast.caster) == before
        assert await open_holds(database, cast.caster) == 0
        await assert_books_balance(database)


async def test_another_outcome_is_reported_figure_by_figure(
    client: Client, database: Database
) -> None:
    more = USAGE.model_copy(update={"fuel": USAGE.fuel + 1})
    fleet = Fleet(lambda request: verdict_for(request, output=b"{}", usage=more))
    async with ended_cast(client, database, fleet) as cast:
        report = await cast.replay()
        assert not report.matches
        different = [check.name for check in report.checks if not check.passed]
        assert different == ["replay output digest", "replay fuel"]


async def test_other_inputs_are_refused_and_nothing_runs(
    client: Client, database: Database
) -> None:
    fleet = Fleet()
    async with ended_cast(client, database, fleet) as cast:
        assert await cast.failure('{"n":2}') == "VALIDATION_ERROR"
        assert len(fleet.requests) == 1


async def test_a_spell_that_is_not_deterministic_is_refused_and_nothing_runs(
    client: Client, database: Database
) -> None:
    fleet = Fleet()
    package = {"policy": RunPolicy(deterministic=False)}
    async with ended_cast(client, database, fleet, package=package) as cast:
        assert await cast.failure() == "NOT_REPLAYABLE"
        assert len(fleet.requests) == 1


async def test_a_cast_without_a_receipt_is_refused(client: Client, database: Database) -> None:
    async with ended_cast(client, database, Fleet()) as cast:
        cast.cast_id = cast.cast_id[:-1] + ("a" if cast.cast_id[-1] != "a" else "b")
        assert await cast.failure() == "RECEIPT_NOT_FOUND"


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (Outcome.LOST, "RUNNER_LOST"),
        (Outcome.TIMED_OUT, "TIME_EXCEEDED"),
        (Outcome.FAILED, "CPU_EXCEEDED"),
        (Outcome.CANCELLED, "CAST_CANCELLED"),
    ],
)
async def test_a_replay_that_the_guest_did_not_end_proves_nothing_and_leaves_no_report(
    client: Client, database: Database, outcome: Outcome, code: str
) -> None:
    usage = None if outcome is Outcome.LOST else USAGE
    fleet = Fleet(lambda request: verdict_for(request, outcome=outcome, code=code, usage=usage))
    async with ended_cast(client, database, fleet) as cast:
        assert await cast.failure() == "SERVICE_UNAVAILABLE"
        assert f"casts/{cast.cast_id}/replay" not in cast.platform.blobs.content


async def test_a_second_attempt_after_a_failure_runs_under_yet_another_id(
    client: Client, database: Database
) -> None:
    """The first one's verdict is on the bus for good: it must not be found again."""
    answers = [Outcome.LOST, Outcome.SUCCEEDED]

    def again(request: RunRequest) -> Verdict:
        outcome = answers.pop(0)
        lost = outcome is Outcome.LOST
        return verdict_for(
            request,
            outcome=outcome,
            code="RUNNER_LOST" if lost else None,
            usage=None if lost else USAGE,
        )

    fleet = Fleet(again)
    async with ended_cast(client, database, fleet) as cast:
        assert await cast.failure() == "SERVICE_UNAVAILABLE"
        assert (await cast.replay()).matches
        assert len({request.cast_id for request in fleet.requests}) == 3


async def test_the_report_is_kept_encrypted_for_the_account(
    client: Client, database: Database
) -> None:
    async with ended_cast(client, database, Fleet()) as cast:
        report = await cast.replay()
        kept = cast.platform.blobs.content[f"casts/{cast.cast_id}/replay"]
        assert b"matches" not in kept
        plain = make_vault().decrypt(cast.caster.account_id, kept)
        assert ReplayReport.model_validate_json(plain) == report


@pytest.mark.parametrize("step", ["replaying.plan", "replaying.run"])
async def test_each_step_twice_equals_once(client: Client, database: Database, step: str) -> None:
    faults = StepFaults(twice=frozenset({step}))
    fleet = Fleet()
    async with ended_cast(client, database, fleet, interceptors=[faults]) as cast:
        assert (await cast.replay()).matches
        assert faults.ran[step] == 1
        assert len(fleet.requests) == 2


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", ["replaying.plan", "replaying.run"])
async def test_a_failure_at_each_step_stops_what_may_run(
    client: Client, database: Database, step: str, when: str
) -> None:
    faults = StepFaults(**{f"fail_{when}": frozenset({step})}, twice=frozenset({"running.stop"}))
    async with ended_cast(client, database, Fleet(), interceptors=[faults]) as cast:
        assert await cast.failure() == "INTERNAL"
        assert faults.ran["running.stop"] == (1 if step == "replaying.run" else 0)
        await assert_books_balance(database)


async def test_cancelling_the_workflow_stops_the_run(client: Client, database: Database) -> None:
    fleet = Fleet(lambda _: None)
    async with ended_cast(client, database, fleet) as cast:
        platform = cast.platform
        request = ReplayInput(cast_id=cast.cast_id, inputs_json=INPUTS)
        handle = await platform.start_replay(request)
        await asyncio.wait_for(fleet.asked_again.wait(), 20)
        await handle.cancel()
        with pytest.raises(WorkflowFailureError):
            await handle.result()
        assert fleet.requests[1].cast_id in platform.bus.stopped

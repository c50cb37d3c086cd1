"""Goal: caps hold under concurrency and money moves once. Method: the real SQL on real Postgres."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import text

from infra.postgres import Database
from infra.repositories.accounts import PostgresAccounts
from infra.repositories.caps import PostgresCaps
from infra.repositories.cast_reads import PostgresCastReads
from infra.repositories.casts import PostgresCasts
from schema.contracts.budgets import Cap, CapKind
from schema.contracts.cast import (
    Admission,
    Billing,
    CastInput,
    CastStatus,
    ReleaseOrder,
    RunOutcome,
    SettleOrder,
)
from schema.contracts.problem import Problem
from schema.contracts.run import Outcome
from schema.errors import SpellError
from tests.support.builders import (
    FLAT_500,
    METERED,
    PEPPER,
    USAGE,
    Person,
    a_cast,
    make_person,
    publish,
)
from tests.support.fakes import KnownVerdicts
from tests.support.money import assert_books_balance, credit_left, open_holds

FEE = 2000
SUCCESS = RunOutcome(outcome=Outcome.SUCCEEDED, usage=USAGE, output_bytes=2)


@pytest.fixture
def casts(database: Database) -> PostgresCasts:
    return PostgresCasts(database, KnownVerdicts(), fee_basis_points=FEE, open_casts_max=1000)


async def hold(casts: PostgresCasts, request: CastInput) -> Admission:
    plan, _ = await casts.find_plan(request)
    return await casts.hold(request, plan)


def release_of(request: CastInput, code: str = "INTERNAL") -> ReleaseOrder:
    return ReleaseOrder(
        cast_id=request.cast_id,
        account_id=request.account_id,
        fingerprint=request.fingerprint,
        spell_key=request.spell_key,
        problem=Problem.of(SpellError(code)),
    )


async def a_spell(database: Database, **package: Any) -> tuple[Person, str]:
    maker = await make_person(database)
    return maker, (await publish(database, maker, **package)).spell_key


async def test_money_for_ten_admits_exactly_ten_of_a_hundred_at_once(
    database: Database, casts: PostgresCasts
) -> None:
    _, key = await a_spell(database)
    caster = await make_person(database, credit_micros=10 * FLAT_500.price_micros)
    requests = [a_cast(caster, key) for _ in range(100)]
    answers = await asyncio.gather(*(hold(casts, request) for request in requests))
    accepted = [request for request, a in zip(requests, answers, strict=True) if a.accepted]
    refused = [a.problem.code for a in answers if a.problem]
    assert len(accepted) == 10
    assert refused == ["PAYMENT_REQUIRED"] * 90
    await asyncio.gather(
        *(
            casts.settle(SettleOrder(cast_id=r.cast_id, price=FLAT_500, outcome=SUCCESS))
            for r in accepted
        )
    )
    assert await credit_left(database, caster) == 0
    assert await open_holds(database, caster) == 0
    await assert_books_balance(database)


@pytest.mark.parametrize("kind", list(CapKind))
async def test_every_kind_of_cap_stops_the_cast_that_would_exceed_it(
    database: Database, casts: PostgresCasts, kind: CapKind
) -> None:
    _, key = await a_spell(database)
    caster = await make_person(database, credit_micros=10_000)
    key_id = caster.api_key_id if kind.of_api_key else None
    cap = Cap(kind=kind, api_key_id=key_id, cap_micros=1200)
    await PostgresCaps(database).set(caster.caller, cap)
    answers = [await hold(casts, a_cast(caster, key)) for _ in range(3)]
    assert [a.accepted for a in answers] == [True, True, False]
    problem = answers[2].problem
    assert problem is not None
    assert problem.code == "BUDGET_CAP_EXCEEDED"
    assert problem.details["cap"] == kind
    assert (problem.details["used_micros"], problem.details["remaining_micros"]) == (1000, 200)
    assert (problem.details["resets_at"] is not None) == kind.endswith(("_day", "_month"))


async def test_a_cap_on_the_cast_itself_refuses_before_any_money_is_held(
    database: Database, casts: PostgresCasts
) -> None:
    _, key = await a_spell(database)
    caster = await make_person(database, credit_micros=10_000)
    answer = await hold(casts, a_cast(caster, key, budget_cap_micros=499))
    assert answer.problem is not None
    assert (answer.problem.code, answer.problem.details["cap"]) == ("BUDGET_CAP_EXCEEDED", "cast")
    assert await credit_left(database, caster) == 10_000


async def test_of_many_casts_at_once_exactly_as_many_are_open_as_may_be(database: Database) -> None:
    casts = PostgresCasts(database, KnownVerdicts(), fee_basis_points=FEE, open_casts_max=3)
    _, key = await a_spell(database)
    caster, other = [await make_person(database, credit_micros=100_000) for _ in range(2)]
    requests = [a_cast(caster, key) for _ in range(20)]
    answers = await asyncio.gather(*(hold(casts, request) for request in requests))
    problems = [a.problem for a in answers if a.problem]
    assert [p.code for p in problems] == ["TOO_MANY_CASTS"] * 17
    assert problems[0].retry_after is not None
    assert problems[0].details == {"open_casts_max": 3}
    assert (await hold(casts, a_cast(other, key))).accepted, "another account is not bound by it"
    reads = PostgresCastReads(database)
    assert await reads.open_casts(caster.account_id, at_most=1000) == 3
    assert await reads.open_casts(caster.account_id, at_most=2) == 2

    admitted = next(r for r, a in zip(requests, answers, strict=True) if a.accepted)
    refused = next(r for r, a in zip(requests, answers, strict=True) if not a.accepted)
    await casts.settle(SettleOrder(cast_id=admitted.cast_id, price=FLAT_500, outcome=SUCCESS))
    assert (await hold(casts, a_cast(caster, key))).accepted, "one has ended"
    assert not (await hold(casts, refused)).accepted, "a refusal is the answer for its key"
    await assert_books_balance(database)


async def test_the_same_request_twenty_times_at_once_holds_once(
    database: Database, casts: PostgresCasts
) -> None:
    _, key = await a_spell(database)
    caster = await make_person(database, credit_micros=10_000)
    request = a_cast(caster, key, "same")
    answers = await asyncio.gather(*(hold(casts, request) for _ in range(20)))
    assert len({a.model_dump_json() for a in answers}) == 1
    assert await credit_left(database, caster) == 10_000 - 500


async def test_settlement_posts_the_exact_cost_splits_it_and_returns_the_rest(
    database: Database, casts: PostgresCasts
) -> None:
    maker, key = await a_spell(database, price=METERED)
    caster = await make_person(database, credit_micros=10_000)
    request = a_cast(caster, key)
    admission = await hold(casts, request)
    assert admission.estimated_cost_micros == 400
    order = SettleOrder(cast_id=request.cast_id, price=METERED, outcome=SUCCESS)
    first, again = await casts.settle(order), await casts.settle(order)
    assert first == again
    assert (first.status, first.billing) == (CastStatus.SUCCEEDED, Billing.SETTLED)
    assert first.cost_micros == 106
    assert await credit_left(database, caster) == 10_000 - 106
    async with database.reading() as connection:
        earned = await connection.execute(
            text("SELECT balance_micros FROM ledger_balances WHERE id = :id"),
            {"id": f"maker_payable:{maker.account_id}:USD"},
        )
        assert earned.scalar_one() == 106 - 21
    await assert_books_balance(database)


async def test_a_released_hold_returns_everything_and_twice_is_once(
    database: Database, casts: PostgresCasts
) -> None:
    _, key = await a_spell(database)
    caster = await make_person(database, credit_micros=10_000)
    request = a_cast(caster, key)
    await hold(casts, request)
    first = await casts.release(release_of(request))
    assert first == await casts.release(release_of(request))
    assert (first.status, first.billing, first.cost_micros) == ("failed", "released", 0)
    assert await credit_left(database, caster) == 10_000
    assert await open_holds(database, caster) == 0


async def test_a_release_without_a_hold_keeps_a_late_admission_from_holding(
    database: Database, casts: PostgresCasts
) -> None:
    _, key = await a_spell(database)
    caster = await make_person(database, credit_micros=10_000)
    request = a_cast(caster, key)
    await casts.release(release_of(request, "CAST_CANCELLED"))
    late = await hold(casts, request)
    assert not late.accepted
    assert await credit_left(database, caster) == 10_000


async def test_release_and_settlement_at_once_close_the_hold_once(
    database: Database, casts: PostgresCasts
) -> None:
    _, key = await a_spell(database)
    caster = await make_person(database, credit_micros=100_000)
    for _ in range(10):
        request = a_cast(caster, key)
        await hold(casts, request)
        order = SettleOrder(cast_id=request.cast_id, price=FLAT_500, outcome=SUCCESS)
        ends = await asyncio.gather(
            casts.settle(order), casts.release(release_of(request)), casts.settle(order)
        )
        assert ends[0] == ends[1] == ends[2]
    assert await open_holds(database, caster) == 0
    await assert_books_balance(database)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"version": "9.9.9"}, "SPELL_NOT_FOUND"),
        ({"mode": "workflow"}, "VALIDATION_ERROR"),
    ],
)
async def test_what_cannot_be_cast_is_refused_with_its_code(
    database: Database, casts: PostgresCasts, change: dict[str, str], code: str
) -> None:
    _, key = await a_spell(database)
    caster = await make_person(database)
    with pytest.raises(SpellError) as refused:
        await casts.find_plan(a_cast(caster, key, **change))
    assert refused.value.code == code


async def test_an_unverified_a_private_and_an_unknown_spell_are_refused(
    database: Database, casts: PostgresCasts
) -> None:
    _, unverified = await a_spell(database, passed=False)
    _, private = await a_spell(database, visibility="private")
    caster = await make_person(database)
    for key, code in (
        (unverified, "SPELL_UNVERIFIED"),
        (private, "SPELL_NOT_FOUND"),
        ("com.example.none", "SPELL_NOT_FOUND"),
    ):
        with pytest.raises(SpellError) as refused:
            await casts.find_plan(a_cast(caster, key))
        assert refused.value.code == code


async def test_credit_is_added_once_per_reference(database: Database) -> None:
    accounts = PostgresAccounts(database, pepper=PEPPER)
    caster = await make_person(database)
    reference = f"top-up {caster.account_id}"
    done = [await accounts.credit(caster.account_id, 700, "USD", reference=reference) for _ in "ab"]
    assert done == [True, False]
    assert await credit_left(database, caster) == 700


async def test_a_refusal_whose_words_hold_a_nul_is_recorded_all_the_same(
    database: Database, casts: PostgresCasts
) -> None:
    _, key = await a_spell(database)
    caster = await make_person(database)
    request = a_cast(caster, key)
    problem = Problem(code="VALIDATION_ERROR", message="a\x00b", details={"\x00": ["\x00"]})
    refusal = Admission(cast_id=request.cast_id, problem=problem)
    assert await casts.refuse(request, refusal) == refusal
    again = await casts.refuse(request, refusal)
    assert again.problem is not None
    assert again.problem.message == "a\ufffdb"

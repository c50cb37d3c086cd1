"""Goal: too many violations suspend a spell, once, and not by one caster's doing.

Method: the real settlement on real Postgres.
"""

import asyncio
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from infra.postgres import Database
from infra.repositories.account_notifications import PostgresAccountNotifications
from infra.repositories.casts import PostgresCasts
from infra.repositories.suspensions import PostgresSuspensions
from schema import limits
from schema.contracts.cast import CastInput, RunOutcome, SettleOrder
from schema.contracts.run import Outcome, RunViolation
from schema.contracts.suspension import PLATFORM
from schema.errors import SpellError
from schema.violations import POLICY_VIOLATIONS, ViolationKind
from tests.support.builders import FLAT_500, USAGE, Person, a_cast, make_person, publish
from tests.support.fakes import KnownVerdicts
from tests.support.money import assert_books_balance

TEN = limits.SUSPENDING_VIOLATIONS
DENIED = RunViolation(kind=ViolationKind.NET_DENIED, subject="localhost", count=500)


class Scene:
    """A spell, and casters whose casts of it try what they may not."""

    def __init__(self, database: Database, casts: PostgresCasts, maker: Person, key: str) -> None:
        self.database, self.casts, self.maker, self.key = database, casts, maker, key
        self.suspensions = PostgresSuspensions(database)

    async def caster(self) -> Person:
        return await make_person(self.database, credit_micros=1_000_000)

    async def held(self, caster: Person) -> CastInput:
        request = a_cast(caster, self.key)
        plan, _ = await self.casts.find_plan(request)
        assert (await self.casts.hold(request, plan)).accepted
        return request

    async def settle(self, request: CastInput, *violations: RunViolation) -> None:
        outcome = RunOutcome(
            outcome=Outcome.SUCCEEDED, usage=USAGE, output_bytes=2, violations=list(violations)
        )
        order = SettleOrder(cast_id=request.cast_id, price=FLAT_500, outcome=outcome)
        await self.casts.settle(order)

    async def violate(self, times: int, violation: RunViolation = DENIED) -> None:
        """So many violating casts, each by a caster of its own."""
        for _ in range(times):
            await self.settle(await self.held(await self.caster()), violation)

    async def counted(self) -> int:
        return (await self.suspensions.violations(self.key, only_of=None)).counted

    async def is_suspended(self) -> bool:
        return (await self.suspensions.violations(self.key, only_of=None)).suspension is not None

    async def log(self, kind: str) -> list[Any]:
        async with self.database.reading() as connection:
            rows = await connection.execute(
                text("SELECT * FROM supply_chain_log WHERE spell_key = :key AND kind = :kind"),
                {"key": self.key, "kind": kind},
            )
            return list(rows)


@pytest.fixture
async def scene(database: Database) -> Scene:
    casts = PostgresCasts(database, KnownVerdicts(), fee_basis_points=2000, open_casts_max=1000)
    maker = await make_person(database)
    return Scene(database, casts, maker, (await publish(database, maker)).spell_key)


async def test_the_tenth_violating_cast_in_a_day_suspends_the_spell(scene: Scene) -> None:
    going_on = await scene.held(await scene.caster())
    await scene.violate(TEN - 1)
    assert not await scene.is_suspended()
    await scene.violate(1)
    found = await scene.suspensions.violations(scene.key, only_of=scene.maker.account_id)
    assert found.suspension is not None
    assert (found.counted, found.suspension.suspended_by) == (TEN, PLATFORM)
    assert found.by_kind == {"net_denied": TEN}
    with pytest.raises(SpellError) as refused:
        await scene.casts.find_plan(a_cast(await scene.caster(), scene.key))
    assert refused.value.code == "SPELL_SUSPENDED"
    # A cast that runs goes on, and is paid.
    await scene.settle(going_on)
    await assert_books_balance(scene.database)


async def test_of_many_violating_ends_at_once_exactly_one_suspends(scene: Scene) -> None:
    held = [await scene.held(await scene.caster()) for _ in range(TEN + 10)]
    await asyncio.gather(*(scene.settle(request, DENIED) for request in held))
    assert await scene.counted() == TEN + 10
    (logged,) = await scene.log("suspended")
    assert (logged.actor, logged.details["counted"]) == (PLATFORM, TEN)
    await assert_books_balance(scene.database)


async def test_one_caster_alone_cannot_have_a_spell_suspended(scene: Scene) -> None:
    mallory = await scene.caster()
    for _ in range(TEN + 2):
        await scene.settle(await scene.held(mallory), DENIED)
    assert await scene.counted() == limits.VIOLATIONS_PER_CASTER_MAX
    assert not await scene.is_suspended()
    await scene.violate(TEN - limits.VIOLATIONS_PER_CASTER_MAX)
    assert await scene.is_suspended()


@pytest.mark.parametrize("kind", sorted(set(ViolationKind) - POLICY_VIOLATIONS))
async def test_a_limit_that_was_met_is_shown_and_does_not_count(scene: Scene, kind: str) -> None:
    await scene.violate(2, RunViolation(kind=ViolationKind(kind)))
    found = await scene.suspensions.violations(scene.key, only_of=None)
    assert (found.counted, found.by_kind) == (0, {kind: 2})


@pytest.mark.parametrize("kind", sorted(POLICY_VIOLATIONS))
async def test_reaching_for_what_the_manifest_does_not_ask_for_counts_once_a_cast(
    scene: Scene, kind: str
) -> None:
    both = RunViolation(kind=ViolationKind(kind), subject="a"), DENIED
    await scene.settle(await scene.held(await scene.caster()), *both)
    assert await scene.counted() == 1


async def test_a_day_later_a_violation_does_not_count_any_more(scene: Scene) -> None:
    await scene.violate(TEN - 1)
    async with scene.database.transaction() as connection:
        await connection.execute(
            text("UPDATE casts SET finished_at = now() - interval '24 hours' WHERE spell_key = :k"),
            {"k": scene.key},
        )
    await scene.violate(1)
    assert (await scene.counted(), await scene.is_suspended()) == (1, False)


async def test_unsuspending_counts_anew(scene: Scene) -> None:
    await scene.violate(TEN)
    await scene.suspensions.unsuspend(scene.key, by="op")
    assert (await scene.counted(), await scene.is_suspended()) == (0, False)
    await scene.violate(TEN - 1)
    assert not await scene.is_suspended()
    await scene.violate(1)
    assert await scene.is_suspended()
    assert len(await scene.log("suspended")) == 2
    assert [row.actor for row in await scene.log("unsuspended")] == ["op"]


async def test_suspending_and_unsuspending_twice_equals_once(scene: Scene) -> None:
    for reason in ("first", "second"):
        await scene.suspensions.suspend(scene.key, reason=reason, by="op")
    found = await scene.suspensions.violations(scene.key, only_of=None)
    assert found.suspension is not None
    assert found.suspension.reason == "first"
    for _ in range(2):
        await scene.suspensions.unsuspend(scene.key, by="op")
    assert len(await scene.log("suspended")) == len(await scene.log("unsuspended")) == 1


async def test_the_maker_is_told_once_of_each_suspension_and_its_end(scene: Scene) -> None:
    await scene.violate(TEN)
    await scene.suspensions.suspend(scene.key, reason="again", by="op")
    for _ in range(2):
        await scene.suspensions.unsuspend(scene.key, by="op")
    await scene.suspensions.suspend(scene.key, reason="by hand", by="op")
    outbox = PostgresAccountNotifications(scene.database)
    told = await outbox.notifications(scene.maker.account_id, before=None, limit=10)
    assert [one.kind.value for one in told] == [
        *("spell.suspended", "spell.unsuspended", "spell.suspended"),
    ]
    assert [one.details.get("reason") for one in told[:2]] == ["by hand", None]
    assert "violations of policy" in told[2].details["reason"]


async def test_counts_are_for_the_spells_maker_and_operators(
    scene: Scene, database: Database
) -> None:
    stranger = await make_person(database)
    with pytest.raises(SpellError) as refused:
        await scene.suspensions.violations(scene.key, only_of=stranger.account_id)
    assert refused.value.code == "SPELL_NOT_FOUND"
    with pytest.raises(SpellError):
        await scene.suspensions.suspend("com.example.nothing", reason="x", by="op")


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM spell_suspensions",
        "UPDATE spell_suspensions SET reason = 'other' WHERE spell_key = :key",
        "UPDATE spell_suspensions SET lifted_at = now() WHERE spell_key = :key",
        "INSERT INTO spell_suspensions (spell_key, reason, suspended_by) VALUES (:key, 'x', 'y')",
        "INSERT INTO spell_suspensions (spell_key, reason, suspended_by) VALUES ('no', 'x', 'y')",
    ],
)
async def test_the_record_of_suspensions_cannot_be_bent(scene: Scene, statement: str) -> None:
    await scene.suspensions.suspend(scene.key, reason="x", by="op")
    with pytest.raises(DBAPIError):
        async with scene.database.transaction() as connection:
            await connection.execute(
                text(statement), {"key": scene.key} if ":key" in statement else {}
            )

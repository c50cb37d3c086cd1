"""Goal: nothing unverified is cast. Method: versions and verdicts in Postgres, one look-up each."""

import asyncio
import secrets
from typing import Any

import pytest
from sqlalchemy import event
from temporalio.exceptions import ApplicationError

from activities.casting import CastingActivities
from infra.postgres import Database
from infra.repositories.casts import PostgresCasts
from infra.repositories.decisions import PostgresDecisions
from infra.repositories.spell_aliases import PostgresSpellAliases
from infra.repositories.spell_secrets import PostgresSpellSecrets
from schema.contracts.cast import (
    CastInput,
    PlannedCast,
)
from schema.contracts.plans import RunPlan
from schema.contracts.supply_chain import Decision, Evidence, Reason, Severity
from schema.errors import SpellError
from schema.supply_chain.reasons import reason
from tests.support.builders import NO_EVIDENCE, Person, a_cast, make_person, publish
from tests.support.fakes import AnySchema
from tests.support.money import open_holds
from tests.support.platform import make_vault

LATER = NO_EVIDENCE.model_copy(update={"snapshot": "2026-11-26#2"})


class Gate:
    """Decides as the test says, and counts; verdicts are kept in Postgres."""

    def __init__(self, database: Database, reasons: list[Reason]) -> None:
        self.made = 0
        self.now: Evidence = LATER
        self._decisions = PostgresDecisions(database)
        self._reasons = reasons
        self.trouble: SpellError | None = None

    async def evidence(self) -> Evidence:
        return self.now

    async def decide(self, package_digest: str) -> Decision:
        async def compute() -> Decision:
            self.made += 1
            if self.trouble is not None:
                raise self.trouble
            passed = not any(each.severity is Severity.REFUSE for each in self._reasons)
            return Decision(
                package_digest=package_digest,
                passed=passed,
                evidence=self.now,
                reasons=self._reasons,
            )

        return await self._decisions.decide_once(package_digest, self.now, compute)


class Casting:
    def __init__(self, database: Database, gate: Gate, caster: Person, key: str) -> None:
        self.gate = gate
        self.casts = PostgresCasts(database, gate, fee_basis_points=0, open_casts_max=100)
        self.caster = caster
        self._key = key

    async def plan(self, **changes: Any) -> RunPlan:
        planned, _ = await self.casts.find_plan(a_cast(self.caster, self._key, **changes))
        return _run_plan(planned)

    def request(self, **changes: Any) -> CastInput:
        return a_cast(self.caster, self._key, secrets.token_hex(8), **changes)

    async def cast(self, **changes: Any) -> RunPlan:
        request = self.request(**changes)
        planned, _ = await self.casts.find_plan(request)
        assert (await self.casts.hold(request, planned)).accepted
        return _run_plan(planned)


def _run_plan(planned: PlannedCast) -> RunPlan:
    assert isinstance(planned.plan, RunPlan)
    return planned.plan


async def casting(database: Database, *reasons: Reason) -> Casting:
    spell = await publish(database, await make_person(database))
    caster = await make_person(database, credit_micros=100_000)
    return Casting(database, Gate(database, list(reasons)), caster, spell.spell_key)


async def test_a_missing_verdict_is_made_once_and_then_found(database: Database) -> None:
    world = await casting(database)
    plans = await asyncio.gather(*(world.plan() for _ in range(50)))
    await world.plan()
    assert world.gate.made == 1
    assert len({plan.package_digest for plan in plans}) == 1


async def test_other_evidence_asks_for_a_verdict_of_its_own(database: Database) -> None:
    world = await casting(database)
    await world.plan()
    world.gate.now = LATER.model_copy(update={"trust_root": "another"})
    await world.plan()
    assert world.gate.made == 2


async def test_the_look_up_of_a_known_verdict_is_one_statement(database: Database) -> None:
    world = await casting(database)
    await world.plan()
    statements: list[str] = []

    def note(*arguments: Any) -> None:
        statements.append(arguments[2])

    engine = database._engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        await world.plan()
    finally:
        event.remove(engine, "before_cursor_execute", note)
    assert len(statements) == 1
    assert world.gate.made == 1


async def test_a_version_that_does_not_pass_any_more_is_refused_with_reasons(
    database: Database,
) -> None:
    world = await casting(database, reason("BUNDLE_MALFORMED"), reason("ADVISORY_CRITICAL"))
    for _ in range(2):  # made, then found
        with pytest.raises(SpellError) as caught:
            await world.plan()
        assert caught.value.code == "SPELL_UNVERIFIED"
        told = [each["code"] for each in caught.value.details["reasons"]]
        assert told == ["BUNDLE_MALFORMED", "ADVISORY_CRITICAL"]
    assert world.gate.made == 1


async def test_a_new_vulnerability_leaves_its_time_to_mend_it(database: Database) -> None:
    world = await casting(database, reason("ADVISORY_CRITICAL"))
    for _ in range(2):  # made, then found
        assert (await world.plan()).version == "1.0.0"


@pytest.mark.parametrize("code", ["INTERNAL", "SERVICE_UNAVAILABLE"])
async def test_trouble_while_a_verdict_is_made_refuses_nobody_and_holds_nothing(
    database: Database, code: str
) -> None:
    """The same cast again, under the same key, is admitted when the trouble is over."""
    world = await casting(database)
    world.gate.trouble = SpellError(code)
    admit = CastingActivities(
        world.casts, AnySchema(), PostgresSpellSecrets(database, make_vault())
    )
    request = world.request()
    for _ in range(2):
        with pytest.raises(ApplicationError) as caught:
            await admit.admit(request)
        assert (caught.value.type, caught.value.non_retryable) == (code, False)
    assert await open_holds(database, world.caster) == 0
    world.gate.trouble = None
    assert (await admit.admit(request)).accepted
    assert world.gate.made == 3


async def test_malware_has_no_time(database: Database) -> None:
    world = await casting(database, reason("MALICIOUS_PACKAGE"))
    with pytest.raises(SpellError, match="SPELL_UNVERIFIED"):
        await world.plan()


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ("delisted", "SPELL_DELISTED"),
        ("suspended", "SPELL_SUSPENDED"),
        ("yanked", "SPELL_YANKED"),
    ],
)
async def test_a_version_that_was_closed_says_how(
    database: Database, state: str, code: str
) -> None:
    from sqlalchemy import text

    world = await casting(database)
    await world.cast()
    async with database.transaction() as connection:
        await connection.execute(
            text("UPDATE spell_versions SET state = :state WHERE spell_key = :key"),
            {"state": state, "key": (await world.plan()).spell_key},
        )
    with pytest.raises(SpellError, match=code):
        await world.plan(version="1.0.0")
    with pytest.raises(SpellError, match="SPELL_NOT_FOUND"):
        await world.plan()
    assert world.gate.made == 1


async def test_a_refused_cast_is_no_consent(database: Database) -> None:
    """Only what was held, and so admitted, counts as agreed to."""
    maker = await make_person(database)
    spell = await publish(database, maker)
    caster = await make_person(database, credit_micros=100_000)
    world = Casting(database, Gate(database, []), caster, spell.spell_key)
    await world.cast()
    await publish(database, maker, key=spell.spell_key, version="2.0.0", price=dearer(spell.price))
    await world.plan(version="2.0.0")
    with pytest.raises(SpellError, match="CONSENT_REQUIRED"):
        await world.plan()
    aliases = PostgresSpellAliases(database)
    await aliases.consent(caster.account_id, spell.spell_key, "2.0.0")
    assert (await world.plan()).version == "2.0.0"


def dearer(price: Any) -> Any:
    return price.model_copy(update={"price_micros": price.price_micros + 1})

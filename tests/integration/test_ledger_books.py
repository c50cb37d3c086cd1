"""Goal: what budgets, holds and casts say is held against the ledger, page by page."""

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from infra.embedded.platform import EmbeddedPlatform
from infra.ledger import verifier
from infra.repositories.casts import PostgresCasts
from schema.contracts.cast import CastInput, RunOutcome, SettleOrder
from schema.contracts.ledger import VerificationPage, VerificationPart
from schema.contracts.run import Outcome
from tests.support.builders import FLAT_500, USAGE, Person, a_cast, make_person, publish
from tests.support.fakes import KnownVerdicts
from tests.support.ledger import Ledger, fresh_ledger, ledger_template

SUCCESS = RunOutcome(outcome=Outcome.SUCCEEDED, usage=USAGE, output_bytes=2)


@pytest.fixture(scope="module")
async def template(servers: EmbeddedPlatform) -> str:
    return await ledger_template(servers)


@pytest.fixture
async def ledger(servers: EmbeddedPlatform, template: str, tmp_path: Path) -> AsyncIterator[Ledger]:
    async with fresh_ledger(servers, template, tmp_path / "anchors") as made:
        yield made


@pytest.fixture
async def caster(ledger: Ledger) -> Person:
    return await make_person(ledger.database, credit_micros=10_000)


@pytest.fixture
async def casts(ledger: Ledger, caster: Person) -> list[CastInput]:
    """One that runs, one that was settled."""
    database = ledger.database
    store = PostgresCasts(database, KnownVerdicts(), fee_basis_points=2000, open_casts_max=10)
    spell = await publish(database, await make_person(database))
    requests = [a_cast(caster, spell.spell_key) for _ in "ab"]
    for request in requests:
        plan, _ = await store.find_plan(request)
        assert (await store.hold(request, plan)).accepted
    order = SettleOrder(cast_id=requests[1].cast_id, price=FLAT_500, outcome=SUCCESS)
    await store.settle(order)
    return requests


async def pages(ledger: Ledger, part: VerificationPart) -> list[VerificationPage]:
    found = [await ledger.verifier.page(part, None)]
    while (cursor := found[-1].next_cursor) is not None:
        found.append(await ledger.verifier.page(part, cursor))
    return found


async def found(ledger: Ledger) -> set[tuple[str, str]]:
    return {
        (one.kind.value, one.subject)
        for part in (VerificationPart.ACCOUNTS, VerificationPart.CASTS)
        for page in await pages(ledger, part)
        for one in page.findings
    }


async def test_books_that_are_right_have_no_finding_on_however_many_pages(
    ledger: Ledger, casts: list[CastInput], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verifier, "ACCOUNTS_PER_PAGE", 2)
    monkeypatch.setattr(verifier, "CASTS_PER_PAGE", 1)
    monkeypatch.setattr(verifier, "SEALS_PER_PAGE", 1)
    await ledger.seal_all()
    assert await found(ledger) == set()
    accounts = await pages(ledger, VerificationPart.ACCOUNTS)
    assert len(accounts) > 2
    assert sum(page.checked for page in accounts) == 5
    sums = sum((Counter(page.sums) for page in accounts), Counter())
    assert +sums == Counter(), "all of it adds up to zero"
    assert any(value for page in accounts for value in page.sums.values())
    assert sum(page.checked for page in await pages(ledger, VerificationPart.CASTS)) == len(casts)
    seals = await pages(ledger, VerificationPart.SEALS)
    assert sum(page.rows for page in seals) == await ledger.one(
        "SELECT count(*) FROM ledger_transfers"
    )
    assert [page.findings for page in seals] == [[]] * len(seals)
    assert seals[-1].last is not None


async def test_a_counter_that_was_changed_is_named(
    ledger: Ledger, caster: Person, casts: list[CastInput]
) -> None:
    await ledger.tamper(
        "UPDATE budgets SET posted_micros = posted_micros - 1 WHERE kind = 'balance'"
    )
    account = f"caster_credit:{caster.account_id}:USD"
    assert await found(ledger) == {("balance_differs", account)}


async def test_a_hold_whose_money_is_gone_is_named(
    ledger: Ledger, caster: Person, casts: list[CastInput]
) -> None:
    running = casts[0].cast_id
    await ledger.tamper("DELETE FROM ledger_transfers WHERE cast_id = :id", id=running)
    assert await found(ledger) == {
        ("balance_differs", f"caster_credit:{caster.account_id}:USD"),
        ("hold_orphan", f"caster_hold:{caster.account_id}:USD"),
        ("cast_differs", running),
    }


async def test_money_that_is_held_for_a_cast_without_a_hold_is_named(
    ledger: Ledger, caster: Person, casts: list[CastInput]
) -> None:
    running, account = casts[0].cast_id, f"caster_hold:{caster.account_id}:USD"
    await ledger.tamper("DELETE FROM holds WHERE cast_id = :id", id=running)
    assert await found(ledger) == {("hold_orphan", account), ("cast_differs", running)}


async def test_a_settled_cast_whose_cost_was_changed_is_named(
    ledger: Ledger, casts: list[CastInput]
) -> None:
    settled = casts[1].cast_id
    await ledger.tamper("UPDATE casts SET cost_micros = 499 WHERE id = :id", id=settled)
    assert await found(ledger) == {("cast_differs", settled)}


async def test_a_hold_that_is_open_for_longer_than_any_cast_is_named(
    ledger: Ledger, casts: list[CastInput]
) -> None:
    running = casts[0].cast_id
    await ledger.tamper(
        "UPDATE holds SET expires_at = now() - interval '11 minutes' WHERE cast_id = :id",
        id=running,
    )
    assert await found(ledger) == {("hold_overdue", running)}


async def test_an_account_that_was_put_into_another_currency_leaves_sums_that_are_not_zero(
    ledger: Ledger, caster: Person, casts: list[CastInput]
) -> None:
    await ledger.tamper(
        "UPDATE ledger_accounts SET currency = 'EUR' WHERE id = :id",
        id=f"caster_credit:{caster.account_id}:USD",
    )
    accounts = await pages(ledger, VerificationPart.ACCOUNTS)
    sums: Counter[str] = Counter()
    for page in accounts:
        sums.update(page.sums)
    assert sums == {"EUR": 9_000, "USD": -9_000}

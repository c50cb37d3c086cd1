"""Goal: money moves only as the chart of accounts says. Method: try every other way, in SQL."""

import itertools
import secrets
from fractions import Fraction
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.postgres import Database
from infra.repositories.accounts import PostgresAccounts
from infra.repositories.casts import PostgresCasts
from infra.repositories.conversions import Conversion, PostgresConversions
from infra.repositories.ledger import LedgerAccountName, open_accounts
from infra.repositories.reversals import PostgresReversals
from schema.chart_of_accounts import CHART, MOVEMENTS, AccountKind, Movement, TransferKind
from schema.contracts.cast import CastInput, RunOutcome, SettleOrder
from schema.contracts.run import Outcome
from schema.errors import SpellError
from tests.support.builders import FLAT_500, PEPPER, USAGE, Person, a_cast, make_person, publish
from tests.support.fakes import KnownVerdicts
from tests.support.money import assert_books_balance, credit_left

MOVE = text(
    "INSERT INTO ledger_transfers (reference, kind, debit_account_id, credit_account_id, currency,"
    " amount_micros) VALUES (:reference, :kind, :debit, :credit, 'USD', :amount)"
)
SUCCESS = RunOutcome(outcome=Outcome.SUCCEEDED, usage=USAGE, output_bytes=2)


def name(kind: AccountKind, person: Person) -> LedgerAccountName:
    return LedgerAccountName(kind, person.account_id if CHART[kind].owned else None, "USD")


async def refused(connection: AsyncConnection, statement: Any, **values: Any) -> bool:
    """Whether the database refuses; what it takes is taken back."""
    savepoint = await connection.begin_nested()
    state = ""
    try:
        await connection.execute(statement, values)
    except DBAPIError as error:
        state = str(getattr(error.orig, "sqlstate", ""))
    await savepoint.rollback()
    assert state == "" or state.startswith("23"), "anything else is a mistake of the test"
    return state != ""


async def test_the_table_of_movements_is_the_chart_of_accounts(database: Database) -> None:
    async with database.reading() as connection:
        rows = await connection.execute(text("SELECT * FROM ledger_movements"))
        there = {
            Movement(
                TransferKind(row.kind),
                AccountKind(row.debit_kind),
                AccountKind(row.credit_kind),
                row.same_owner,
                row.reversible,
            )
            for row in rows
        }
    assert there == MOVEMENTS


async def test_money_takes_no_way_that_the_chart_does_not_have(database: Database) -> None:
    one, other = [await make_person(database) for _ in "ab"]
    ways = {(m.kind, m.debit, m.credit): m for m in MOVEMENTS}
    kinds = [kind for kind in TransferKind if kind not in ("conversion", "reversal")]
    tried = 0
    async with database.transaction() as connection:
        await open_accounts(connection, [name(k, p) for k in AccountKind for p in (one, other)])
        for kind, debit, credit in itertools.product(kinds, AccountKind, AccountKind):
            for payer, payee in ((one, one), (one, other)):
                ends = name(debit, payer), name(credit, payee)
                way = ways.get((kind, debit, credit))
                allowed = way is not None and (payer is payee or not way.same_owner)
                said = await refused(
                    connection,
                    MOVE,
                    reference=secrets.token_hex(8),
                    kind=kind,
                    debit=ends[0].id,
                    credit=ends[1].id,
                    amount=1,
                )
                assert said is not allowed, (kind, debit, credit)
                tried += 1
        await connection.rollback()
    assert tried == 8 * 8 * 8 * 2


@pytest.fixture
def casts(database: Database) -> PostgresCasts:
    return PostgresCasts(database, KnownVerdicts(), fee_basis_points=2000, open_casts_max=1000)


async def a_hold(database: Database, casts: PostgresCasts) -> tuple[Person, CastInput]:
    spell = await publish(database, await make_person(database))
    caster = await make_person(database, credit_micros=10_000)
    request = a_cast(caster, spell.spell_key)
    plan, _ = await casts.find_plan(request)
    assert (await casts.hold(request, plan)).accepted
    return caster, request


async def settled(database: Database, casts: PostgresCasts) -> tuple[Person, CastInput]:
    caster, request = await a_hold(database, casts)
    await casts.settle(SettleOrder(cast_id=request.cast_id, price=FLAT_500, outcome=SUCCESS))
    return caster, request


async def test_a_reversal_takes_back_one_transfer_at_most_once_and_never_more_than_it(
    database: Database, casts: PostgresCasts
) -> None:
    caster, request = await settled(database, casts)
    async with database.transaction() as connection:
        found = await connection.execute(
            text("SELECT * FROM ledger_transfers WHERE reference = :reference"),
            {"reference": f"{request.cast_id}:post"},
        )
        row = found.one()
        back = text(
            "INSERT INTO ledger_transfers (reference, kind, debit_account_id, credit_account_id,"
            " currency, amount_micros, cast_id) VALUES (:reference, :kind, :debit, :credit, 'USD',"
            " :amount, :cast_id)"
        )
        good = {
            "reference": f"reversal:{row.reference}",
            "kind": "reversal",
            "debit": row.credit_account_id,
            "credit": row.debit_account_id,
            "amount": row.amount_micros,
            "cast_id": request.cast_id,
        }
        for change in (
            {"amount": row.amount_micros + 1},
            {"amount": 0},
            {"debit": row.debit_account_id, "credit": row.credit_account_id},
            {"credit": f"caster_credit:{caster.account_id}:USD"},
            {"reference": f"reversal:{request.cast_id}:hold"},
            {"reference": "reversal:of nothing"},
            {"reference": "without saying of what"},
            {"kind": "void"},
            {"cast_id": None},
        ):
            assert await refused(connection, back, **{**good, **change}), change
        assert not await refused(connection, back, **{**good, "amount": 1}), "a part of it"
        await connection.execute(back, good)
        assert await refused(connection, back, **good), "a second time"
        again = {"debit": row.debit_account_id, "credit": row.credit_account_id}
        again["reference"] = f"reversal:reversal:{row.reference}"
        assert await refused(connection, back, **{**good, **again}), "what is taken back stays so"
        await connection.rollback()


async def test_a_refunded_cast_costs_nothing_and_its_budgets_have_room_again(
    database: Database, casts: PostgresCasts
) -> None:
    caster, request = await settled(database, casts)
    assert await credit_left(database, caster) == 9_500
    reversals = PostgresReversals(database)
    assert [await reversals.refund_cast(request.cast_id) for _ in "ab"] == [True, False]
    assert await credit_left(database, caster) == 10_000
    async with database.reading() as connection:
        cast = await connection.execute(
            text("SELECT billing, cost_micros FROM casts WHERE id = :id"), {"id": request.cast_id}
        )
        assert tuple(cast.one()) == ("refunded", 500)
        spent = await connection.execute(
            text("SELECT sum(posted_micros) FROM budgets WHERE account_id = :id"),
            {"id": caster.account_id},
        )
        assert spent.scalar_one() == 0
    _, held = await a_hold(database, casts)
    with pytest.raises(SpellError, match="CAST_NOT_FOUND|No such cast"):
        await reversals.refund_cast(held.cast_id)
    await assert_books_balance(database)


async def test_credit_is_taken_back_unless_it_was_spent_and_never_below_zero(
    database: Database,
) -> None:
    caster = await make_person(database)
    accounts, reversals = PostgresAccounts(database, pepper=PEPPER), PostgresReversals(database)
    reference = secrets.token_hex(8)
    await accounts.credit(caster.account_id, 700, "USD", reference=reference)
    lower = text(
        "UPDATE budget_caps SET cap_micros = 699 WHERE account_id = :id AND kind = 'balance'"
    )
    hold = text("UPDATE budgets SET held_micros = 700 WHERE account_id = :id AND kind = 'balance'")
    async with database.transaction() as connection:
        assert not await refused(connection, lower, id=caster.account_id)
        await connection.execute(
            text("INSERT INTO budgets VALUES (:id, 'balance', '', 'USD', '1970-01-01', 0, 0)"),
            {"id": caster.account_id},
        )
        await connection.execute(hold, {"id": caster.account_id})
        assert await refused(connection, lower, id=caster.account_id), "it is held"
        await connection.rollback()
    assert [await reversals.undo_credit(reference) for _ in "ab"] == [True, False]
    assert await credit_left(database, caster) == 0
    with pytest.raises(SpellError) as unknown:
        await reversals.undo_credit("nothing")
    assert unknown.value.code == "VALIDATION_ERROR"


async def test_spent_credit_cannot_be_taken_back(database: Database, casts: PostgresCasts) -> None:
    caster, _ = await a_hold(database, casts)
    async with database.reading() as connection:
        reference = await connection.execute(
            text("SELECT reference FROM ledger_transfers WHERE credit_account_id = :id"),
            {"id": f"caster_credit:{caster.account_id}:USD"},
        )
        credited = str(reference.scalar_one()).removeprefix("credit:")
    with pytest.raises(SpellError) as spent:
        await PostgresReversals(database).undo_credit(credited)
    assert spent.value.code == "PAYMENT_REQUIRED"
    assert await credit_left(database, caster) == 9_500


def a_conversion(person: Person, **changes: Any) -> Conversion:
    order = {
        "id": f"conv_{''.join(secrets.choice('abcdefgh') for _ in range(26))}",
        "account_id": person.account_id,
        "sell": "USD",
        "buy": "EUR",
        "sold_micros": 1_000,
        "rate": Fraction(2, 3),
        "source": "ecb 2026-11-25",
    }
    return Conversion(**{**order, **changes})


async def test_a_conversion_is_a_pair_of_transfers_at_its_rate_and_happens_once(
    database: Database,
) -> None:
    caster = await make_person(database, credit_micros=1_500)
    conversions, order = PostgresConversions(database), a_conversion(caster)
    assert [await conversions.convert(order) for _ in "ab"] == [True, False]
    assert await credit_left(database, caster) == 500
    async with database.reading() as connection:
        balances = await connection.execute(
            text(
                "SELECT b.id, b.balance_micros, c.cap_micros FROM ledger_balances b"
                " JOIN budget_caps c ON c.account_id = b.account_id AND c.kind = 'balance'"
                " AND c.currency = b.currency WHERE b.id = :id"
            ),
            {"id": f"caster_credit:{caster.account_id}:EUR"},
        )
        assert tuple(balances.one())[1:] == (666, 666), "rounded down: the platform keeps the rest"
        rate = await connection.execute(
            text("SELECT rate_numerator, rate_denominator, rate_source FROM ledger_conversions")
        )
        assert (2, 3, "ecb 2026-11-25") in {tuple(row) for row in rate}
    with pytest.raises(SpellError) as poor:
        await conversions.convert(a_conversion(caster, sold_micros=501))
    assert poor.value.code == "PAYMENT_REQUIRED"
    await assert_books_balance(database)


@pytest.mark.parametrize(
    "change",
    [
        {"bought": 667},
        {"bought": 665},
        {"numerator": 0},
        {"source": ""},
        {"to": "caster_credit:{other}:EUR"},
        {"to": "caster_credit:{own}:USD"},
        {},  # nothing else is wrong, but that no money moves
    ],
    ids=str,
)
async def test_a_conversion_that_does_not_add_up_is_refused(
    database: Database, change: dict[str, Any]
) -> None:
    own, other = [await make_person(database, credit_micros=5_000) for _ in "ab"]
    good: dict[str, Any] = {
        "id": a_conversion(own).id,
        "to": "caster_credit:{own}:EUR",
        "source": "me",
    }
    good |= {"numerator": 2, "denominator": 3, "sold": 1_000, "bought": 666}
    values = {**good, **change}
    values["to"] = values["to"].format(own=own.account_id, other=other.account_id)
    values["from"] = f"caster_credit:{own.account_id}:USD"
    with pytest.raises(DBAPIError) as wrong:
        await _record_conversion(database, values, [own, other])
    assert str(getattr(wrong.value.orig, "sqlstate", "")) == "23514"


async def _record_conversion(
    database: Database, values: dict[str, Any], people: list[Person]
) -> None:
    euros = [LedgerAccountName("caster_credit", person.account_id, "EUR") for person in people]
    async with database.transaction() as connection:
        await open_accounts(connection, euros)
        await connection.execute(
            text(
                "INSERT INTO ledger_conversions (id, from_account_id, to_account_id,"
                " rate_numerator, rate_denominator, rate_source, sold_micros, bought_micros)"
                " VALUES (:id, :from, :to, :numerator, :denominator, :source, :sold, :bought)"
            ),
            values,
        )


async def test_a_hold_expires_when_its_time_is_up_and_never_before(
    database: Database, casts: PostgresCasts
) -> None:
    _, request = await a_hold(database, casts)
    expire = text("UPDATE holds SET state = 'expired', closed_at = now() WHERE cast_id = :cast_id")
    later = text(
        "UPDATE holds SET state = 'expired', expires_at = now(), closed_at = now()"
        " WHERE cast_id = :cast_id"
    )
    async with database.transaction() as connection:
        for early in (expire, later):
            assert await refused(connection, early, cast_id=request.cast_id)
        await connection.rollback()
    orders = await casts.open_holds(older_than_seconds=0, skip=0, limit=10_000)
    assert {o.expired for o in orders if o.cast_id == request.cast_id} == {False}

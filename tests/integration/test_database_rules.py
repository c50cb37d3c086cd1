"""Goal: no code path can break the rules of money and history. Method: try, in plain SQL."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from infra.postgres import Database
from infra.repositories.casts import PostgresCasts
from schema.ids import schedule_id_for
from tests.support.builders import Person, a_cast, make_person, publish
from tests.support.fakes import KnownVerdicts


@pytest.fixture
async def held_cast(database: Database) -> tuple[Person, str]:
    maker = await make_person(database)
    spell = await publish(database, maker)
    caster = await make_person(database, credit_micros=10_000)
    request = a_cast(caster, spell.spell_key)
    casts = PostgresCasts(database, KnownVerdicts(), fee_basis_points=2000, open_casts_max=1000)
    plan, _ = await casts.find_plan(request)
    await casts.hold(request, plan)
    return caster, request.cast_id


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_transfers SET amount_micros = 1 WHERE cast_id = :cast_id",
        "DELETE FROM ledger_transfers WHERE cast_id = :cast_id",
        "TRUNCATE ledger_transfers CASCADE",
        "UPDATE ledger_accounts SET kind = 'refunds'",
        "UPDATE cast_events SET kind = 'failed' WHERE cast_id = :cast_id",
        "DELETE FROM cast_events WHERE cast_id = :cast_id",
        "UPDATE idempotency_records SET fingerprint = 'x' WHERE cast_id = :cast_id",
        "DELETE FROM idempotency_records WHERE cast_id = :cast_id",
        "UPDATE verification_decisions SET passed = true",
        "UPDATE spell_versions SET price = '{}'",
        "DELETE FROM spell_versions",
        "DELETE FROM holds WHERE cast_id = :cast_id",
    ],
)
async def test_history_cannot_be_rewritten(
    database: Database, held_cast: tuple[Person, str], statement: str
) -> None:
    with pytest.raises(DBAPIError, match="append-only|never changes"):
        await _run(database, statement, held_cast)


@pytest.mark.parametrize(
    "statement",
    [
        # More than the balance, more than the hold, twice, backwards, free money.
        "UPDATE budgets SET held_micros = 10001 WHERE account_id = :account_id"
        " AND kind = 'balance'",
        "UPDATE budgets SET held_micros = -1 WHERE account_id = :account_id",
        "UPDATE holds SET state = 'posted', posted_micros = 501, closed_at = now()"
        " WHERE cast_id = :cast_id",
        "UPDATE holds SET amount_micros = 1 WHERE cast_id = :cast_id",
        "UPDATE holds SET state = 'voided' WHERE cast_id = :cast_id",
        "UPDATE casts SET cost_micros = 501 WHERE id = :cast_id",
        "UPDATE casts SET status = 'succeeded', finished_at = now() WHERE id = :cast_id",
        "UPDATE casts SET billing = 'refunded' WHERE id = :cast_id",
        "UPDATE casts SET event_seq = 0 WHERE id = :cast_id",
        "INSERT INTO ledger_transfers (reference, kind, debit_account_id, credit_account_id,"
        " currency, amount_micros) VALUES ('x', 'credit', 'processor_clearing\\:USD',"
        " 'caster_credit:' || :account_id || '\\:USD', 'EUR', 5)",
        "INSERT INTO ledger_transfers (reference, kind, debit_account_id, credit_account_id,"
        " currency, amount_micros) VALUES ('y', 'credit', 'processor_clearing\\:USD',"
        " 'caster_credit:' || :account_id || '\\:USD', 'USD', 0)",
        "INSERT INTO ledger_transfers (reference, kind, debit_account_id, credit_account_id,"
        " currency, amount_micros) SELECT reference, kind, debit_account_id, credit_account_id,"
        " currency, amount_micros FROM ledger_transfers WHERE cast_id = :cast_id",
    ],
)
async def test_money_rules_hold_against_any_statement(
    database: Database, held_cast: tuple[Person, str], statement: str
) -> None:
    with pytest.raises(DBAPIError) as refused:
        await _run(database, statement, held_cast)
    # Class 23: integrity constraint violation. A typo in the statement would be class 42.
    assert str(getattr(refused.value.orig, "sqlstate", "")).startswith("23")


@pytest.mark.parametrize(
    ("name", "byte"),
    [("", "00"), ("1A", "00"), ("A-B", "00"), ("A" * 129, "00"), ("TOKEN", "")],
)
async def test_a_secret_has_the_name_of_a_variable_and_is_encrypted(
    database: Database, name: str, byte: str
) -> None:
    """Method: a bad name with a good ciphertext, and a good name with none."""
    spell = await publish(database, await make_person(database))
    insert = text(
        "INSERT INTO spell_secrets (spell_key, name, ciphertext)"
        " VALUES (:key, :name, decode(repeat(:hex, 29), 'hex'))"
    )
    good = {"key": spell.spell_key, "name": "A" * 128, "hex": "00"}
    async with database.transaction() as connection:
        await connection.execute(insert, good)
    bad = {**good, "name": name, "hex": byte}
    with pytest.raises(DBAPIError) as refused:
        async with database.transaction() as connection:
            await connection.execute(insert, bad)
    assert str(getattr(refused.value.orig, "sqlstate", "")) == "23514"


async def test_a_closed_hold_and_an_ended_cast_stay_as_they_are(
    database: Database, held_cast: tuple[Person, str]
) -> None:
    cast_id = {"cast_id": held_cast[1]}
    async with database.transaction() as connection:
        for statement in (
            "UPDATE holds SET state = 'voided', closed_at = now() WHERE cast_id = :cast_id",
            "UPDATE casts SET status = 'failed', billing = 'released', finished_at = now()"
            " WHERE id = :cast_id",
        ):
            await connection.execute(text(statement), cast_id)
        for statement in (
            "UPDATE holds SET state = 'posted', posted_micros = 1 WHERE cast_id = :cast_id",
            "UPDATE casts SET status = 'succeeded' WHERE id = :cast_id",
            "UPDATE casts SET billing = 'settled' WHERE id = :cast_id",
        ):
            with pytest.raises(DBAPIError, match="cannot go|has ended"):
                async with connection.begin_nested():
                    await connection.execute(text(statement), cast_id)
        # The books must balance for whoever comes next: this end was made by hand.
        await connection.rollback()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE schedules SET api_key_id = api_key_id || 'x' WHERE id = :id",
        "UPDATE schedules SET spell_key = 'com.example.other' WHERE id = :id",
        "UPDATE schedules SET reason = 'asked' WHERE id = :id",
        "UPDATE schedules SET state = 'paused' WHERE id = :id",
        "UPDATE schedules SET inputs_sealed = NULL WHERE id = :id",
        "DELETE FROM schedules WHERE id = :id",
        "UPDATE schedule_runs SET cast_id = NULL WHERE schedule_id = :id",
        "DELETE FROM schedule_runs WHERE schedule_id = :id",
        "INSERT INTO schedule_runs (schedule_id, scheduled_at, cast_id)"
        " SELECT schedule_id, scheduled_at, 'another' FROM schedule_runs WHERE schedule_id = :id",
        "INSERT INTO schedule_runs (schedule_id, scheduled_at) VALUES (:id, now())",
    ],
)
async def test_a_schedule_keeps_its_owner_and_what_came_of_its_times(
    database: Database, statement: str
) -> None:
    person = await make_person(database)
    schedule_id = schedule_id_for(person.account_id, person.secret, "key")
    async with database.transaction() as connection:
        row = {"id": schedule_id, "account": person.account_id, "key": person.api_key_id}
        made = text(
            "INSERT INTO schedules (id, account_id, api_key_id, fingerprint, spell_key, spell,"
            " timing, inputs_sealed, state) VALUES (:id, :account, :key, 'f', 'com.example.x',"
            """ '{"spell_key": "com.example.x"}', '{}', 'sealed', 'active')"""
        )
        await connection.execute(made, row)
        ran = text(
            "INSERT INTO schedule_runs (schedule_id, scheduled_at, cast_id)"
            " VALUES (:id, now(), 'cast_of_' || :id)"
        )
        await connection.execute(ran, {"id": schedule_id})
    with pytest.raises(DBAPIError):
        async with database.transaction() as connection:
            await connection.execute(text(statement), {"id": schedule_id})


async def _run(database: Database, statement: str, held: tuple[Person, str]) -> None:
    parameters = {"account_id": held[0].account_id, "cast_id": held[1]}
    used = {name: value for name, value in parameters.items() if f":{name}" in statement}
    async with database.transaction() as connection:
        await connection.execute(text(statement), used)

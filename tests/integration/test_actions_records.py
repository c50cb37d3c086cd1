"""Goal: a dispatch is asked for once, inputs are given once, a delivery counts once.

Method: the real tables, by their repositories and in plain SQL.
"""

import asyncio
import secrets
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from infra.postgres import Database
from infra.repositories.actions_runs import PostgresActionsRuns
from infra.repositories.github_deliveries import PostgresGitHubDeliveries
from infra.repositories.run_inputs import StoredRunInputs
from schema.blob_keys import run_inputs_key
from schema.contracts.actions import ActionsRunRef
from schema.errors import SpellError
from schema.ids import cast_id_for
from tests.support.fakes import MemoryBlobs
from tests.support.platform import make_vault
from tests.support.scripted_github import an_actions_plan

INPUTS = '{"secret":"of the caster"}'


def a_cast_id() -> str:
    return cast_id_for(f"acct_{'a' * 16}", b"secret", secrets.token_hex(8))


def a_run(run_id: int = 5) -> ActionsRunRef:
    return ActionsRunRef(repo=f"acme/{secrets.token_hex(8)}", run_id=run_id, html_url="https://x")


async def test_of_many_who_would_dispatch_one_may(database: Database) -> None:
    runs, cast_id, plan = PostgresActionsRuns(database), a_cast_id(), an_actions_plan()
    answers = await asyncio.gather(*(runs.intend(cast_id, plan) for _ in range(8)))
    assert sorted(answers) == [False] * 7 + [True]
    assert await runs.intended_at(cast_id) is not None
    assert await runs.intended_at(a_cast_id()) is None


async def test_only_what_was_certainly_refused_may_be_asked_again(database: Database) -> None:
    runs, cast_id, run = PostgresActionsRuns(database), a_cast_id(), a_run()
    plan = an_actions_plan(repo=run.repo)
    assert await runs.intend(cast_id, plan)
    await runs.refused(cast_id)
    assert await runs.intend(cast_id, plan)
    assert not await runs.intend(cast_id, plan)
    await runs.dispatched(cast_id, run)
    await runs.refused(cast_id)
    assert not await runs.intend(cast_id, plan)
    assert await runs.run_of(cast_id) == run


async def test_the_first_run_of_a_cast_stays(database: Database) -> None:
    runs, cast_id, run = PostgresActionsRuns(database), a_cast_id(), a_run()
    await runs.intend(cast_id, an_actions_plan(repo=run.repo))
    assert await runs.may_be_run_of(cast_id, run, "spell.yml")
    await runs.dispatched(cast_id, run)
    await runs.dispatched(cast_id, run.model_copy(update={"run_id": 6}))
    assert await runs.run_of(cast_id) == run
    assert await runs.cast_of(run.repo.upper(), 5) == cast_id
    assert await runs.cast_of(run.repo, 6) is None
    other = run.model_copy(update={"run_id": 6})
    assert not await runs.may_be_run_of(cast_id, other, "spell.yml")
    assert not await runs.may_be_run_of(cast_id, run, "other.yml")
    assert not await runs.may_be_run_of(cast_id, a_run(), "spell.yml")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE actions_runs SET repo = 'evil/other' WHERE cast_id = :cast_id",
        "UPDATE actions_runs SET intended_at = now() - interval '1 day' WHERE cast_id = :cast_id",
        "UPDATE actions_runs SET run_id = 6 WHERE cast_id = :cast_id",
        "UPDATE actions_runs SET asked_at = NULL WHERE cast_id = :cast_id",
        "DELETE FROM actions_runs WHERE cast_id = :cast_id",
    ],
)
async def test_the_record_of_a_dispatch_cannot_be_rewritten(
    database: Database, statement: str
) -> None:
    runs, cast_id, run = PostgresActionsRuns(database), a_cast_id(), a_run()
    await runs.intend(cast_id, an_actions_plan(repo=run.repo))
    await runs.dispatched(cast_id, run)
    with pytest.raises(DBAPIError, match="append-only|never changes"):
        async with database.transaction() as connection:
            await connection.execute(text(statement), {"cast_id": cast_id})


def inputs_of(database: Database) -> tuple[StoredRunInputs, MemoryBlobs]:
    blobs = MemoryBlobs()
    return StoredRunInputs(database, blobs, make_vault(), "https://spell.example/"), blobs


def token_of(address: str) -> str:
    start, _, token = address.rpartition("/")
    assert start == "https://spell.example/v1/run-inputs"
    return token


async def code_of_taking(inputs: StoredRunInputs, token: str) -> str:
    with pytest.raises(SpellError) as caught:
        await inputs.take(token)
    return caught.value.code


async def test_of_many_who_fetch_inputs_one_gets_them(database: Database) -> None:
    inputs, blobs = inputs_of(database)
    cast_id = a_cast_id()
    token = token_of(await inputs.offer(cast_id, INPUTS))
    assert INPUTS.encode() not in blobs.content[run_inputs_key(cast_id)]
    answers = await asyncio.gather(*(inputs.take(token) for _ in range(8)), return_exceptions=True)
    assert [a for a in answers if isinstance(a, bytes)] == [INPUTS.encode()]
    assert {a.code for a in answers if isinstance(a, SpellError)} == {"LINK_EXPIRED"}


async def test_the_table_has_no_token(database: Database) -> None:
    inputs, _ = inputs_of(database)
    token = token_of(await inputs.offer(a_cast_id(), INPUTS))
    async with database.reading() as connection:
        rows = (await connection.execute(text("SELECT run_inputs::text FROM run_inputs"))).all()
    assert rows
    assert not any(token in row[0] for row in rows)


async def test_an_address_ends_by_time_by_withdrawal_and_by_a_newer_one(
    database: Database,
) -> None:
    inputs, _ = inputs_of(database)
    cast_id = a_cast_id()
    older = token_of(await inputs.offer(cast_id, INPUTS))
    newer = token_of(await inputs.offer(cast_id, INPUTS))
    assert await code_of_taking(inputs, older) == "NOT_FOUND"
    await inputs.withdraw(cast_id)
    assert await code_of_taking(inputs, newer) == "LINK_EXPIRED"
    late = token_of(await inputs.offer(cast_id, INPUTS))
    await age(database, cast_id, timedelta(hours=1))
    assert await code_of_taking(inputs, late) == "LINK_EXPIRED"
    assert await code_of_taking(inputs, "\udcff") == "NOT_FOUND"


async def test_what_nobody_withdrew_is_purged(database: Database) -> None:
    inputs, blobs = inputs_of(database)
    old, young = a_cast_id(), a_cast_id()
    for cast_id in (old, young):
        await inputs.offer(cast_id, INPUTS)
    await age(database, old, timedelta(days=2))
    while await inputs.purge():
        pass
    assert run_inputs_key(old) not in blobs.content
    assert run_inputs_key(young) in blobs.content


async def age(database: Database, cast_id: str, by: timedelta) -> None:
    """A table of its own rules: an older address is a new row."""
    async with database.transaction() as connection:
        statement = (
            "WITH gone AS (DELETE FROM run_inputs WHERE cast_id = :cast_id RETURNING *)"
            " INSERT INTO run_inputs SELECT token_hash, cast_id, blob_key, created_at,"
            " expires_at - CAST(:by AS interval), used_at FROM gone"
        )
        await connection.execute(text(statement), {"cast_id": cast_id, "by": by})


async def test_a_delivery_is_new_until_it_was_dealt_with(database: Database) -> None:
    deliveries, delivery_id = PostgresGitHubDeliveries(database), secrets.token_hex(16)
    for _ in range(2):
        assert await deliveries.receive(delivery_id, "workflow_run", None)
    await deliveries.handled(delivery_id)
    assert not await deliveries.receive(delivery_id, "workflow_run", None)

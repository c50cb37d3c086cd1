"""Goal: what was there before there were modes reads as what it was, and goes on.

Method: a database at the revision before, with rows as the code of then wrote them; then migrated.
"""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from infra import migrate
from infra.embedded.platform import EmbeddedPlatform
from infra.postgres import Database
from infra.repositories.account_modes import PostgresAccountModes
from infra.repositories.cast_reads import PostgresCastReads
from infra.repositories.receipts import PostgresReceipts
from infra.repositories.spells import PostgresSpells
from schema.contracts.cast import CastStatus, FallBackOrder, FellBack
from schema.contracts.plans import Mode
from schema.contracts.receipt import Receipt
from schema.errors import SpellError
from schema.mode_choice import ModePolicy
from schema.receipt_checks import replay_refusal, standing_checks
from schema.receipts import statement_of
from tests.support.builders import a_cast
from tests.support.money import assert_books_balance, open_holds
from tests.support.old_rows import (
    COST,
    OldRows,
    an_end,
    database_of_before,
    old_casts,
    write_old_rows,
)
from tests.support.platform import make_vault
from tests.support.servers import opened


class Upgraded:
    """The database of before, its old rows, and what receipts said of them then."""

    def __init__(self, database: Database, url: str, old: OldRows, receipt: bytes) -> None:
        self.database, self.url, self.old, self.receipt = database, url, old, receipt


async def receipt_of(database: Database, old: OldRows) -> Receipt:
    receipts = PostgresReceipts(database, make_vault())
    found = await receipts.receipt(old.ended.account_id, old.ended.cast_id)
    assert isinstance(found, Receipt)
    return found


@pytest.fixture
async def upgraded(servers: EmbeddedPlatform) -> AsyncIterator[Upgraded]:
    async with database_of_before(servers.endpoints.database_url) as (database, url):
        old = await write_old_rows(database)
        receipt = statement_of(await receipt_of(database, old))
        await asyncio.to_thread(migrate.upgrade, url)
        # Processes of now; what those of before still hold has a test of its own.
        async with opened(url) as newly_opened:
            yield Upgraded(newly_opened, url, old, receipt)


async def test_a_process_that_was_there_before_is_told_to_ask_again_and_goes_on(
    servers: EmbeddedPlatform,
) -> None:
    """Its connections had prepared statements on tables that have more columns now."""
    async with database_of_before(servers.endpoints.database_url) as (database, url):
        old = await write_old_rows(database)
        before = await receipt_of(database, old)
        await asyncio.to_thread(migrate.upgrade, url)
        with pytest.raises(SpellError) as told:
            await receipt_of(database, old)
        assert (told.value.code, told.value.kind.retryable) == ("SERVICE_UNAVAILABLE", True)
        assert await receipt_of(database, old) == before


async def test_an_old_version_offers_mode_service_and_is_cast_so(upgraded: Upgraded) -> None:
    old, database = upgraded.old, upgraded.database
    (version,) = await PostgresSpells(database).versions(
        old.caster.account_id, old.package.spell_key
    )
    assert (version.mode, version.modes, version.fallback) == (
        Mode.SERVICE,
        (Mode.SERVICE,),
        None,
    )
    for mode in (None, Mode.SERVICE):
        request = a_cast(old.caster, old.package.spell_key, mode=mode)
        planned, schemas = await old_casts(database).find_plan(request)
        assert (planned.plan, planned.fallback, planned.fell_back) == (old.plan, None, None)
        assert schemas.decode() == old.package.schemas_json


async def test_an_old_cast_and_its_answer_read_as_they_were(upgraded: Upgraded) -> None:
    old, reads = upgraded.old, PostgresCastReads(upgraded.database)
    for request, status in ((old.ended, "succeeded"), (old.queued, "queued")):
        view = await reads.cast(request.account_id, request.cast_id)
        assert view is not None
        assert (view.status, view.mode, view.fell_back) == (status, Mode.SERVICE, None)
        recorded = await reads.admission(request.cast_id)
        assert recorded is not None
        fingerprint, admission = recorded
        assert fingerprint == request.fingerprint
        assert (admission.plan, admission.accepted) == (old.plan, True)
        assert (admission.pending, admission.fallback, admission.fell_back) == (None, None, None)


async def test_an_old_receipt_has_the_same_bytes_and_still_replays(upgraded: Upgraded) -> None:
    receipt = await receipt_of(upgraded.database, upgraded.old)
    assert statement_of(receipt) == upgraded.receipt
    assert [check for check in standing_checks(receipt) if not check.passed] == []
    assert replay_refusal(receipt) is None


async def test_an_old_cast_under_way_is_settled_by_the_code_of_now(upgraded: Upgraded) -> None:
    old, database = upgraded.old, upgraded.database
    casts = old_casts(database)
    assert await open_holds(database, old.caster) == 1
    result = await casts.settle(an_end(old.queued, old.plan))
    assert (result.status, result.cost_micros) == (CastStatus.SUCCEEDED, COST)
    assert await open_holds(database, old.caster) == 0
    await assert_books_balance(database)


async def test_an_old_cast_that_ran_keeps_its_mode(upgraded: Upgraded) -> None:
    old, casts = upgraded.old, old_casts(upgraded.database)
    fell_back = FellBack(first=Mode.SERVICE, mode=Mode.WORKFLOW, code="QUEUE_TIMEOUT")
    await casts.mark_running(old.queued.cast_id)
    for request in (old.ended, old.queued):
        order = FallBackOrder(cast_id=request.cast_id, fell_back=fell_back)
        assert not await casts.fall_back(order)
        with pytest.raises(DBAPIError, match="keeps its mode"):
            async with upgraded.database.transaction() as connection:
                await connection.execute(
                    text("UPDATE casts SET mode = 'workflow' WHERE id = :id"),
                    {"id": request.cast_id},
                )


async def test_an_old_account_has_no_restriction(upgraded: Upgraded) -> None:
    rules = PostgresAccountModes(upgraded.database, ModePolicy())
    found = await rules.modes(upgraded.old.caster.account_id)
    assert found.restricted_to is None
    assert [each.mode for each in found.modes if each.use] == list(Mode)


async def test_the_upgraded_tables_are_those_of_the_code(upgraded: Upgraded) -> None:
    await asyncio.to_thread(migrate.check, upgraded.url)
    await asyncio.to_thread(migrate.upgrade, upgraded.url)

"""Goal: money for 100 casts holds exactly 100 of 1,000 that four processes ask for at once."""

import asyncio
import json
import sys
from collections import Counter

import pytest
from sqlalchemy import text

from infra.embedded.platform import EmbeddedPlatform
from infra.postgres import Database
from tests.support.builders import FLAT_500, make_person, publish
from tests.support.money import assert_books_balance, credit_left, open_holds

PROCESSES = 4
CASTS_EACH = 250
MONEY_FOR = 100


async def holders(servers: EmbeddedPlatform, order: dict[str, str]) -> list[Counter[str]]:
    """What the processes were answered, each."""
    processes = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.support.holding", str(CASTS_EACH)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        for _ in range(PROCESSES)
    ]
    line = json.dumps({**order, "database_url": servers.endpoints.database_url}).encode()
    said = await asyncio.gather(*(process.communicate(line) for process in processes))
    assert [process.returncode for process in processes] == [0] * PROCESSES
    return [Counter(json.loads(stdout)) for stdout, _ in said]


@pytest.mark.timeout(300)
async def test_exactly_as_many_casts_are_held_as_there_is_money_for(
    servers: EmbeddedPlatform, database: Database
) -> None:
    spell = await publish(database, await make_person(database))
    caster = await make_person(database, credit_micros=MONEY_FOR * FLAT_500.price_micros)
    order = {"account_id": caster.account_id, "api_key_id": caster.api_key_id}
    order |= {"secret": caster.secret.hex(), "spell_key": spell.spell_key}
    answers = await holders(servers, order)
    assert sum(answers, Counter()) == {
        "held": MONEY_FOR,
        "PAYMENT_REQUIRED": PROCESSES * CASTS_EACH - MONEY_FOR,
    }
    assert await credit_left(database, caster) == 0
    assert await open_holds(database, caster) == MONEY_FOR
    async with database.reading() as connection:
        held = await connection.execute(
            text(
                "SELECT count(*), sum(amount_micros) FROM ledger_transfers WHERE kind = 'hold'"
                " AND debit_account_id = :id"
            ),
            {"id": f"caster_credit:{caster.account_id}:USD"},
        )
        assert tuple(held.one()) == (MONEY_FOR, MONEY_FOR * FLAT_500.price_micros)
    await assert_books_balance(database)

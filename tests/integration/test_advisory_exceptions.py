"""Goal: an exception says who, why and until when, and none of it is ever told otherwise."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from infra.embedded.platform import EmbeddedPlatform
from infra.postgres import Database
from infra.repositories.advisory_exceptions import PostgresAdvisoryExceptions
from schema.contracts.supply_chain import AdvisoryException, Justification
from schema.errors import SpellError
from tests.support.advisories import fresh_database


@pytest.fixture
async def empty(servers: EmbeddedPlatform) -> AsyncIterator[Database]:
    async with fresh_database(servers) as database:
        yield database


def an_exception(**changes: Any) -> AdvisoryException:
    plain = {
        "advisory_id": "CVE-2018-18074",
        "justification": Justification.INLINE_MITIGATIONS,
        "statement": "Redirects are refused before requests sees them.",
        "added_by": "acct_aaaaaaaaaaaaaaaa",
        "expires_at": datetime.now(UTC) + timedelta(days=30),
    }
    return AdvisoryException(**(plain | changes))


async def test_an_exception_is_in_force_until_it_is_removed(empty: Database) -> None:
    kept = PostgresAdvisoryExceptions(empty)
    made = await kept.add(an_exception(purl="pkg:pypi/requests"))
    assert [one.advisory_id for one in await kept.in_force()] == ["CVE-2018-18074"]
    removed = await kept.remove(made.id, "acct_bbbbbbbbbbbbbbbb")
    assert removed.removed_by == "acct_bbbbbbbbbbbbbbbb"
    assert await kept.in_force() == []
    assert await kept.exceptions() == []
    assert await kept.exceptions(ended=True) == [removed]
    with pytest.raises(SpellError, match="No such"):
        await kept.remove(made.id, "acct_bbbbbbbbbbbbbbbb")


async def test_an_exception_of_a_spell_is_in_force_for_that_spell(empty: Database) -> None:
    kept = PostgresAdvisoryExceptions(empty)
    await kept.add(an_exception(spell_key="com.acme.fetch"))
    await kept.add(an_exception())
    assert len(await kept.in_force("com.acme.fetch")) == 2
    assert [one.spell_key for one in await kept.in_force("com.acme.other")] == [None]
    assert [one.spell_key for one in await kept.in_force()] == [None]


@pytest.mark.parametrize("days", [-1, 0, 366, 100_000])
async def test_an_exception_ends_within_a_year(empty: Database, days: int) -> None:
    ends = datetime.now(UTC) + timedelta(days=days)
    with pytest.raises(SpellError) as caught:
        await PostgresAdvisoryExceptions(empty).add(an_exception(expires_at=ends))
    assert caught.value.code == "VALIDATION_ERROR"


async def test_exceptions_are_listed_in_pages(empty: Database) -> None:
    kept = PostgresAdvisoryExceptions(empty)
    made = sorted([(await kept.add(an_exception())).id for _ in range(5)])
    first = await kept.exceptions(limit=3)
    rest = await kept.exceptions(after=first[-1].id, limit=3)
    assert [one.id for one in (*first, *rest)] == made


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE advisory_exceptions SET statement = 'other'",
        "UPDATE advisory_exceptions SET expires_at = expires_at + interval '1 day'",
        "UPDATE advisory_exceptions SET removed_at = now()",
        "DELETE FROM advisory_exceptions",
        "TRUNCATE advisory_exceptions",
        "INSERT INTO advisory_exceptions"
        " SELECT 'exc_aaaaaaaaaaaaaaaa', advisory_id, purl, spell_key,"
        " justification, statement, added_by, added_at, added_at + interval '2 years'"
        " FROM advisory_exceptions",
        "INSERT INTO advisory_exceptions"
        " SELECT 'exc_aaaaaaaaaaaaaaaa', advisory_id, purl, spell_key,"
        " 'because', statement, added_by, added_at, expires_at FROM advisory_exceptions",
    ],
)  # fmt: skip
async def test_an_exception_cannot_be_told_otherwise(empty: Database, statement: str) -> None:
    await PostgresAdvisoryExceptions(empty).add(an_exception())
    with pytest.raises(DBAPIError, match=r"append-only|never changes|violates check"):
        async with empty.transaction() as connection:
            await connection.execute(text(statement))


async def test_a_removal_cannot_be_undone(empty: Database) -> None:
    kept = PostgresAdvisoryExceptions(empty)
    made = await kept.add(an_exception())
    await kept.remove(made.id, "acct_bbbbbbbbbbbbbbbb")
    undo = "UPDATE advisory_exceptions SET removed_at = NULL, removed_by = NULL"
    with pytest.raises(DBAPIError, match="never changes"):
        async with empty.transaction() as connection:
            await connection.execute(text(undo))

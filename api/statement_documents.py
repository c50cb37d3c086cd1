"""Statements as documents: a page of lines between the balances at both ends of a period."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import Query
from pydantic import AwareDatetime

from api.cursors import read_statement_cursor, statement_cursor
from api.ledger_ports import Statements
from schema.contracts.base import Contract
from schema.contracts.ledger import LedgerBalance, StatementBalance, StatementLine
from schema.errors import SpellError

_PERIOD = timedelta(days=31)

FromQuery = Annotated[
    AwareDatetime | None, Query(alias="from", description="default: 31 days before `to`")
]
ToQuery = Annotated[AwareDatetime | None, Query(description="not included; default: now")]


class StatementPage(Contract):
    """One page of a statement; `balances` are of the whole period, on every page."""

    begin: datetime
    end: datetime
    balances: list[StatementBalance]
    items: list[StatementLine]
    next_cursor: str | None = None


class BalancePage(Contract):
    """Ledger accounts with what they hold."""

    items: list[LedgerBalance]
    next_cursor: str | None = None


def period_of(begin: datetime | None, end: datetime | None) -> tuple[datetime, datetime]:
    """A period in UTC, with what was left out. Raises SpellError(VALIDATION_ERROR)."""
    try:
        last = (end or datetime.now(UTC)).astimezone(UTC)
        first = last - _PERIOD if begin is None else begin.astimezone(UTC)
    except OverflowError as error:
        raise SpellError("VALIDATION_ERROR", "The period is outside of the calendar.") from error
    if first > last:
        raise SpellError("VALIDATION_ERROR", "`from` is later than `to`.")
    return first, last


async def statement_page(
    statements: Statements,
    accounts: list[str],
    period: tuple[datetime, datetime],
    *,
    cursor: str | None,
    limit: int,
    whole: bool,
) -> StatementPage:
    """One page of the statement of these accounts."""
    after = read_statement_cursor(cursor)
    found = await statements.lines(accounts, *period, after=after, limit=limit + 1, whole=whole)
    page = found[:limit]
    return StatementPage(
        begin=period[0],
        end=period[1],
        balances=await statements.balances(accounts, *period),
        items=[line for line, _ in page],
        next_cursor=statement_cursor(page[-1][1]) if len(found) > limit else None,
    )

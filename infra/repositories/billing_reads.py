"""What accounts read of their money: usage, alerts, and the history of caps."""

from typing import Any

from sqlalchemy import TextClause, text

from infra.postgres import Database, row_dict
from schema.contracts.budgets import (
    BillingChange,
    BudgetAlert,
    UsageGroup,
    UsageLine,
    UsageQuery,
)

_PERIODIC = "CASE WHEN kind ~ '_(day|month)$' THEN period_start END AS period_start"
_ALERTS = text(
    "SELECT id, kind, nullif(scope_id, '') AS api_key_id, currency,"  # noqa: S608  (a constant)
    f" {_PERIODIC}, cap_micros, percent, used_micros, created_at, told_at FROM budget_alerts"
    " WHERE account_id = :account AND (CAST(:before AS bigint) IS NULL OR id < :before)"
    " ORDER BY id DESC LIMIT :limit"
)
_CHANGES = text(
    "SELECT id, subject, changed_by, changed_at, kind, nullif(scope_id, '') AS api_key_id,"
    " currency, before, after FROM billing_changes"
    " WHERE account_id = :account AND (CAST(:before AS bigint) IS NULL OR id < :before)"
    " ORDER BY id DESC LIMIT :limit"
)
_GROUPS = {
    UsageGroup.DAY: "to_char(day, 'YYYY-MM-DD')",
    UsageGroup.MONTH: "to_char(month, 'YYYY-MM')",
    UsageGroup.SPELL: "spell_key",
    UsageGroup.API_KEY: "api_key_id",
}


def _usage_by(group: str) -> TextClause:
    return text(
        "SELECT * FROM (SELECT"  # noqa: S608  (one of the constants above)
        f' {group} COLLATE "C" AS "group", currency, count(*) AS count,'
        " coalesce(sum(held_micros), 0)\\:\\:bigint AS held_micros,"
        " coalesce(sum(posted_micros), 0)\\:\\:bigint AS posted_micros FROM spending"
        " WHERE account_id = :account AND day BETWEEN :from_day AND :to_day"
        " AND (CAST(:currency AS text) IS NULL OR currency = :currency) GROUP BY 1, 2) AS lines"
        ' WHERE ("group", currency) > (:after_group, :after_currency COLLATE "C")'
        " ORDER BY 1, 2 LIMIT :limit"
    )


_USAGE = {by: _usage_by(group) for by, group in _GROUPS.items()}


class PostgresBillingReads:
    """Reads of one account's money."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def usage(
        self, account_id: str, query: UsageQuery, *, after: tuple[str, str], limit: int
    ) -> list[UsageLine]:
        """What was held and spent, in the order of groups and currencies, above `after`."""
        place = {**query.model_dump(exclude={"by"}), "account": account_id, "limit": limit}
        place |= {"after_group": after[0], "after_currency": after[1]}
        rows = await self._rows(_USAGE[query.by], place)
        return [UsageLine(**row) for row in rows]

    async def alerts(self, account_id: str, *, before: int | None, limit: int) -> list[BudgetAlert]:
        """Thresholds that were crossed, newest first, below an id."""
        place = {"account": account_id, "before": before, "limit": limit}
        return [BudgetAlert(**row) for row in await self._rows(_ALERTS, place)]

    async def changes(
        self, account_id: str, *, before: int | None, limit: int
    ) -> list[BillingChange]:
        """Changes of caps and of the billing time zone, newest first, below an id."""
        place = {"account": account_id, "before": before, "limit": limit}
        return [BillingChange(**row) for row in await self._rows(_CHANGES, place)]

    async def _rows(self, statement: TextClause, place: dict[str, Any]) -> list[dict[str, Any]]:
        async with self._database.reading() as connection:
            return [row_dict(row) for row in await connection.execute(statement, place)]

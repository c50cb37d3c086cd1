"""What must be true of money after every test."""

from sqlalchemy import text

from infra.postgres import Database
from tests.support.builders import Person


async def credit_left(database: Database, person: Person) -> int:
    """The caster's credit by the ledger, checked against the balance budget."""
    async with database.reading() as connection:
        ledger = await connection.execute(
            text("SELECT balance_micros FROM ledger_balances WHERE id = :id"),
            {"id": f"caster_credit:{person.account_id}:USD"},
        )
        budget = await connection.execute(
            text(
                "SELECT c.cap_micros - coalesce(b.held_micros + b.posted_micros, 0)"
                " FROM budget_caps c LEFT JOIN budgets b"
                " USING (account_id, kind, scope_id, currency)"
                " WHERE c.account_id = :account AND c.kind = 'balance' AND c.currency = 'USD'"
            ),
            {"account": person.account_id},
        )
        left = int(ledger.scalar_one())
        assert left == budget.scalar_one(), "ledger and balance budget disagree"
    return left


async def open_holds(database: Database, person: Person) -> int:
    """How many holds of the account are open; the ledger's hold account must say the same sum."""
    async with database.reading() as connection:
        holds = await connection.execute(
            text(
                "SELECT count(*), coalesce(sum(amount_micros), 0) FROM holds"
                " WHERE account_id = :account AND state = 'held'"
            ),
            {"account": person.account_id},
        )
        ledger = await connection.execute(
            text("SELECT balance_micros FROM ledger_balances WHERE id = :id"),
            {"id": f"caster_hold:{person.account_id}:USD"},
        )
        count, amount = holds.one()
        assert amount == (ledger.scalar_one_or_none() or 0), "ledger and holds disagree"
    return int(count)


async def assert_books_balance(database: Database) -> None:
    """Sums to zero; every cast's money went hold -> post + fee + void, exactly; counters agree."""
    async with database.reading() as connection:
        total = await connection.execute(
            text("SELECT coalesce(sum(balance_micros), 0) FROM ledger_balances")
        )
        assert total.scalar_one() == 0
        broken = await connection.execute(
            text(
                "SELECT h.cast_id FROM holds h LEFT JOIN ledger_transfers t USING (cast_id)"
                " GROUP BY h.cast_id, h.state, h.amount_micros, h.posted_micros HAVING"
                " coalesce(sum(t.amount_micros) FILTER (WHERE t.kind = 'hold'), 0)"
                "  <> h.amount_micros"
                " OR coalesce(sum(t.amount_micros) FILTER (WHERE t.kind IN ('post', 'fee')), 0)"
                "  <> h.posted_micros"
                " OR (h.state <> 'held' AND coalesce(sum(t.amount_micros) FILTER"
                "  (WHERE t.kind = 'void'), 0) <> h.amount_micros - h.posted_micros)"
            )
        )
        assert broken.all() == []
        drifted = await connection.execute(
            text(
                "SELECT b.account_id, b.kind FROM budgets b WHERE b.kind IN"
                " ('balance', 'account_total') AND (b.held_micros, b.posted_micros) <>"
                " (SELECT coalesce(sum(amount_micros) FILTER (WHERE state = 'held'), 0),"
                " coalesce(sum(posted_micros), 0) - (SELECT coalesce(sum(amount_micros), 0)"
                "  FROM ledger_transfers t WHERE t.kind = 'refund' AND t.cast_id IS NOT NULL"
                "  AND t.credit_account_id = concat('caster_credit\\:', b.account_id, '\\:',"
                "  b.currency)) FROM holds h WHERE h.account_id = b.account_id"
                " AND h.currency = b.currency)"
            )
        )
        assert drifted.all() == []

"""What must be true of money after every test."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import text

from infra.postgres import Database
from infra.repositories.ledger_books import PostgresLedgerBooks
from schema.ledger_checks import purchase_findings
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
    """How many holds of casts are open; with what is paid for purchases, the ledger agrees."""
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
        paid = await connection.execute(
            text(
                "SELECT coalesce(sum(amount_micros), 0) FROM payments"
                " WHERE account_id = :account AND state = 'paid'"
            ),
            {"account": person.account_id},
        )
        count, held = holds.one()
        amount = held + paid.scalar_one()
        assert amount == (ledger.scalar_one_or_none() or 0), "ledger and holds disagree"
    return int(count)


# What each state of a payment has moved in the ledger: all of it, or nothing.
_MOVED = text(
    "SELECT m.purchase_id, m.provider, m.state, m.amount_micros, t.kind,"
    " sum(t.amount_micros) AS amount FROM payments m LEFT JOIN ledger_transfers t"
    " ON t.reference LIKE m.purchase_id || ':%' GROUP BY 1, 2, 3, 4, 5"
)
_BY_STATE = {
    ("checkout", "intended"): (),
    ("checkout", "open"): (),
    ("checkout", "released"): (),
    ("checkout", "paid"): ("payment",),
    ("checkout", "posted"): ("payment", "shares"),
    ("checkout", "refunded"): ("payment", "refund"),
    ("credit", "paid"): ("hold",),
    ("credit", "posted"): ("hold", "shares"),
    ("credit", "refunded"): ("hold", "void"),
}


async def assert_books_balance(database: Database) -> None:
    """Sums to zero; every cast's money went hold -> post + fee + void, exactly; counters agree.

    So did every purchase's: in once, and out once, to maker and platform or back.
    """
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
                "WITH used AS (SELECT account_id, currency,"
                "  CASE state WHEN 'held' THEN amount_micros ELSE 0 END AS held,"
                "  posted_micros AS posted FROM holds UNION ALL SELECT account_id, currency,"
                "  CASE state WHEN 'paid' THEN amount_micros ELSE 0 END,"
                "  CASE state WHEN 'posted' THEN amount_micros ELSE 0 END"
                "  FROM payments WHERE provider = 'credit')"
                " SELECT b.account_id, b.kind FROM budgets b WHERE b.kind IN"
                " ('balance', 'account_total') AND (b.held_micros, b.posted_micros) <>"
                " (SELECT coalesce(sum(held), 0), coalesce(sum(posted), 0)"
                "  - (SELECT coalesce(sum(amount_micros), 0) FROM ledger_transfers t"
                "   WHERE t.kind = 'refund' AND t.cast_id IS NOT NULL AND t.credit_account_id ="
                "   concat('caster_credit\\:', b.account_id, '\\:', b.currency)) FROM used u"
                " WHERE u.account_id = b.account_id AND u.currency = b.currency)"
            )
        )
        assert drifted.all() == []
        moved = (await connection.execute(_MOVED)).all()
    _assert_purchases_balance(moved)
    for state in await PostgresLedgerBooks(database).purchases("", 100_000):
        assert list(purchase_findings(state)) == []


def _assert_purchases_balance(rows: Sequence[Any]) -> None:
    moved: dict[Any, Counter[str]] = {}
    for row in rows:
        of_purchase = moved.setdefault(
            (row.purchase_id, row.provider, row.state, row.amount_micros), Counter()
        )
        if row.kind is not None:
            of_purchase["shares" if row.kind in ("post", "fee") else row.kind] += row.amount
    for (purchase_id, provider, state, amount), kinds in moved.items():
        assert kinds == dict.fromkeys(_BY_STATE[provider, state], amount), purchase_id

"""Goal: casts and purchases, in any order and at once, keep the books. Method: Hypothesis.

Batches of steps are drawn; the steps of a batch run at once. Steps that make no sense at that
moment are drawn too: what was settled is settled again, what was refunded is granted.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from infra.postgres import Database
from infra.repositories.casts import PostgresCasts
from schema.contracts.cast import CastInput, ReleaseOrder, RunOutcome, SettleOrder
from schema.contracts.problem import Problem
from schema.contracts.purchases import PayWith, PurchaseOrder
from schema.contracts.run import Outcome
from schema.errors import SpellError
from tests.support.builders import METERED, USAGE, Person, a_cast, make_person, publish
from tests.support.fakes import KnownVerdicts
from tests.support.money import assert_books_balance, credit_left, open_holds
from tests.support.shop import Shop, a_shop

CREDIT = 2_000
PRICES = (1, 333, 700, 1_999)
"""Small and odd: shares do not divide evenly, and credit runs out."""
SUCCESS = RunOutcome(outcome=Outcome.SUCCEEDED, usage=USAGE, output_bytes=2)
STEPS = (
    *("cast", "settle", "release", "buy_by_card", "buy_by_credit", "open_page", "pay"),
    *("grant", "give_back", "let_go"),
)
step = st.tuples(
    st.sampled_from(STEPS), st.integers(0, 1), st.integers(0, 5), st.sampled_from(PRICES)
)
batches = st.lists(st.lists(step, min_size=1, max_size=6), min_size=1, max_size=8)


class Market:
    """Two buyers with little money, a spell that they cast, a template that they buy."""

    def __init__(
        self, casts: PostgresCasts, shop: Shop, spell_key: str, people: list[Person]
    ) -> None:
        self.casts, self.shop, self.spell_key, self.people = casts, shop, spell_key, people
        self.running: list[CastInput] = []
        self.orders: list[PurchaseOrder] = []

    async def do(self, name: str, who: int, which: int, price: int) -> None:
        """One step; what a step refuses is no harm, what the database refuses is none either."""
        with _refusals():
            await self._step(name, self.people[who], which, price)

    def _step(self, name: str, person: Person, which: int, price: int) -> Awaitable[Any]:
        by_card, by_credit = PayWith.CHECKOUT, PayWith.CREDIT
        steps: dict[str, Callable[[], Awaitable[Any]]] = {
            "cast": lambda: self._cast(person),
            "settle": lambda: self._of_cast(which, self._settle),
            "release": lambda: self._of_cast(which, self._release),
            "buy_by_card": lambda: self._buy(self.shop.order(person, by_card, price)),
            "buy_by_credit": lambda: self._buy(self.shop.order(person, by_credit, price)),
            "open_page": lambda: self._of_order(which, self.shop.opened),
            "pay": lambda: self._of_order(which, self._pay),
            "grant": lambda: self._of_order(which, self.shop.purchases.grant),
            "give_back": lambda: self._of_order(which, self.shop.give_back),
            "let_go": lambda: self._of_order(which, self._let_go),
        }
        return steps[name]()

    async def _cast(self, person: Person) -> None:
        request = a_cast(person, self.spell_key)
        plan, _ = await self.casts.find_plan(request)
        if (await self.casts.hold(request, plan)).accepted:
            self.running.append(request)

    async def _settle(self, request: CastInput) -> None:
        order = SettleOrder(cast_id=request.cast_id, price=METERED, outcome=SUCCESS)
        await self.casts.settle(order)

    async def _release(self, request: CastInput) -> None:
        await self.casts.release(
            ReleaseOrder(
                cast_id=request.cast_id,
                account_id=request.account_id,
                fingerprint=request.fingerprint,
                spell_key=request.spell_key,
                problem=Problem.of(SpellError("INTERNAL")),
            )
        )

    async def _buy(self, order: PurchaseOrder) -> None:
        if await self.shop.open(order) is None:
            self.orders.append(order)

    async def _pay(self, order: PurchaseOrder) -> None:
        if order.request.pay_with is PayWith.CHECKOUT:
            await self.shop.paid(order)

    async def _let_go(self, order: PurchaseOrder) -> None:
        await self.shop.payments.released(order.request.purchase_id)

    async def _of_cast(self, which: int, do: Callable[[CastInput], Awaitable[None]]) -> None:
        if self.running:
            await do(self.running[which % len(self.running)])

    async def _of_order(self, which: int, do: Callable[[PurchaseOrder], Awaitable[None]]) -> None:
        if self.orders:
            await do(self.orders[which % len(self.orders)])


@contextmanager
def _refusals() -> Iterator[None]:
    """A grant of what was never paid, or goes back, is its caller's bug, and moves no money."""
    try:
        yield
    except AssertionError as error:
        if not str(error).startswith(("only what is paid is", "what goes back is not")):
            raise


async def replayed(database: Database) -> dict[str, int]:
    """Every ledger account's balance, added up here from one transfer after the other."""
    balances: dict[str, int] = {}
    async with database.reading() as connection:
        transfers = await connection.execute(text("SELECT * FROM ledger_transfers ORDER BY id"))
        for each in transfers:
            for account, amount in (
                (each.debit_account_id, -each.amount_micros),
                (each.credit_account_id, each.amount_micros),
            ):
                balances[account] = balances.get(account, 0) + amount
    return balances


async def shown(database: Database) -> dict[str, int]:
    """Every ledger account's balance as the database shows it."""
    async with database.reading() as connection:
        rows = await connection.execute(text("SELECT id, balance_micros FROM ledger_balances"))
        return {row.id: int(row.balance_micros) for row in rows}


async def assert_true(market: Market, database: Database) -> None:
    """What must be true of money after every batch."""
    await assert_books_balance(database)
    balances = await shown(database)
    moved = await replayed(database)
    assert {name: moved.get(name, 0) for name in balances} == balances
    for person in market.people:
        assert await credit_left(database, person) >= 0
        await open_holds(database, person)
        assert balances.get(f"caster_hold:{person.account_id}:USD", 0) >= 0
    async with database.reading() as connection:
        over = await connection.execute(
            text(
                "SELECT b.account_id FROM budgets b JOIN budget_caps c"
                " USING (account_id, kind, scope_id, currency)"
                " WHERE b.held_micros + b.posted_micros > c.cap_micros"
            )
        )
        assert over.all() == []


@pytest.mark.timeout(300)
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(drawn=batches)
async def test_casts_and_purchases_in_any_order_keep_the_books(
    database: Database, drawn: list[list[tuple[str, int, int, int]]]
) -> None:
    spell = await publish(database, await make_person(database), price=METERED)
    casts = PostgresCasts(database, KnownVerdicts(), fee_basis_points=2000, open_casts_max=1000)
    people = [await make_person(database, credit_micros=CREDIT) for _ in range(2)]
    market = Market(casts, await a_shop(database), spell.spell_key, people)
    for batch in drawn:
        await asyncio.gather(*(market.do(*each) for each in batch))
        await assert_true(market, database)

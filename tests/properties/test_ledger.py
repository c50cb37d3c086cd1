"""Goal: whatever happens to money in whatever order, the books are right after each step.

Method: Hypothesis drives casts, credits, refunds, reversals, conversions, expiries, roll-overs on
real Postgres; after each step the production checks look through the books, and a model says
what everybody has to have.
"""

import asyncio
import secrets
from collections import Counter
from collections.abc import Coroutine, Iterator
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import text

from infra.postgres import Database
from infra.repositories.accounts import PostgresAccounts
from infra.repositories.caps import PostgresCaps
from infra.repositories.casts import PostgresCasts
from infra.repositories.conversions import Conversion, PostgresConversions
from infra.repositories.ledger_books import PostgresLedgerBooks
from infra.repositories.reversals import PostgresReversals
from schema.contracts.budgets import Cap, CapKind
from schema.contracts.cast import CastInput, ReleaseOrder, RunOutcome, SettleOrder
from schema.contracts.problem import Problem
from schema.contracts.run import Outcome
from schema.errors import SpellError
from schema.ledger_checks import account_findings
from schema.pricing import MeteredPrice, UnitPrices
from tests.support.builders import PEPPER, USAGE, Person, a_cast, make_person, publish
from tests.support.fakes import KnownVerdicts
from tests.support.ledger import Ledger
from tests.support.servers import opened, running_servers

T = TypeVar("T")
PRICE = MeteredPrice(
    model="metered", currency="USD", base_micros=7, unit_micros=UnitPrices(fuel_million=3)
)
WORST = 307
FEE = 3_333
PEOPLE = 2
_FAR = 100_000


class Books(RuleBasedStateMachine):
    """Two casters, one maker; the model is what each has to have left."""

    loop: asyncio.AbstractEventLoop
    database: Database

    held = Bundle("held")
    settled = Bundle("settled")
    topped_up = Bundle("topped_up")

    def run(self, step: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(step)

    @initialize()
    def begin(self) -> None:
        self.casts = PostgresCasts(
            self.database, KnownVerdicts(), fee_basis_points=FEE, open_casts_max=4
        )
        self.accounts = PostgresAccounts(self.database, pepper=PEPPER)
        self.left: Counter[str] = Counter()
        self.spent: Counter[str] = Counter()
        self.caps: dict[str, int] = {}
        self.open: Counter[str] = Counter()
        self.run(self._begin())

    async def _begin(self) -> None:
        maker = await make_person(self.database)
        self.spell = (await publish(self.database, maker, price=PRICE)).spell_key
        self.people = [await make_person(self.database) for _ in range(PEOPLE)]

    @rule(target=topped_up, who=st.integers(0, PEOPLE - 1), micros=st.integers(1, 2_000))
    def credit(self, who: int, micros: int) -> tuple[int, str, int]:
        person, reference = self.people[who], secrets.token_hex(8)
        for expected in (True, False):
            credited = self.accounts.credit(person.account_id, micros, "USD", reference=reference)
            assert self.run(credited) is expected
        self.left[person.account_id] += micros
        return who, reference, micros

    @rule(credited=consumes(topped_up))
    def undo_credit(self, credited: tuple[int, str, int]) -> None:
        who, reference, micros = credited
        account_id = self.people[who].account_id
        try:
            assert self.run(PostgresReversals(self.database).undo_credit(reference))
        except SpellError as error:
            assert error.code == "PAYMENT_REQUIRED"  # noqa: PT017
            assert self.left[account_id] < micros
        else:
            self.left[account_id] -= micros

    @rule(who=st.integers(0, PEOPLE - 1), micros=st.integers(0, 3_000))
    def cap_total(self, who: int, micros: int) -> None:
        account_id = self.people[who].account_id
        cap = Cap(kind=CapKind.TOTAL, cap_micros=micros)
        self.run(PostgresCaps(self.database).set(self.people[who].caller, cap))
        self.caps[account_id] = micros

    @rule(target=held, who=st.integers(0, PEOPLE - 1))
    def hold(self, who: int) -> tuple[Person, CastInput] | None:
        person = self.people[who]
        request = a_cast(person, self.spell)
        admission = self.run(self._hold(request))
        account_id = person.account_id
        used = self.spent[account_id] + WORST * self.open[account_id]
        fits = self.left[account_id] >= WORST and self.open[account_id] < 4
        fits = fits and used + WORST <= self.caps.get(account_id, 10**9)
        assert admission.accepted is fits, admission.problem
        if not fits:
            return None
        self.left[account_id] -= WORST
        self.open[account_id] += 1
        return person, request

    @rule(target=settled, cast=consumes(held), fuel=st.integers(0, 200_000_000))
    def settle(
        self, cast: tuple[Person, CastInput] | None, fuel: int
    ) -> tuple[Person, CastInput, int] | None:
        if cast is None:
            return None
        person, request = cast
        usage = USAGE.model_copy(update={"fuel": fuel})
        outcome = RunOutcome(outcome=Outcome.SUCCEEDED, usage=usage, output_bytes=2)
        order = SettleOrder(cast_id=request.cast_id, price=PRICE, outcome=outcome)
        first, again = [self.run(self.casts.settle(order)) for _ in "ab"]
        assert first == again
        cost = min(WORST, 7 + fuel * 3 // 1_000_000)
        assert first.cost_micros == cost, "rounded down once, and never more than the hold"
        self._close(person, WORST - cost)
        self.spent[person.account_id] += cost
        return person, request, cost

    @rule(cast=consumes(held), expired=st.booleans())
    def release(self, cast: tuple[Person, CastInput] | None, expired: bool) -> None:
        if cast is None:
            return
        person, request = cast
        self.run(self._release(request, expired=expired))
        self._close(person, WORST)

    @rule(cast=consumes(settled))
    def refund(self, cast: tuple[Person, CastInput, int] | None) -> None:
        if cast is None:
            return
        person, request, cost = cast
        reversals = PostgresReversals(self.database)
        done = [self.run(reversals.refund_cast(request.cast_id)) for _ in "ab"]
        assert done == [True, False]
        self.left[person.account_id] += cost
        self.spent[person.account_id] -= cost

    @rule(
        who=st.integers(0, PEOPLE - 1),
        micros=st.integers(1, 3_000),
        rate=st.fractions(Fraction(1, 7), 7, max_denominator=97),
    )
    def convert(self, who: int, micros: int, rate: Fraction) -> None:
        account_id = self.people[who].account_id
        name = "".join(secrets.choice("abcdefgh") for _ in range(26))
        order = Conversion(f"conv_{name}", account_id, "USD", "EUR", micros, rate, "a test")
        if order.bought_micros == 0:
            return
        try:
            assert self.run(PostgresConversions(self.database).convert(order))
        except SpellError as error:
            assert error.code == "PAYMENT_REQUIRED"  # noqa: PT017
            assert self.left[account_id] < micros
        else:
            self.left[account_id] -= micros
            self.left[f"{account_id} EUR"] += order.bought_micros

    @rule(days=st.integers(1, 40))
    def roll_over(self, days: int) -> None:
        """Days pass: what is counted by day and month has been counted before."""
        own = [person.account_id for person in self.people]
        # By way of a far past: in one step a day could meet another one that has yet to go.
        for step in (_FAR, days - _FAR):
            back = "UPDATE budgets SET period_start = period_start - CAST(:days AS integer)"
            back += " WHERE kind IN ('account_day', 'account_month') AND account_id = ANY(:own)"
            self.run(self._execute(back, days=step, own=own))
        past = "UPDATE holds SET day = day - CAST(:days AS integer)"
        past += ", month = month - CAST(:days AS integer) WHERE account_id = ANY(:own)"
        self.run(self._execute(past, days=days, own=own, unchecked=True))

    @invariant()
    def books_are_right(self) -> None:
        if hasattr(self, "people"):
            self.run(self._look())

    async def _look(self) -> None:
        found = await PostgresLedgerBooks(self.database).accounts("", 2**62, 10_000)
        sums: Counter[str] = Counter()
        balances = {}
        for state, currency, balance in found:
            assert list(account_findings(state)) == []
            sums[currency] += balance
            balances[state.account] = balance
        assert set(sums.values()) <= {0}, "nothing comes from rounding"
        for person in self.people:
            for currency, name in (("USD", ""), ("EUR", " EUR")):
                account = f"caster_credit:{person.account_id}:{currency}"
                assert balances.get(account, 0) == self.left[f"{person.account_id}{name}"]
        await self._check_casts()

    async def _check_casts(self) -> None:
        page = await self.ledger.verifier.casts(None)
        assert page.findings == []
        async with self.database.reading() as connection:
            over = await connection.execute(
                text(
                    "SELECT b.kind FROM budgets b JOIN budget_caps c"
                    " USING (account_id, kind, scope_id, currency) WHERE c.kind = 'balance'"
                    " AND b.held_micros + b.posted_micros > c.cap_micros"
                )
            )
            assert over.all() == [], "no credit is negative"

    async def _hold(self, request: CastInput) -> Any:
        plan, _ = await self.casts.find_plan(request)
        return await self.casts.hold(request, plan)

    async def _release(self, request: CastInput, *, expired: bool) -> None:
        if expired:
            past = "UPDATE holds SET expires_at = now() - interval '1 minute' WHERE cast_id = :id"
            await self._execute(past, id=request.cast_id, unchecked=True)
        orders = await self.casts.open_holds(older_than_seconds=0, skip=0, limit=1_000)
        order = next((one for one in orders if one.cast_id == request.cast_id), None)
        assert order is not None
        assert order.expired is expired
        order = ReleaseOrder(**{**dict(order), "problem": Problem.of(SpellError("INTERNAL"))})
        first = await self.casts.release(order)
        assert first == await self.casts.release(order)
        async with self.database.reading() as connection:
            state = await connection.execute(
                text("SELECT state FROM holds WHERE cast_id = :id"), {"id": request.cast_id}
            )
            assert state.scalar_one() == ("expired" if expired else "voided")

    async def _execute(self, statement: str, *, unchecked: bool = False, **values: Any) -> None:
        """A statement; `unchecked` plays what only time can do."""
        async with self.database.transaction() as connection:
            if unchecked:
                await connection.execute(text("ALTER TABLE holds DISABLE TRIGGER USER"))
            await connection.execute(text(statement), values)
            if unchecked:
                await connection.execute(text("ALTER TABLE holds ENABLE TRIGGER USER"))

    def _close(self, person: Person, back: int) -> None:
        self.left[person.account_id] += back
        self.open[person.account_id] -= 1

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.database, "", "", None)  # type: ignore[arg-type]


@pytest.fixture
def books() -> Iterator[type[Books]]:
    """The machine, over a database and a loop of its own: Hypothesis calls it synchronously."""
    loop = asyncio.new_event_loop()

    with TemporaryDirectory(prefix="spell-books-") as folder:
        servers = running_servers(Path(folder))
        platform = loop.run_until_complete(servers.__aenter__())
        database = opened(platform.endpoints.database_url)
        try:
            Books.loop, Books.database = loop, loop.run_until_complete(database.__aenter__())
            yield Books
        finally:
            loop.run_until_complete(database.__aexit__(None, None, None))
            loop.run_until_complete(servers.__aexit__(None, None, None))
            loop.close()


@pytest.mark.timeout(600)
def test_the_books_are_right_after_whatever_happens(books: type[Books]) -> None:
    run_state_machine_as_test(
        books,
        settings=settings(
            max_examples=12,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )

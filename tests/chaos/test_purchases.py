"""Goal: a worker that dies while templates are bought changes nothing: one charge, one copy.

Method: purchases are held up, one at each step; one kill -9 hits the worker in the middle of all.
What the worker asks GitHub for is held up by a slow answer, what it asks Stripe for by stopping
Stripe, and what it asks the database for by a lock.
"""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from tests.support.e2e import Json, WholePlatform, as_object
from tests.support.e2e_github import local
from tests.support.market import (
    Buyer,
    Market,
    Template,
    assert_bought_once,
    assert_refunded_once,
    market_of,
    until,
)

# Longer than it takes to hold up the others and to kill; GitHub is given up after 15 s.
_SLOW_SECONDS = 13
_STATE = text(
    "SELECT p.status, p.generation_intended_at IS NOT NULL AS generating,"
    " p.repository_url IS NOT NULL AS made, m.state AS payment,"
    " m.refund_intended_at IS NOT NULL AS refunding"
    " FROM purchases p LEFT JOIN payments m ON m.purchase_id = p.id WHERE p.account_id = :account"
)
_WAITING = text(
    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    " AND query LIKE 'SELECT m.*, p.spell_key%FOR UPDATE%'"
)
_HOLD = text("SELECT 1 FROM payments WHERE purchase_id = :id FOR UPDATE")


class Stage:
    """Purchases that are held up; each has a buyer and a template of its own."""

    def __init__(self, market: Market, locks: AsyncExitStack) -> None:
        self.market = market
        self._locks = locks

    async def pair(self) -> tuple[Template, Buyer]:
        """Who buys what."""
        return await self.market.template(), await self.market.buyer()

    async def at_grant(self, template: Template, buyer: Buyer) -> Json:
        """Copy and pull request are there, and nothing is granted."""
        purchase = await buyer.asked(template)
        connection = await self._locks.enter_async_context(
            self.market.platform.database.transaction()
        )
        # The payment is taken before: so it is locked once it is paid.
        await self.slow(template.repo, "generate", seconds=1)
        await buyer.pay(purchase)
        await until(lambda: self.state(buyer, payment="paid"))
        await connection.execute(_HOLD, {"id": purchase["purchase_id"]})
        await until(self._worker_waits)
        return purchase

    async def at_set_up(self, template: Template, buyer: Buyer) -> Json:
        """The copy is there, and its first pull request is being made."""
        purchase = await buyer.asked(template)
        await self.slow(buyer.repository, "refs")
        await buyer.pay(purchase)
        await until(lambda: self.state(buyer, made=True))
        await until(lambda: self.was_asked(buyer.repository))
        return purchase

    async def at_generate(self, template: Template, buyer: Buyer) -> Json:
        """GitHub was asked for the copy, and makes it only when nobody listens any more."""
        purchase = await buyer.asked(template)
        await self.slow(template.repo, "generate")
        await buyer.pay(purchase)
        await until(lambda: self.was_asked(template.repo))
        return purchase

    async def at_check(self, template: Template, buyer: Buyer) -> "asyncio.Task[httpx.Response]":
        """Nothing is recorded: GitHub is asked whether the copy could be made."""
        await self.slow(template.repo, None)
        asking = asyncio.create_task(buyer.ask(template))
        await until(lambda: self.was_asked(template.repo))
        return asking

    async def slow(self, repository: str, write: str | None, seconds: int = _SLOW_SECONDS) -> None:
        """Have GitHub take its time, once."""
        await self.market.github_fault(
            "slow_answer", repository=repository, write=write, seconds=seconds
        )

    async def was_asked(self, repository: str) -> bool:
        """Whether the slow answer was begun."""
        ordered = await local(self.market.github, "GET", "faults")
        return all(fault["repository"] != repository for fault in ordered)

    async def state(self, buyer: Buyer, **wanted: Any) -> bool:
        """Whether the record says so of the buyer's only purchase."""
        async with self.market.platform.database.reading() as connection:
            found = await connection.execute(_STATE, {"account": buyer.caster.person.account_id})
            row = found.one_or_none()
        return row is not None and all(getattr(row, name) == it for name, it in wanted.items())

    async def _worker_waits(self) -> bool:
        async with self.market.platform.database.reading() as connection:
            return bool((await connection.execute(_WAITING)).scalar_one())


@pytest.fixture(scope="module")
async def market(platform: WholePlatform) -> AsyncIterator[Market]:
    async with market_of(platform) as opened:
        yield opened


async def test_purchases_survive_a_worker_that_dies_at_each_step(market: Market) -> None:
    embedded = market.platform.embedded
    async with AsyncExitStack() as locks:
        stage = Stage(market, locks)
        pairs = [await stage.pair() for _ in range(7)]
        granting, setting_up, making, asking, waiting, opening, refunding = pairs
        held = {"grant": await stage.at_grant(*granting)}
        held["wait"] = await waiting[1].asked(waiting[0])
        held["refund"] = await refunding[1].asked(refunding[0])
        owner, _, name = refunding[1].repository.partition("/")
        await local(market.github, "POST", "repositories", {"owner": owner, "name": name})
        held["set up"] = await stage.at_set_up(*setting_up)
        held["generate"] = await stage.at_generate(*making)
        checked = await stage.at_check(*asking)
        await stage.slow(refunding[0].repo, "generate", seconds=2)
        await refunding[1].pay(held["refund"])
        await until(lambda: stage.was_asked(refunding[0].repo))
        embedded.kill("stripe", signal.SIGSTOP)
        opened = asyncio.create_task(opening[1].ask(opening[0]))
        await until(lambda: stage.state(opening[1], payment="intended"))
        await until(lambda: stage.state(refunding[1], refunding=True))

        assert not checked.done()
        assert await stage.state(making[1], generating=True, made=False)
        assert await stage.state(setting_up[1], made=True, status="paid")
        pid = embedded.kill("worker")
        embedded.kill("stripe", signal.SIGCONT)
    await embedded.wait_replaced("worker", pid)

    for (template, buyer), answered in ((asking, checked), (opening, opened)):
        purchase = as_object(await answered)
        assert purchase["status"] == "awaiting_payment", purchase
        await buyer.pay(purchase)
        await assert_bought_once(template, buyer, await buyer.ended(purchase))
    await waiting[1].pay(held["wait"])
    for (template, buyer), step in (
        (waiting, "wait"),
        (making, "generate"),
        (setting_up, "set up"),
        (granting, "grant"),
    ):
        await assert_bought_once(template, buyer, await buyer.ended(held[step]))
    await assert_refunded_once(refunding[1], await refunding[1].ended(held["refund"]))


@pytest.mark.parametrize("process", ["stripe", "github", "api", "temporal", "postgres"])
async def test_a_purchase_survives_the_death_of(market: Market, process: str) -> None:
    template, buyer = await market.template(), await market.buyer()
    purchase = await buyer.asked(template)
    embedded = market.platform.embedded
    pid = embedded.kill(process)
    await embedded.wait_replaced(process, pid)
    await until(lambda: _is_up(buyer, purchase))
    await buyer.pay(purchase)
    await assert_bought_once(template, buyer, await buyer.ended(purchase))


async def _is_up(buyer: Buyer, purchase: Json) -> bool:
    """Whether the api and its database answer."""
    try:
        answer = await buyer.caster.get(f"/v1/purchases/{purchase['purchase_id']}")
    except httpx.TransportError:
        return False
    return answer.status_code == httpx.codes.OK

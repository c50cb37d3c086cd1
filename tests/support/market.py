"""Templates on sale on the whole platform: its GitHub, its Stripe, and those who buy there."""

import asyncio
import base64
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from schema.package import build_package
from tests.support.bills import with_bill
from tests.support.e2e import (
    PATIENCE_SECONDS,
    Caster,
    Json,
    WholePlatform,
    as_object,
    fresh_key,
    fresh_spell,
)
from tests.support.e2e_github import connect, github_of, local
from tests.support.money import assert_books_balance
from tests.support.purchasing import moved

PRICE = 20_000_000
LICENSE = "https://example.com/licence"
BUYERS = {"administration": "write", "contents": "write", "pull_requests": "write"}
SHARES = {"post": PRICE * 8 // 10, "fee": PRICE * 2 // 10}
ENDED = {"completed", "refused", "abandoned", "cancelled", "failed"}
_FILES = {"README.md": b"# Start here\n", "src/main.py": b"print('bought')\n"}
_numbers = itertools.count()


@dataclass(frozen=True)
class Market:
    """The platform with a maker who sells."""

    platform: WholePlatform
    maker: Caster
    login: str
    """The maker's on GitHub."""
    github: httpx.AsyncClient
    stripe: httpx.AsyncClient

    async def template(self, price_micros: int = PRICE) -> "Template":
        """A published template, from a repository of its own where the App is installed."""
        repo, key = f"{self.login}/starter-{next(_numbers)}", fresh_spell()
        files = {path: base64.b64encode(content).decode() for path, content in _FILES.items()}
        owner, _, name = repo.partition("/")
        body = {"owner": owner, "name": name, "files": files, "is_template": True}
        await local(self.github, "POST", "repositories", body)
        await local(self.github, "PUT", "installations", {"account": owner})
        packed = {"manifest.toml": _manifest(key, repo, price_micros)}
        await self.maker.publish(build_package(with_bill(packed)))
        return Template(self, key, repo)

    async def buyer(self, credit_micros: int = 0) -> "Buyer":
        """An account, connected with a GitHub user who has installed the App."""
        caster = await self.platform.new_caster(credit_micros)
        login = await connect(caster)
        await local(self.github, "PUT", "installations", {"account": login, "permissions": BUYERS})
        return Buyer(self, caster, login)

    async def github_fault(self, kind: str, **more: Any) -> None:
        """Have the local GitHub do something wrong."""
        await local(self.github, "POST", "faults", {"kind": kind, **more})

    async def stripe_fault(self, place: str, kind: str, times: int = 1) -> None:
        """Have the local Stripe do something wrong."""
        body = {"place": place, "kind": kind, "times": times}
        (await self.stripe.post("/_local/faults", json=body)).raise_for_status()

    async def at_stripe(self, resource: str) -> list[Json]:
        """The newest hundred of something at Stripe."""
        found: Json = (await self.stripe.get(resource, params={"limit": 100})).json()
        items: list[Json] = found["data"]
        return items


@dataclass(frozen=True)
class Template:
    """What is sold."""

    market: Market
    key: str
    repo: str

    async def copies(self, repository: str) -> int:
        """How many times the repository is there: a name cannot be taken twice."""
        owner = repository.partition("/")[0]
        found = await _as_user(self.market, owner, f"/repos/{repository}")
        if found.status_code == httpx.codes.NOT_FOUND:
            return 0
        document = as_object(found)
        assert document["template_repository"]["full_name"] == self.repo
        return 1


@dataclass
class Buyer:
    """Somebody who buys one copy at a time."""

    market: Market
    caster: Caster
    login: str
    key: str = field(default_factory=fresh_key)
    repository: str = ""

    async def ask(
        self, template: Template, *, key: str | None = None, **body: Any
    ) -> httpx.Response:
        """POST …/purchase, for a copy of a name of its own unless one is given."""
        self.key = key or fresh_key()
        self.repository = body.pop("repository", "") or f"{self.login}/copy-{next(_numbers)}"
        return await self.caster.post(
            f"/v1/catalog/spells/{template.key}/purchase",
            json={"repository": self.repository, **body},
            headers={"Idempotency-Key": self.key},
        )

    async def asked(self, template: Template, **body: Any) -> Json:
        """The purchase that can be paid, or is being made."""
        answer = await self.ask(template, **body)
        assert answer.status_code == 202, answer.text
        purchase = as_object(answer)
        assert answer.headers["location"] == f"/v1/purchases/{purchase['purchase_id']}"
        return purchase

    async def pay(self, purchase: Json) -> None:
        """On the page that the purchase names, with its button; the browser comes back to us."""
        page = await self.market.stripe.get(purchase["checkout_url"])
        assert page.status_code == 200, page.text
        assert str(PRICE // 10_000) in page.text.replace(".", "").replace(",", "")
        paid = await self.market.stripe.post(purchase["checkout_url"], data={"action": "pay"})
        assert paid.status_code == 303, paid.text
        back = await self.market.platform.http.get(paid.headers["location"])
        assert back.status_code == 200

    async def ended(self, purchase: Json) -> Json:
        """The purchase at its end."""

        async def look() -> Any:
            now = await self.read(purchase)
            return now if now["status"] in ENDED else None

        found: Json = await until(look)
        return found

    async def read(self, purchase: Json) -> Json:
        """The purchase as it is."""
        return as_object(await self.caster.get(f"/v1/purchases/{purchase['purchase_id']}"))

    async def pulls(self) -> list[Json]:
        """All pull requests of the copy."""
        answer = await _as_user(
            self.market, self.login, f"/repos/{self.repository}/pulls?state=all"
        )
        found: list[Json] = answer.raise_for_status().json()
        return found

    async def pages(self, purchase: Json) -> list[Json]:
        """The purchase's pages at Stripe."""
        found = await self.market.at_stripe("/v1/checkout/sessions")
        return [page for page in found if page["client_reference_id"] == purchase["purchase_id"]]

    async def refunds(self, purchase: Json) -> list[Json]:
        """The purchase's refunds at Stripe."""
        found = await self.market.at_stripe("/v1/refunds")
        return [one for one in found if one["metadata"]["purchase_id"] == purchase["purchase_id"]]


@asynccontextmanager
async def market_of(platform: WholePlatform) -> AsyncIterator[Market]:
    """The market of a platform that has a local GitHub and a local Stripe."""
    context = platform.embedded.context
    stripe = httpx.AsyncClient(
        base_url=context.endpoints.stripe_url,
        headers={"Authorization": f"Bearer {context.credentials.stripe_key}"},
        trust_env=False,
        timeout=PATIENCE_SECONDS,
    )
    maker = await platform.new_caster()
    async with github_of(platform) as github, stripe:
        yield Market(platform, maker, await connect(maker), github, stripe)


async def assert_bought_once(template: Template, buyer: Buyer, ended: Json) -> None:
    """One charge, one copy, one pull request, an entitlement; the receipt says all of it."""
    platform = template.market.platform
    assert (ended["status"], ended["payment"]) == ("completed", "posted"), ended
    assert ended["license_url"] == LICENSE
    assert ended["entitled_at"] is not None
    assert ended["price"] == {"micros": PRICE, "currency": "USD"}
    assert ended["repository_url"].endswith(f"/{buyer.repository}")
    assert await template.copies(buyer.repository) == 1
    [pull] = await buyer.pulls()
    assert pull["html_url"] == ended["pull_request_url"]
    assert await moved(platform.database, ended["purchase_id"]) == {"payment": PRICE, **SHARES}
    [page] = await buyer.pages(ended)
    assert (page["payment_status"], page["amount_total"]) == ("paid", PRICE // 10_000)
    assert await buyer.refunds(ended) == []
    await assert_books_balance(platform.database)


async def assert_refunded_once(buyer: Buyer, ended: Json) -> None:
    """What was paid is back, whole; nothing was granted."""
    assert (ended["status"], ended["payment"]) == ("failed", "refunded"), ended
    assert ended["entitled_at"] is None
    database = buyer.market.platform.database
    assert await moved(database, ended["purchase_id"]) == {"payment": PRICE, "refund": PRICE}
    [refund] = await buyer.refunds(ended)
    assert (refund["amount"], refund["status"]) == (PRICE // 10_000, "succeeded")
    await assert_books_balance(database)


async def until(happened: Callable[[], Awaitable[Any]]) -> Any:
    """What it answers, as soon as that is something."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not (found := await happened()):  # noqa: ASYNC110  (nobody tells tests of it)
            await asyncio.sleep(0.05)
    return found


async def _as_user(market: Market, login: str, path: str) -> httpx.Response:
    token = (await local(market.github, "POST", f"tokens/{login}", {}))["token"]
    return await market.github.get(path, headers={"Authorization": f"Bearer {token}"})


def _manifest(key: str, repo: str, price_micros: int) -> bytes:
    priced = f'model = "one_time"\ncurrency = "USD"\nprice_micros = {price_micros}'
    return f"""
        manifest_version = 1
        [spell]
        key = "{key}"
        name = "A template"
        version = "1.0.0"
        description = "Sold by the end-to-end tests."
        author = "Tests"
        license = "Apache-2.0"
        [execution]
        mode = "clone"
        [execution.clone]
        template_repo = "{repo}"
        license_url = "{LICENSE}"
        [pricing]
        {priced if price_micros else 'model = "free"'}
    """.encode()

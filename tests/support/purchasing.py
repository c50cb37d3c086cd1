"""Purchases on a test's own Temporal: real activities, Postgres, Stripe's client; a told GitHub."""

import secrets
import threading
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import text
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import Interceptor, Worker

from activities.github_threads import GitHubThreads
from activities.paying import PayingActivities
from activities.payment_ports import Payments
from activities.purchasing import PurchasingActivities
from activities.recovering import RecoveringActivities
from infra.postgres import Database
from infra.repositories.castable_versions import CastableVersions
from infra.repositories.purchase_money import PostgresPayments
from infra.repositories.purchases import PostgresPurchases
from infra.temporal_states import TemporalWorkflowStates
from schema.contracts.cast import AdmitRequest
from schema.contracts.maintenance import OrphanedPurchases
from schema.contracts.plans import CloneOffer, Mode
from schema.contracts.purchases import (
    GeneratedRepository,
    PayWith,
    PurchaseAnswer,
    PurchaseInput,
    PurchaseOrder,
    PurchaseView,
)
from schema.errors import SpellError
from schema.ids import purchase_id_for, purchase_workflow_id
from schema.pricing import FreePrice, OneTimePrice, Price
from tests.support.builders import Person, publish
from tests.support.fakes import KnownVerdicts
from workflows.purchase_clone import PurchaseClone
from workflows.reconcile_purchases import ReconcilePurchases
from workflows.return_late_payment import ReturnLatePayment

PRICE = 20_000_000
FEE = 2000
LICENSE = "https://example.com/license"
TEMPLATE = "maker/starter"
ONE_TIME = OneTimePrice(model="one_time", currency="USD", price_micros=PRICE)
FREE = FreePrice(model="free")


class ToldTemplates:
    """A GitHub that does as it is told, and remembers what was made."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.pull_requests: set[str] = set()
        self.asked = threading.Event()
        """Whether a copy was asked for."""
        self.go_on = threading.Event()
        """What a copy that is asked for waits for."""
        self.go_on.set()
        self.refuses: SpellError | None = None
        self.taken = False
        self.forgets_to_answer = 0
        """How often it makes a copy and says nothing."""
        self.is_slow = False
        """It says nothing at first, and makes the copy when it is asked again: that is refused."""
        self._asked_before = False

    def check(self, token: str, template: str, repository: str) -> None:
        assert token
        assert template == TEMPLATE
        if self.taken:
            raise SpellError("REPOSITORY_EXISTS", details={"repository": repository})

    def find(
        self, token: str, order: PurchaseOrder, intended_at: datetime
    ) -> GeneratedRepository | None:
        assert token
        assert intended_at <= datetime.now(UTC)
        wanted = order.request.repository
        return _repository(wanted) if wanted in self.made else None

    def generate(self, token: str, order: PurchaseOrder) -> GeneratedRepository | None:
        assert token
        self.asked.set()
        assert self.go_on.wait(30)
        if self.refuses is not None:
            raise self.refuses
        if self.is_slow and not self._asked_before:
            self._asked_before = True
            return None
        self.made.append(order.request.repository)
        if self.is_slow:
            raise SpellError("GENERATION_FAILED", details={"github": "Name already exists"})
        if self.forgets_to_answer:
            self.forgets_to_answer -= 1
            return None
        return _repository(order.request.repository)

    def open_setup_pull_request(
        self, token: str, order: PurchaseOrder, repository: GeneratedRepository
    ) -> str:
        assert token
        assert order.offer.license_url == LICENSE
        self.pull_requests.add(repository.repository)
        return f"{repository.html_url}/pull/1"


class YoungPurchases(PostgresPurchases):
    """Those of this test alone, however young: it does not wait a minute."""

    def __init__(self, database: Database, **options: Any) -> None:
        super().__init__(database, **options)
        self.started: set[str] = set()

    async def unresolved(self, *, older_than_seconds: int, skip: int, limit: int) -> list[str]:
        assert older_than_seconds >= 60
        assert limit > 1
        everything = await super().unresolved(older_than_seconds=-60, skip=0, limit=100_000)
        return [each for each in everything if each in self.started][skip : skip + 1]


class Connected:
    """Everybody is connected, unless they are told not to be."""

    def __init__(self) -> None:
        self.is_connected = True

    async def user_token(self, account_id: str) -> str:
        if not self.is_connected:
            raise SpellError("GITHUB_NOT_CONNECTED")
        return f"token of {account_id}"


def _repository(name: str) -> GeneratedRepository:
    return GeneratedRepository(repository=name, html_url=f"https://github.example/{name}")


async def publish_template(database: Database, maker: Person, price: Price = ONE_TIME) -> str:
    """A version that is sold, and cast for free besides."""
    offer = CloneOffer(template_repo=TEMPLATE, license_url=LICENSE, price=price)
    spell = await publish(database, maker, modes=(Mode.SERVICE, Mode.CLONE), clone=offer)
    return spell.spell_key


def a_purchase(buyer: Person, spell_key: str, **changes: Any) -> PurchaseInput:
    """A purchase under a key of its own."""
    unique = secrets.token_hex(8)
    values: dict[str, Any] = {
        "purchase_id": purchase_id_for(buyer.account_id, buyer.secret, unique),
        "account_id": buyer.account_id,
        "api_key_id": buyer.api_key_id,
        "fingerprint": "a" * 26,
        "spell_key": spell_key,
        "repository": f"buyer/copy-{unique}",
        "pay_with": PayWith.CHECKOUT,
    }
    return PurchaseInput.model_validate({**values, **changes})


class PurchasingPlatform:
    """A worker of purchases on a queue of its own."""

    def __init__(
        self,
        client: Client,
        database: Database,
        provider: Payments | None,
        interceptors: Sequence[Interceptor] = (),
    ) -> None:
        self.github, self.connected = ToldTemplates(), Connected()
        self.records = YoungPurchases(database, fee_basis_points=FEE)
        self.payments = PostgresPayments(database)
        self.offers = CastableVersions(database, KnownVerdicts())
        self._client, self._queue = client, f"purchases-{uuid.uuid4()}"
        purchasing = PurchasingActivities(
            self.records,
            self.offers,
            self.github,
            self.connected,
            GitHubThreads(),
        )
        paying = PayingActivities(self.payments, provider)
        recovering = RecoveringActivities(self.records, TemporalWorkflowStates(client))
        self.worker = Worker(
            client,
            task_queue=self._queue,
            workflows=[PurchaseClone, ReturnLatePayment, ReconcilePurchases],
            activities=[
                *(purchasing.check, purchasing.refuse, purchasing.open, purchasing.generate),
                *(purchasing.set_up, purchasing.grant, purchasing.end),
                *(paying.open, paying.look, paying.close, paying.give_back),
                recovering.find_orphans,
            ],
            interceptors=interceptors,
        )

    async def start(self, request: PurchaseInput) -> WorkflowHandle[Any, PurchaseAnswer]:
        """Start buying."""
        self.records.started.add(request.purchase_id)
        return await self._client.start_workflow(
            PurchaseClone.run,
            request,
            id=purchase_workflow_id(request.purchase_id),
            task_queue=self._queue,
        )

    async def ready(self, request: PurchaseInput) -> WorkflowHandle[Any, PurchaseAnswer]:
        """Start buying, and wait until it can be paid."""
        handle = await self.start(request)
        answer = await self.answer(handle, request)
        assert answer.problem is None, answer.problem
        return handle

    async def answer(
        self, handle: WorkflowHandle[Any, Any], request: PurchaseInput
    ) -> PurchaseAnswer:
        """What the buyer is answered with."""
        answered: PurchaseAnswer = await handle.execute_update(
            "ready", AdmitRequest(fingerprint=request.fingerprint), result_type=PurchaseAnswer
        )
        return answered

    async def return_late(self, purchase_id: str) -> WorkflowHandle[Any, None]:
        """What a webhook for an ended purchase starts; it has ended."""
        handle = await self._client.start_workflow(
            ReturnLatePayment.run,
            purchase_id,
            id=f"late-payment:{purchase_id}",
            task_queue=self._queue,
        )
        await handle.result()
        return handle

    async def look_for_orphans(self) -> WorkflowHandle[Any, OrphanedPurchases]:
        """What the schedule starts; it has ended."""
        handle = await self._client.start_workflow(
            ReconcilePurchases.run, id=f"reconcile-{uuid.uuid4()}", task_queue=self._queue
        )
        await handle.result()
        return handle

    async def resolved_orphans(self) -> list[str]:
        """The purchases that one look resolves."""
        return (await (await self.look_for_orphans()).result()).purchase_ids

    async def session_of(self, request: PurchaseInput) -> str:
        """The page of a purchase."""
        payment = await self.payments.payment(request.purchase_id)
        assert payment is not None
        assert payment.session_id is not None
        return payment.session_id

    async def view(self, request: PurchaseInput) -> PurchaseView:
        """The purchase as its buyer sees it."""
        found = await self.records.purchase(request.account_id, request.purchase_id)
        assert found is not None
        return found


async def moved(database: Database, purchase_id: str) -> dict[str, int]:
    """What a purchase moved in the ledger, by kind; and it never moves more out than came in."""
    async with database.reading() as connection:
        rows = await connection.execute(
            text(
                "SELECT kind, amount_micros FROM ledger_transfers"
                " WHERE reference LIKE :prefix ORDER BY id"
            ),
            {"prefix": f"{purchase_id}:%"},
        )
        found = {row.kind: int(row.amount_micros) for row in rows}
        total = await connection.execute(text("SELECT sum(balance_micros) FROM ledger_balances"))
        assert (total.scalar_one() or 0) == 0
    taken = found.get("payment", 0) + found.get("hold", 0)
    given = sum(found.get(kind, 0) for kind in ("post", "fee", "void", "refund"))
    assert given in (0, taken), "all of it, or nothing yet"
    return found

"""Buying a template: check, record, make the copy, set it up, entitle."""

from datetime import datetime

from temporalio import activity

from activities._failures import to_failure
from activities.github_threads import GitHubThreads
from activities.purchase_ports import Offers, PurchaseRecords
from activities.template_ports import BuyerTokens, TemplateHost
from schema.contracts.problem import Problem
from schema.contracts.purchases import (
    EndOrder,
    GeneratedRepository,
    OpenOrder,
    PayWith,
    PurchaseInput,
    PurchaseOrder,
    RefuseOrder,
    SetUpOrder,
)
from schema.errors import SpellError
from schema.payment_amounts import check_payable

# What keeps a copy from being made that was paid: trust that was withdrawn while its page was open.
_WITHDRAWN = frozenset({"SPELL_REVOKED", "SPELL_SUSPENDED"})


class PurchasingActivities:
    """Steps of a purchase that are not about money.

    Args:
        records: of purchases.
        offers: what is sold.
        host: GitHub; None where the platform has no App.
        tokens: the buyers' authorisations.
        threads: ask GitHub.
    """

    def __init__(
        self,
        records: PurchaseRecords,
        offers: Offers,
        host: TemplateHost | None,
        tokens: BuyerTokens,
        threads: GitHubThreads,
    ) -> None:
        self._records = records
        self._offers = offers
        self._configured_host = host
        self._tokens = tokens
        self._threads = threads

    @activity.defn(name="purchasing.check")
    async def check(self, request: PurchaseInput) -> PurchaseOrder:
        """Find what is bought, and make sure that the copy could be made now.

        Effect: none.
        Same twice: it only reads.
        Gives up on: SPELL_NOT_SOLD, GITHUB_NOT_CONNECTED, REPOSITORY_EXISTS, FORBIDDEN_REPO, and
            whatever keeps the version from being cast.
        Heartbeat: while GitHub is asked.
        """
        try:
            offer = await self._offers.find_offer(request)
            if request.pay_with is PayWith.CHECKOUT:
                check_payable(offer.price_micros, offer.currency)
            token = await self._tokens.user_token(request.account_id)
            await self._threads.ask(
                self._host.check, token, offer.template_repo, request.repository
            )
        except SpellError as error:
            raise to_failure(error, for_good=error.code == "MODE_UNAVAILABLE") from error
        return PurchaseOrder(request=request, offer=offer)

    @activity.defn(name="purchasing.refuse")
    async def refuse(self, order: RefuseOrder) -> None:
        """Record a refusal, so that its Idempotency-Key gets the same answer again.

        Effect: the purchase on record as refused.
        Same twice: nothing changes.
        Gives up on: nothing.
        Heartbeat: none.
        """
        await self._records.refuse(order)

    @activity.defn(name="purchasing.open")
    async def open(self, order: OpenOrder) -> Problem | None:
        """Record the purchase and its intended payment; of credit, hold the price.

        Effect: both rows, the hold and its transfer, in one transaction.
        Same twice: nothing changes.
        Gives up on: nothing; a cap that is met is an answer.
        Heartbeat: none.
        """
        return await self._records.open(order)

    @activity.defn(name="purchasing.generate")
    async def generate(self, order: PurchaseOrder) -> GeneratedRepository:
        """Make the buyer's copy, unless it is there.

        Effect: the intent on record, then one repository in the buyer's account.
        Same twice: the one that is there is found: of this template, made since the intent, and
            of no other purchase.
        Gives up on: GENERATION_FAILED, REPOSITORY_EXISTS, GITHUB_NOT_CONNECTED, FORBIDDEN_REPO;
            SPELL_REVOKED, SPELL_SUSPENDED, since it was offered.
        Heartbeat: while GitHub is asked.
        """
        purchase_id = order.request.purchase_id
        intended_at, is_first = await self._records.intend_generation(purchase_id)
        try:
            if is_first:
                await self._check_trust(order)
            token = await self._tokens.user_token(order.request.account_id)
            found = None
            if not is_first:
                found = await self._threads.ask(self._host.find, token, order, intended_at)
            made = found or await self._made(token, order, intended_at, is_first=is_first)
        except SpellError as error:
            raise to_failure(error) from error
        if made is None:
            message = "GitHub did not say what became of the copy; it is looked for."
            raise to_failure(SpellError("SERVICE_UNAVAILABLE", message))
        if not await self._records.generated(purchase_id, made.html_url):
            details = {"repository": order.request.repository}
            raise to_failure(SpellError("REPOSITORY_EXISTS", details=details))
        return made

    async def _check_trust(self, order: PurchaseOrder) -> None:
        """A page is open for a day: what is revoked meanwhile is not copied any more."""
        pinned = order.request.model_copy(update={"version": order.offer.version})
        try:
            await self._offers.find_offer(pinned)
        except SpellError as error:
            if error.code in _WITHDRAWN or error.kind.retryable:
                raise

    async def _made(
        self, token: str, order: PurchaseOrder, intended_at: datetime, *, is_first: bool
    ) -> GeneratedRepository | None:
        """Ask for the copy. A refusal may be about one that was asked for before, and came late."""
        try:
            return await self._threads.ask(self._host.generate, token, order)
        except SpellError as error:
            if is_first or error.code != "GENERATION_FAILED":
                raise
            late = await self._threads.ask(self._host.find, token, order, intended_at)
            if late is None:
                raise
            return late

    @activity.defn(name="purchasing.set_up")
    async def set_up(self, order: SetUpOrder) -> None:
        """Open the first pull request in the copy: licence, version, digest, what to do next.

        Effect: a branch, a file, a pull request, its address on record.
        Same twice: each is found before it is made.
        Gives up on: FORBIDDEN_REPO, GITHUB_NOT_CONNECTED.
        Heartbeat: while GitHub is asked.
        """
        try:
            token = await self._tokens.user_token(order.order.request.account_id)
            url = await self._threads.ask(
                self._host.open_setup_pull_request, token, order.order, order.repository
            )
        except SpellError as error:
            raise to_failure(error) from error
        await self._records.set_up(order.order.request.purchase_id, url)

    @activity.defn(name="purchasing.grant")
    async def grant(self, order: PurchaseOrder) -> None:
        """Entitle the buyer, split the money, complete the purchase.

        Effect: entitlement, transfers and status in one transaction.
        Same twice: nothing changes.
        Gives up on: nothing.
        Heartbeat: none.
        """
        await self._records.grant(order)

    @activity.defn(name="purchasing.end")
    async def end(self, order: EndOrder) -> None:
        """End a purchase that did not come about.

        Effect: its status and problem.
        Same twice: nothing changes.
        Gives up on: nothing.
        Heartbeat: none.
        """
        await self._records.end(order)

    @property
    def _host(self) -> TemplateHost:
        if self._configured_host is None:
            message = "This installation has no GitHub App, so it sells no templates."
            raise SpellError("MODE_UNAVAILABLE", message)
        return self._configured_host

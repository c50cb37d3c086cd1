"""Purchases of template repositories, as messages between processes."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, StringConstraints

from schema.contracts.base import Contract
from schema.contracts.problem import Problem
from schema.ids import AccountId, ApiKeyId, Digest, Fingerprint, PurchaseId, SpellKey, Version
from schema.money import Currency, Micros

RepositoryName = Annotated[
    str,
    StringConstraints(
        pattern=r"^[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})/[A-Za-z0-9._-]{0,99}[A-Za-z0-9_-]$",
    ),
]
"""`owner/name` as GitHub takes it."""


class PayWith(StrEnum):
    """Where the money of a purchase comes from."""

    CHECKOUT = "checkout"
    """A page of Stripe's, where the buyer pays by card."""
    CREDIT = "credit"
    """The account's prepaid credit, under its caps."""


class PurchaseStatus(StrEnum):
    """How far a purchase is. It only moves forward."""

    AWAITING_PAYMENT = "awaiting_payment"
    PAID = "paid"
    """Paid, or nothing was to pay: the repository is being made."""
    COMPLETED = "completed"
    REFUSED = "refused"
    ABANDONED = "abandoned"
    CANCELLED = "cancelled"
    FAILED = "failed"


class PaymentState(StrEnum):
    """What became of the money of a purchase."""

    INTENDED = "intended"
    """Written down before the provider is asked."""
    OPEN = "open"
    PAID = "paid"
    """The money is held for the buyer, and nobody's yet."""
    POSTED = "posted"
    """Split between maker and platform."""
    RELEASED = "released"
    """Never paid, and never will be."""
    REFUNDED = "refunded"


class PurchaseInput(Contract):
    """Argument of the workflow that buys a template."""

    purchase_id: PurchaseId
    account_id: AccountId
    api_key_id: ApiKeyId
    fingerprint: Fingerprint
    spell_key: SpellKey
    version: Version | None = None
    repository: RepositoryName
    private: bool = True
    pay_with: PayWith = PayWith.CHECKOUT


class PurchaseOffer(Contract):
    """What is bought: one version's template at its price, as it was found when asked."""

    version: Version
    package_digest: Digest
    maker_account_id: AccountId
    template_repo: RepositoryName
    license_url: str
    currency: Currency
    price_micros: Micros


class PurchaseOrder(Contract):
    """Argument of every step: what was asked for, and what it was found to be."""

    request: PurchaseInput
    offer: PurchaseOffer


class OpenOrder(Contract):
    """Argument of the step that records the purchase and its intended payment."""

    order: PurchaseOrder
    expires_at: AwareDatetime


class RefuseOrder(Contract):
    """Argument of the step that records a refusal, so that its key gets the same answer again."""

    request: PurchaseInput
    problem: Problem


class EndOrder(Contract):
    """Argument of the step that ends a purchase that did not come about."""

    purchase_id: PurchaseId
    status: PurchaseStatus
    problem: Problem


class Payment(Contract):
    """The payment of a purchase, as the platform recorded it."""

    purchase_id: PurchaseId
    account_id: AccountId
    spell_key: SpellKey
    provider: PayWith
    state: PaymentState
    currency: Currency
    amount_micros: Micros
    intended_at: AwareDatetime
    expires_at: AwareDatetime
    session_id: str | None = None
    checkout_url: str | None = None
    payment_intent: str | None = None
    refund_intended_at: AwareDatetime | None = None


class CheckoutSession(Contract):
    """A payment page at the provider, and what became of it there."""

    session_id: str
    url: str | None = None
    status: str
    """`open`, `complete` or `expired`."""
    paid: bool = False
    payment_intent: str | None = None
    amount_micros: Micros
    currency: Currency


class PurchaseAnswer(Contract):
    """What the POST answers with: where to pay, or why not."""

    purchase_id: PurchaseId
    problem: Problem | None = None


class GeneratedRepository(Contract):
    """The buyer's copy."""

    repository: RepositoryName
    html_url: str
    default_branch: str = "main"


class SetUpOrder(Contract):
    """Argument of the step that opens the first pull request."""

    order: PurchaseOrder
    repository: GeneratedRepository


class PurchaseView(Contract):
    """A purchase with its receipt, as its buyer sees it."""

    purchase_id: PurchaseId
    status: PurchaseStatus
    payment: PaymentState | None = None
    spell: SpellKey
    version: Version | None = None
    package_digest: Digest | None = None
    repository: RepositoryName
    private: bool
    pay_with: PayWith
    currency: Currency | None = None
    price_micros: Micros | None = None
    license_url: str | None = None
    checkout_url: str | None = None
    repository_url: str | None = None
    pull_request_url: str | None = None
    entitled_at: datetime | None = None
    problem: Problem | None = None
    created_at: datetime
    expires_at: datetime | None = None
    finished_at: datetime | None = None


ENDED = frozenset(
    {
        PurchaseStatus.COMPLETED,
        PurchaseStatus.REFUSED,
        PurchaseStatus.ABANDONED,
        PurchaseStatus.CANCELLED,
        PurchaseStatus.FAILED,
    }
)

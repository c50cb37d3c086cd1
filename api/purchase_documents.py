"""Bodies and answers of the routes about purchases."""

from datetime import datetime

from pydantic import Field

from api.documents import Money
from schema.contracts.base import Contract
from schema.contracts.problem import Problem
from schema.contracts.purchases import (
    PaymentState,
    PayWith,
    PurchaseStatus,
    PurchaseView,
    RepositoryName,
)
from schema.ids import Version


class PurchaseBody(Contract):
    """Body of `POST /v1/catalog/spells/{key}/purchase`."""

    version: Version | None = None
    """Default: the newest."""
    repository: RepositoryName
    """`owner/name` of the copy: your GitHub account, or an organisation of yours."""
    private: bool = True
    pay_with: PayWith = Field(default=PayWith.CHECKOUT, strict=False)


class PurchaseDocument(Contract):
    """A purchase with its receipt."""

    purchase_id: str
    status: PurchaseStatus
    payment: PaymentState | None
    """What became of the money; null where nothing was to pay."""
    spell: str
    version: str | None
    package_digest: str | None
    price: Money | None
    pay_with: PayWith
    checkout_url: str | None
    """Where to pay, while it can be paid."""
    expires_at: datetime | None
    license_url: str | None
    repository: str
    private: bool
    repository_url: str | None
    pull_request_url: str | None
    entitled_at: datetime | None
    """Since when the copy may be used under its licence."""
    problem: Problem | None
    created_at: datetime
    finished_at: datetime | None


class PurchasePage(Contract):
    """A page of purchases."""

    items: list[PurchaseDocument]
    next_cursor: str | None


def purchase_document(view: PurchaseView) -> PurchaseDocument:
    """The document of a purchase."""
    shown = view.model_dump(exclude={"currency", "price_micros"})
    price = None
    if view.price_micros is not None and view.currency is not None:
        price = Money(micros=view.price_micros, currency=view.currency)
    return PurchaseDocument.model_validate({**shown, "price": price})

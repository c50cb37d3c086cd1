"""What Stripe delivers, as far as the platform heeds it."""

from typing import Annotated

from pydantic import StringConstraints

from schema.contracts.base import Contract
from schema.ids import PurchaseId


class StripeDelivery(Contract):
    """One event: a hint that a purchase's payment is worth a look, never the truth about it."""

    event_id: Annotated[str, StringConstraints(pattern=r"^evt_[A-Za-z0-9_]{1,250}$")]
    kind: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_.]{1,128}$")]
    purchase_id: PurchaseId | None = None


class StripeRelayReport(Contract):
    """What one look at the inbox did."""

    handled: int
    purged: int = 0

"""The roles that purchases need played: offers, and the record of what was bought."""

from datetime import datetime
from typing import Protocol

from schema.contracts.problem import Problem
from schema.contracts.purchases import (
    EndOrder,
    OpenOrder,
    PurchaseInput,
    PurchaseOffer,
    PurchaseOrder,
    RefuseOrder,
)


class Offers(Protocol):
    """The catalogue, as buyers meet it."""

    async def find_offer(self, request: PurchaseInput) -> PurchaseOffer:
        """The template that is bought. Raises SpellError, as casts' versions do."""


class PurchaseRecords(Protocol):
    """The system of record for purchases."""

    async def open(self, order: OpenOrder) -> Problem | None:
        """Record a purchase with its intended payment; the problem when it cannot be paid."""

    async def refuse(self, order: RefuseOrder) -> None:
        """Record a refusal."""

    async def end(self, order: EndOrder) -> None:
        """End a purchase that did not come about."""

    async def intend_generation(self, purchase_id: str) -> tuple[datetime, bool]:
        """When a repository was first going to be made, and whether that is now."""

    async def generated(self, purchase_id: str, url: str) -> bool:
        """Keep where the buyer's copy is; False: another purchase made that one."""

    async def set_up(self, purchase_id: str, url: str) -> None:
        """Keep where the first pull request is."""

    async def unresolved(self, *, older_than_seconds: int, skip: int, limit: int) -> list[str]:
        """Purchases that have not ended, or whose money is nobody's yet; the oldest first."""

    async def grant(self, order: PurchaseOrder) -> None:
        """Entitle the buyer, split the money and complete the purchase, in one transaction."""

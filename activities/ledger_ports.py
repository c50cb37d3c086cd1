"""What the activities of the ledger need."""

from typing import Protocol

from schema.contracts.ledger import SealReport


class LedgerSealer(Protocol):
    """Seals rows of the ledger that no transaction can add to any more."""

    async def seal(self) -> SealReport:
        """Make the next seal and anchor it; a report of zeros when there is nothing to seal."""

"""Housekeeping of the platform, as messages."""

from schema.contracts.base import Contract
from schema.ids import CastId


class ReconcileReport(Contract):
    """What one look at the open holds found."""

    looked_at: int
    released: list[CastId]
    """Casts whose workflow was closed without settling: their holds were voided."""

"""Housekeeping of the platform, as messages."""

from schema.contracts.base import Contract
from schema.ids import CastId, PublicationId, PurchaseId


class ReconcileReport(Contract):
    """What one look at the open holds found."""

    looked_at: int
    released: list[CastId]
    """Casts whose workflow was closed without settling: their holds were voided."""


class OrphanedPurchases(Contract):
    """Purchases that no workflow cares for any more."""

    purchase_ids: list[PurchaseId]


class TidyReport(Contract):
    """What one look at what publishing left behind found."""

    closed: list[PublicationId]
    """Publications that ran without a workflow: they were ended."""
    purged: int
    """Uploads that were past their time."""


class TidyArtifactsReport(Contract):
    """What one look at what casts left found."""

    deleted: int
    """Outputs, artifacts and error streams that were past their time."""

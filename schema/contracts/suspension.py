"""Suspending a whole spell, as messages."""

from datetime import datetime

from schema.contracts.base import Contract
from schema.ids import SpellKey

PLATFORM = "platform"
"""Who suspends when nobody did: the count of policy violations."""


class SuspensionView(Contract):
    """Why and since when a spell takes no new casts."""

    reason: str
    suspended_by: str
    """The operator's account, or `platform` for the count of violations."""
    suspended_at: datetime


class ViolationCounts(Contract):
    """What a spell's casts tried and were not allowed, for its maker and for operators."""

    spell: SpellKey
    hours: int
    """How far the count looks back."""
    counted: int
    """Casts that count towards suspension: of the kinds that do, at most so many of one caster."""
    suspends_at: int
    by_kind: dict[str, int]
    """Casts by kind of violation, those of limits included, which do not count."""
    suspension: SuspensionView | None = None
    """The one in force."""

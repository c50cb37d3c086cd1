"""The roles that the billing routes need played."""

from dataclasses import dataclass
from typing import Protocol

from schema.billing_calendar import BillingClock
from schema.contracts.account import Caller
from schema.contracts.budgets import (
    BillingChange,
    BudgetAlert,
    BudgetUsage,
    Cap,
    CapName,
    UsageLine,
    UsageQuery,
)


class Caps(Protocol):
    """Caps, and what is used of them."""

    async def set(self, caller: Caller, cap: Cap) -> None:
        """Set one. Raises SpellError: KEY_NOT_FOUND."""

    async def remove(self, caller: Caller, name: CapName) -> None:
        """Remove one. Raises SpellError: KEY_NOT_FOUND, CAP_NOT_FOUND."""

    async def usage(self, caller: Caller, currency: str) -> list[BudgetUsage]:
        """Every budget that a cast by this key would touch now, and the caps of other keys."""


class BillingReads(Protocol):
    """What of an account's money is read in pages."""

    async def usage(
        self, account_id: str, query: UsageQuery, *, after: tuple[str, str], limit: int
    ) -> list[UsageLine]:
        """What was held and spent, in the order of groups and currencies, above `after`."""

    async def alerts(self, account_id: str, *, before: int | None, limit: int) -> list[BudgetAlert]:
        """Thresholds that were crossed, newest first, below an id."""

    async def changes(
        self, account_id: str, *, before: int | None, limit: int
    ) -> list[BillingChange]:
        """Changes of caps and of the time zone, newest first, below an id."""


class BillingTimeZones(Protocol):
    """Billing calendars of accounts."""

    async def get(self, account_id: str) -> BillingClock:
        """Today, the zone of today, and the one that comes."""

    async def set(self, caller: Caller, time_zone: str) -> BillingClock:
        """Count in another zone, from the next day on. Raises SpellError: VALIDATION_ERROR."""


@dataclass(frozen=True)
class Billing:
    """What the billing routes call."""

    caps: Caps
    reads: BillingReads
    time_zones: BillingTimeZones

"""Bodies and pages of `/v1/billing`."""

from schema.billing_calendar import TimeZoneName
from schema.contracts.base import Contract
from schema.contracts.budgets import BillingChange, BudgetAlert, UsageLine, UsageQuery


class TimeZoneBody(Contract):
    """Body of `PUT /v1/billing/time-zone`."""

    time_zone: TimeZoneName


class UsagePage(UsageQuery):
    """Some of an account's usage, and which: in the order of groups and currencies."""

    time_zone: str
    items: list[UsageLine]
    next_cursor: str | None = None


class AlertPage(Contract):
    """Some of an account's budget alerts, newest first."""

    items: list[BudgetAlert]
    next_cursor: str | None = None


class ChangePage(Contract):
    """Some of the changes of an account's caps and time zone, newest first."""

    items: list[BillingChange]
    next_cursor: str | None = None

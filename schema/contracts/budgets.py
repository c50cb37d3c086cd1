"""Budgets as their account sets and reads them: caps, alerts, changes, the billing calendar."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from schema.contracts.base import Contract
from schema.ids import ApiKeyId
from schema.money import Currency, Micros

ALERTS_MAX = 8
DEFAULT_ALERTS = (50, 80, 100)


class CapKind(StrEnum):
    """What a cap bounds: a row of the table `budget_kinds` that accounts may choose from."""

    TOTAL = "account_total"
    MONTH = "account_month"
    DAY = "account_day"
    API_KEY = "api_key"
    API_KEY_MONTH = "api_key_month"
    API_KEY_DAY = "api_key_day"

    @property
    def of_api_key(self) -> bool:
        """Whether it bounds one key, not the account."""
        return self.value.startswith("api_key")


def _in_order(percents: tuple[int, ...]) -> tuple[int, ...]:
    if len(set(percents)) < len(percents):
        raise ValueError("names a percentage twice")
    return tuple(sorted(percents))


AlertPercents = Annotated[
    tuple[Annotated[int, Field(ge=1, le=100)], ...],
    Field(max_length=ALERTS_MAX),
    AfterValidator(_in_order),
]
"""At which percentages of a cap the account is told; none for no alerts."""


class CapName(Contract):
    """Which cap of an account."""

    kind: CapKind
    api_key_id: ApiKeyId | None = None
    """Which key, for the kinds of keys."""
    currency: Currency = "USD"


class Cap(CapName):
    """A cap that the account set on its own spending."""

    cap_micros: Micros
    alerts_at: AlertPercents = DEFAULT_ALERTS


class BudgetUsage(Contract):
    """One budget in its current period: what is held, what is spent, what still fits."""

    kind: str
    api_key_id: ApiKeyId | None = None
    currency: Currency
    period_start: date | None = None
    """First day of the period, by the account's calendar; None for what never starts over."""
    held_micros: int
    posted_micros: int
    cap_micros: int | None = None
    remaining_micros: int | None = None
    alerts_at: list[int] = Field(default_factory=list)
    resets_at: datetime | None = None


class BudgetAlert(Contract):
    """A threshold of a cap that was crossed; written once in its period."""

    id: int
    kind: CapKind
    api_key_id: ApiKeyId | None = None
    currency: Currency
    period_start: date | None = None
    cap_micros: int
    percent: int
    used_micros: int
    created_at: datetime
    told_at: datetime | None = None
    """When it was handed to notifications and webhooks."""


class ChangeSubject(StrEnum):
    """What of an account's billing was changed."""

    CAP = "cap"
    TIME_ZONE = "time_zone"


class BillingChange(Contract):
    """Who changed a cap or the billing time zone, from what to what. Never changed itself."""

    id: int
    subject: ChangeSubject
    changed_by: ApiKeyId
    changed_at: datetime
    kind: CapKind | None = None
    api_key_id: ApiKeyId | None = None
    currency: Currency | None = None
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None


class UsageGroup(StrEnum):
    """What usage is added up by."""

    DAY = "day"
    MONTH = "month"
    SPELL = "spell"
    API_KEY = "api_key"


class UsageQuery(Contract):
    """Which usage: by what, of which days (both included, by the account's calendar)."""

    by: UsageGroup
    from_day: date
    to_day: date
    currency: Currency | None = None


class UsageLine(Contract):
    """What was held and spent within one group and currency."""

    group: str
    """A day, a month (`2026-11`), a spell's key or a key's id."""
    currency: Currency
    count: int
    """How many casts were admitted, charged or not."""
    held_micros: int
    posted_micros: int


class TimeZoneView(Contract):
    """The billing calendar of an account."""

    time_zone: str
    today: date
    day_ends_at: datetime
    month_ends_at: datetime
    next_time_zone: str | None = None
    next_from_day: date | None = None
    """The first day of the next zone; until it begins, the present one goes on."""

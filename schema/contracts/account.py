"""Who is asking, and what belongs to an account."""

from datetime import datetime
from enum import StrEnum

from schema.contracts.base import Contract
from schema.ids import AccountId, ApiKeyId
from schema.money import Currency, Micros
from schema.scopes import Scope


class Caller(Contract):
    """An authenticated API key and the account behind it."""

    account_id: AccountId
    api_key_id: ApiKeyId
    scopes: frozenset[Scope]

    def may(self, scope: Scope) -> bool:
        """Whether the key carries the scope."""
        return scope in self.scopes


class ApiKeySummary(Contract):
    """An API key as its owner sees it: never the key itself."""

    id: ApiKeyId
    name: str
    prefix: str
    scopes: list[Scope]
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None


class CapKind(StrEnum):
    """What a cap bounds."""

    TOTAL = "account_total"
    MONTH = "account_month"
    DAY = "account_day"
    API_KEY = "api_key"


class Cap(Contract):
    """A cap that the account set on its own spending."""

    kind: CapKind
    api_key_id: ApiKeyId | None = None
    """Which key, for kind `api_key`."""
    currency: Currency = "USD"
    cap_micros: Micros


class BudgetUsage(Contract):
    """One budget in its current period: what is held, what is spent, what still fits."""

    kind: str
    api_key_id: ApiKeyId | None = None
    currency: Currency
    held_micros: int
    posted_micros: int
    cap_micros: int | None = None
    remaining_micros: int | None = None
    resets_at: datetime | None = None

"""Who is asking, and what belongs to an account."""

from datetime import datetime

from schema.contracts.base import Contract
from schema.ids import AccountId, ApiKeyId
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

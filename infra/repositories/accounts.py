"""Accounts, API keys and credit, in Postgres."""

import hmac
import secrets
from datetime import datetime

from sqlalchemy import text

from infra.api_keys import NewApiKey, hash_api_key, new_api_key, prefix_of
from infra.postgres import Database, row_dict
from infra.repositories.ledger import LedgerAccountName, Transfer, move_money, open_accounts
from schema.contracts.account import ApiKeySummary, Caller
from schema.errors import SpellError
from schema.ids import new_account_id, new_api_key_id
from schema.scopes import Scope

_AUTHENTICATE = text(
    "SELECT k.id, k.account_id, k.key_hash, k.scopes, s.cast_secret,"
    " coalesce(k.last_used_at < now() - interval '1 minute', true) AS stale FROM api_keys k"
    " JOIN accounts a ON a.id = k.account_id AND a.state = 'active'"
    " JOIN account_secrets s ON s.account_id = k.account_id"
    " WHERE k.prefix = :prefix AND k.revoked_at IS NULL"
    " AND (k.expires_at IS NULL OR k.expires_at > now())"
)
# A key used a thousand times a minute is written once a minute.
_TOUCH = text(
    "UPDATE api_keys SET last_used_at = now() WHERE id = :id"
    " AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')"
)
_INSERT_ACCOUNT = text("INSERT INTO accounts (id, state) VALUES (:id, 'active')")
_INSERT_PROFILE = text(
    "INSERT INTO account_profiles (account_id, display_name) VALUES (:id, :name)"
)
_INSERT_SECRET = text("INSERT INTO account_secrets (account_id, cast_secret) VALUES (:id, :secret)")
_INSERT_KEY = text(
    "INSERT INTO api_keys (id, account_id, name, prefix, key_hash, scopes, expires_at)"
    " VALUES (:id, :account_id, :name, :prefix, :key_hash, :scopes, :expires_at)"
)
_KEYS = text("SELECT * FROM api_keys WHERE account_id = :account_id ORDER BY created_at, id")
_REVOKE = text(
    "UPDATE api_keys SET revoked_at = coalesce(revoked_at, now())"
    " WHERE id = :id AND account_id = :account_id RETURNING id"
)
_GROW_BALANCE = text(
    "INSERT INTO budget_caps (account_id, kind, scope_id, currency, cap_micros)"
    " VALUES (:account_id, 'balance', '', :currency, :amount)"
    " ON CONFLICT (account_id, kind, scope_id, currency)"
    " DO UPDATE SET cap_micros = budget_caps.cap_micros + :amount, updated_at = now()"
)


class PostgresAccounts:
    """Accounts and who acts for them.

    Args:
        database: hands out transactions.
        pepper: the key of API-key hashes; without it a stolen table authenticates nobody.
    """

    def __init__(self, database: Database, *, pepper: bytes) -> None:
        self._database = database
        self._pepper = pepper

    async def create(self, display_name: str) -> str:
        """Make an account; answers its id."""
        account_id = new_account_id()
        async with self._database.transaction() as connection:
            await connection.execute(_INSERT_ACCOUNT, {"id": account_id})
            await connection.execute(_INSERT_PROFILE, {"id": account_id, "name": display_name})
            secret = secrets.token_bytes(32)
            await connection.execute(_INSERT_SECRET, {"id": account_id, "secret": secret})
        return account_id

    async def authenticate(self, key_text: str) -> tuple[Caller, bytes] | None:
        """The caller behind a key and the account's cast secret; None when the key is not live."""
        prefix = prefix_of(key_text)
        if prefix is None:
            return None
        async with self._database.reading() as connection:
            row = (await connection.execute(_AUTHENTICATE, {"prefix": prefix})).one_or_none()
            if row is None or not hmac.compare_digest(
                bytes(row.key_hash), hash_api_key(self._pepper, key_text)
            ):
                return None
            if row.stale:
                await connection.execute(_TOUCH, {"id": row.id})
        caller = Caller(account_id=row.account_id, api_key_id=row.id, scopes=frozenset(row.scopes))
        return caller, bytes(row.cast_secret)

    async def create_key(
        self, account_id: str, name: str, scopes: list[Scope], expires_at: datetime | None
    ) -> tuple[ApiKeySummary, str]:
        """Make a key; answers its summary and, this once, the key itself."""
        key: NewApiKey = new_api_key(self._pepper)
        key_id = new_api_key_id()
        async with self._database.transaction() as connection:
            await connection.execute(
                _INSERT_KEY,
                {
                    "id": key_id,
                    "account_id": account_id,
                    "name": name,
                    "prefix": key.prefix,
                    "key_hash": key.key_hash,
                    "scopes": sorted(scope.value for scope in scopes),
                    "expires_at": expires_at,
                },
            )
        summaries = await self.keys(account_id)
        return next(summary for summary in summaries if summary.id == key_id), key.text

    async def keys(self, account_id: str) -> list[ApiKeySummary]:
        """All keys of the account, revoked ones included, oldest first."""
        async with self._database.reading() as connection:
            rows = (await connection.execute(_KEYS, {"account_id": account_id})).all()
        shown = ApiKeySummary.model_fields.keys()
        return [
            ApiKeySummary(**{k: v for k, v in row_dict(row).items() if k in shown}) for row in rows
        ]

    async def revoke_key(self, account_id: str, key_id: str) -> None:
        """End a key now; ending it again changes nothing. Raises SpellError(KEY_NOT_FOUND)."""
        async with self._database.transaction() as connection:
            result = await connection.execute(_REVOKE, {"id": key_id, "account_id": account_id})
            if result.first() is None:
                raise SpellError("KEY_NOT_FOUND")

    async def credit(
        self, account_id: str, amount_micros: int, currency: str, *, reference: str
    ) -> bool:
        """Add prepaid credit once per reference; False when this reference was credited before."""
        async with self._database.transaction() as connection:
            clearing = LedgerAccountName("processor_clearing", None, currency)
            credit = LedgerAccountName("caster_credit", account_id, currency)
            hold = LedgerAccountName("caster_hold", account_id, currency)
            await open_accounts(connection, [clearing, credit, hold])
            moved = Transfer(f"credit:{reference}", "credit", clearing, credit, amount_micros)
            credited = await move_money(connection, [moved]) == 1
            if credited:
                await connection.execute(
                    _GROW_BALANCE,
                    {"account_id": account_id, "currency": currency, "amount": amount_micros},
                )
            return credited

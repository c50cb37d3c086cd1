"""GitHub users that accounts are connected with, in Postgres.

Tokens are encrypted under the account's key. Refresh tokens are good once: whoever needs another
one waits for the row, and finds what the one before got.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.github.sign_in import Tokens
from infra.postgres import Database
from infra.vault import PlatformVault
from schema.canonical import canonical_json, parse_json
from schema.contracts.github_users import ConnectedUser
from schema.errors import SpellError

# What is begun with a token may take a while: cloning, setting up.
_LEFT_MIN = timedelta(minutes=10)
_FIND = text(
    "SELECT *, token_expires_at IS NULL OR token_expires_at > now() + CAST(:left_min AS interval)"
    " AS is_fresh FROM github_connections WHERE account_id = :account_id"
)
_LOCK = text(f"{_FIND.text} FOR UPDATE")
_SAVE = text(
    "INSERT INTO github_connections AS c"
    " (account_id, github_user_id, login, ciphertext, token_expires_at, expires_at)"
    " VALUES (:account_id, :user_id, :login, :ciphertext, now() + CAST(:access_lifetime AS"
    " interval), now() + CAST(:refresh_lifetime AS interval))"
    " ON CONFLICT (account_id) DO UPDATE SET github_user_id = excluded.github_user_id,"
    " login = excluded.login, ciphertext = excluded.ciphertext,"
    " token_expires_at = excluded.token_expires_at, expires_at = excluded.expires_at,"
    " connected_at = CASE WHEN c.github_user_id = excluded.github_user_id"
    " THEN c.connected_at ELSE now() END, updated_at = now() RETURNING *"
)
_RENEW = text(
    "UPDATE github_connections SET ciphertext = :ciphertext,"
    " token_expires_at = now() + CAST(:access_lifetime AS interval),"
    " expires_at = now() + CAST(:refresh_lifetime AS interval), updated_at = now()"
    " WHERE account_id = :account_id"
)
_REMOVE = text("DELETE FROM github_connections WHERE account_id = :account_id")
# Only while nobody has put other tokens there.
_END = text(
    "DELETE FROM github_connections"
    " WHERE account_id = :account_id AND ciphertext = :ciphertext RETURNING account_id"
)
_TAKE_CODE = text(
    "DELETE FROM github_device_codes"
    " WHERE account_id = :account_id AND ciphertext = :ciphertext RETURNING account_id"
)
_HOLDER = text("SELECT account_id FROM github_connections WHERE github_user_id = :user_id")
_KIND = "github"

Refresh = Callable[[str], Awaitable[Tokens | None]]


@dataclass(frozen=True)
class HeldTokens:
    """What an account's connection holds."""

    user_id: int
    access: str = field(repr=False)
    refresh: str | None = field(repr=False)
    is_fresh: bool
    """Whether the access token is good for a while."""
    ciphertext: bytes = field(repr=False)
    """Names these very tokens."""


class PostgresGitHubConnections:
    """The connections of accounts.

    Args:
        database: hands out transactions.
        vault: encrypts and decrypts tokens.
    """

    def __init__(self, database: Database, vault: PlatformVault) -> None:
        self._database = database
        self._vault = vault

    async def user(self, account_id: str) -> ConnectedUser | None:
        """Whom an account is connected with."""
        async with self._database.reading() as connection:
            row = (await connection.execute(_FIND, _place(account_id))).one_or_none()
        return None if row is None else _user(row)

    async def tokens(self, account_id: str) -> HeldTokens | None:
        """What an account's connection holds."""
        async with self._database.reading() as connection:
            row = (await connection.execute(_FIND, _place(account_id))).one_or_none()
        return None if row is None else self._open(row)

    async def holder(self, user_id: int) -> str | None:
        """The account that is connected with a user; None: none is."""
        async with self._database.reading() as connection:
            found = await connection.execute(_HOLDER, {"user_id": user_id})
            return found.scalar_one_or_none()

    async def connect(
        self, account_id: str, code: bytes, user_id: int, login: str, tokens: Tokens
    ) -> tuple[ConnectedUser, HeldTokens | None]:
        """Put a user in the place of whoever was there; that one's tokens are the second.

        Args:
            account_id: whose connection it is.
            code: the ciphertext of the code that led here, which is used up.
            user_id: GitHub's id of the user.
            login: of the user.
            tokens: what they let us act with.

        Raises:
            SpellError: GITHUB_CODE_EXPIRED, the code was taken back meanwhile; GITHUB_USER_TAKEN,
                another account is connected with this user.
        """
        row = {
            **self._row(account_id, tokens),
            "user_id": user_id,
            "login": login,
        }
        try:
            async with self._database.transaction() as connection:
                code_of = {"account_id": account_id, "ciphertext": code}
                if (await connection.execute(_TAKE_CODE, code_of)).first() is None:
                    raise SpellError("GITHUB_CODE_EXPIRED")
                before = await self._locked(connection, account_id)
                made = (await connection.execute(_SAVE, row)).one()
        except IntegrityError:
            raise SpellError("GITHUB_USER_TAKEN", details={"login": login}) from None
        return _user(made), before

    async def renewed(self, account_id: str, refresh: Refresh) -> HeldTokens | None:
        """Tokens that are good for a while: those there are, or new ones.

        Of many who ask at once, one refreshes. A connection whose refresh token is good no more
        ends, and so does one without any.

        Args:
            account_id: whose connection it is.
            refresh: gets other tokens for a refresh token; None when GitHub takes it no more.

        Returns:
            None: the account is not connected (any more).
        """
        async with self._database.transaction() as connection:
            held = await self._locked(connection, account_id)
            if held is None or held.is_fresh:
                return held
            tokens = None if held.refresh is None else await refresh(held.refresh)
            if tokens is None:
                await connection.execute(_REMOVE, {"account_id": account_id})
                return None
            await connection.execute(_RENEW, self._row(account_id, tokens))
            return await self._locked(connection, account_id)

    async def end(self, account_id: str, held: HeldTokens) -> bool:
        """End a connection that holds these tokens still; whether it did."""
        row = {"account_id": account_id, "ciphertext": held.ciphertext}
        async with self._database.transaction() as connection:
            return (await connection.execute(_END, row)).first() is not None

    async def remove(self, account_id: str) -> HeldTokens | None:
        """End a connection, whatever it holds, which is returned."""
        async with self._database.transaction() as connection:
            held = await self._locked(connection, account_id)
            await connection.execute(_REMOVE, {"account_id": account_id})
        return held

    async def _locked(self, connection: AsyncConnection, account_id: str) -> HeldTokens | None:
        row = (await connection.execute(_LOCK, _place(account_id))).one_or_none()
        return None if row is None else self._open(row)

    def _row(self, account_id: str, tokens: Tokens) -> dict[str, Any]:
        content = canonical_json([_KIND, tokens.access, tokens.refresh])
        return {
            "account_id": account_id,
            "ciphertext": self._vault.encrypt(account_id, content),
            "access_lifetime": _lifetime(tokens.access_seconds),
            "refresh_lifetime": _lifetime(tokens.refresh_seconds),
        }

    def _open(self, row: Any) -> HeldTokens:
        """Raises ValueError: the row is not one of this account."""
        kind, access, refresh = parse_json(self._vault.decrypt(row.account_id, row.ciphertext))
        if kind != _KIND:
            raise ValueError("what is encrypted are no tokens of GitHub")
        return HeldTokens(row.github_user_id, access, refresh, row.is_fresh, row.ciphertext)


def _place(account_id: str) -> dict[str, Any]:
    return {"account_id": account_id, "left_min": _LEFT_MIN}


def _lifetime(seconds: int | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)


def _user(row: Any) -> ConnectedUser:
    return ConnectedUser(
        user_id=row.github_user_id,
        login=row.login,
        connected_at=row.connected_at,
        expires_at=row.expires_at,
    )

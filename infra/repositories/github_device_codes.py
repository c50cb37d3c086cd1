"""Codes that wait for a person to confirm them on GitHub, in Postgres; one for each account."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import text

from infra.github.sign_in import NewCode
from infra.postgres import Database
from infra.vault import PlatformVault
from schema.canonical import canonical_json, parse_json
from schema.contracts.github_users import DeviceCode

_KEEP = text(
    "INSERT INTO github_device_codes (account_id, ciphertext, interval_seconds, expires_at)"
    " VALUES (:account_id, :ciphertext, :interval_seconds, now() + CAST(:lifetime AS interval))"
    " ON CONFLICT (account_id) DO UPDATE SET ciphertext = excluded.ciphertext,"
    " interval_seconds = excluded.interval_seconds, expires_at = excluded.expires_at,"
    " created_at = now(), asked_at = NULL RETURNING *"
)
_PENDING = text(
    "SELECT * FROM github_device_codes"
    " WHERE account_id = :account_id AND expires_at > now() + CAST(:left_min AS interval)"
)
# One who asks keeps the others from asking for an interval: GitHub makes whoever asks more often
# wait for longer.
_ASK = text(
    "UPDATE github_device_codes SET asked_at = now()"
    " WHERE account_id = :account_id AND expires_at > now() AND (asked_at IS NULL"
    " OR asked_at <= now() - interval_seconds * interval '1 second') RETURNING *"
)
_SLOW_DOWN = text(
    "UPDATE github_device_codes"
    " SET interval_seconds = LEAST(GREATEST(interval_seconds, :interval_seconds), 300)"
    " WHERE account_id = :account_id AND ciphertext = :ciphertext"
)
_REMOVE = text(
    "DELETE FROM github_device_codes WHERE account_id = :account_id"
    " AND (CAST(:ciphertext AS bytea) IS NULL OR ciphertext = :ciphertext)"
)
_PURGE = text(
    "DELETE FROM github_device_codes WHERE expires_at <= now()"
    " AND (CAST(:account_id AS text) IS NULL OR account_id = :account_id)"
)
_KIND = "github-device"


@dataclass(frozen=True)
class HeldCode:
    """A code to ask GitHub about."""

    device_code: str = field(repr=False)
    shown: DeviceCode
    ciphertext: bytes = field(repr=False)
    """Names this very code."""


class PostgresGitHubDeviceCodes:
    """The codes of accounts.

    Args:
        database: hands out transactions.
        vault: encrypts and decrypts codes.
    """

    def __init__(self, database: Database, vault: PlatformVault) -> None:
        self._database = database
        self._vault = vault

    async def keep(self, account_id: str, code: NewCode) -> DeviceCode:
        """Keep a code in the place of the one before."""
        content = [_KIND, code.device_code, code.user_code, code.verification_uri]
        row = {
            "account_id": account_id,
            "ciphertext": self._vault.encrypt(account_id, canonical_json(content)),
            "interval_seconds": code.interval_seconds,
            "lifetime": timedelta(seconds=code.seconds),
        }
        async with self._database.transaction() as connection:
            return self._open((await connection.execute(_KEEP, row)).one()).shown

    async def pending(
        self, account_id: str, left_min: timedelta = timedelta(0)
    ) -> DeviceCode | None:
        """The code that waits, if it is good for longer than that."""
        place = {"account_id": account_id, "left_min": left_min}
        async with self._database.reading() as connection:
            row = (await connection.execute(_PENDING, place)).one_or_none()
        return None if row is None else self._open(row).shown

    async def ask(self, account_id: str) -> HeldCode | None:
        """The code, for whoever may ask GitHub about it now; None: nobody may."""
        async with self._database.transaction() as connection:
            row = (await connection.execute(_ASK, {"account_id": account_id})).one_or_none()
        return None if row is None else self._open(row)

    async def slow_down(self, account_id: str, held: HeldCode, interval_seconds: int) -> None:
        """Ask about a code less often from now on."""
        row = {
            "account_id": account_id,
            "ciphertext": held.ciphertext,
            "interval_seconds": interval_seconds,
        }
        async with self._database.transaction() as connection:
            await connection.execute(_SLOW_DOWN, row)

    async def remove(self, account_id: str, held: HeldCode | None = None) -> None:
        """Forget this code, or whichever there is."""
        row = {"account_id": account_id, "ciphertext": held and held.ciphertext}
        async with self._database.transaction() as connection:
            await connection.execute(_REMOVE, row)

    async def purge(self, account_id: str | None = None) -> int:
        """Forget codes whose time is up, of one account or of all; how many they were."""
        async with self._database.transaction() as connection:
            return (await connection.execute(_PURGE, {"account_id": account_id})).rowcount

    def _open(self, row: Any) -> HeldCode:
        """Raises ValueError: the row is not one of this account."""
        opened = parse_json(self._vault.decrypt(row.account_id, row.ciphertext))
        kind, device_code, user_code, verification_uri = opened
        if kind != _KIND:
            raise ValueError("what is encrypted is no code of GitHub")
        shown = DeviceCode(
            verification_uri=verification_uri,
            user_code=user_code,
            interval_seconds=row.interval_seconds,
            expires_at=row.expires_at,
        )
        return HeldCode(device_code, shown, row.ciphertext)

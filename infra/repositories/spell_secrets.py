"""Makers' secrets, in Postgres, encrypted. Fits the port `SpellSecrets`, and serves the API.

What is encrypted, under the key of the spell's maker, is spell, name and value together: a row
that somebody moved to another spell or name does not decrypt as that one's.
"""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.postgres import Database, row_dict
from infra.vault import PlatformVault
from schema.canonical import canonical_json, parse_json
from schema.contracts.spell_secret import SecretSummary
from schema.errors import SpellError
from schema.limits import SECRETS_PER_SPELL_MAX

# No other secret of the spell is set or removed meanwhile; versions may be published.
_LOCK_OWN_SPELL = text(
    "SELECT key FROM spells WHERE key = :key AND account_id = :account_id FOR NO KEY UPDATE"
)
_OWN_SPELL = text("SELECT key FROM spells WHERE key = :key AND account_id = :account_id")
_COUNT_OTHERS = text("SELECT count(*) FROM spell_secrets WHERE spell_key = :key AND name <> :name")
_SET = text(
    "INSERT INTO spell_secrets (spell_key, name, ciphertext) VALUES (:key, :name, :ciphertext)"
    " ON CONFLICT (spell_key, name) DO UPDATE"
    " SET ciphertext = excluded.ciphertext, updated_at = now()"
    " RETURNING name, created_at, updated_at"
)
_SUMMARIES = text(
    "SELECT name, created_at, updated_at FROM spell_secrets WHERE spell_key = :key ORDER BY name"
)
_REMOVE = text("DELETE FROM spell_secrets WHERE spell_key = :key AND name = :name RETURNING name")
_NAMES_SET = text("SELECT name FROM spell_secrets WHERE spell_key = :key AND name = ANY(:names)")
_READ = text(
    "SELECT x.name, x.ciphertext, s.account_id FROM spell_secrets x"
    " JOIN spells s ON s.key = x.spell_key WHERE x.spell_key = :key AND x.name = ANY(:names)"
)


class PostgresSpellSecrets:
    """The secrets that spells' environments are made of.

    Args:
        database: hands out transactions.
        vault: encrypts and decrypts; values are in clear only in here and in what is returned.
    """

    def __init__(self, database: Database, vault: PlatformVault) -> None:
        self._database = database
        self._vault = vault

    async def set(self, account_id: str, spell_key: str, name: str, value: str) -> SecretSummary:
        """Set a secret of an own spell; casts that are admitted from now on get this value.

        Raises:
            SpellError: SPELL_NOT_FOUND; VALIDATION_ERROR when the spell has too many.
        """
        plain = canonical_json([spell_key, name, value])
        ciphertext = self._vault.encrypt(account_id, plain)
        row = {"key": spell_key, "name": name, "ciphertext": ciphertext}
        async with self._database.transaction() as connection:
            own = {"key": spell_key, "account_id": account_id}
            if (await connection.execute(_LOCK_OWN_SPELL, own)).first() is None:
                raise _no_such_spell(spell_key)
            await _check_count(connection, spell_key, name)
            return SecretSummary(**row_dict((await connection.execute(_SET, row)).one()))

    async def summaries(self, account_id: str, spell_key: str) -> list[SecretSummary]:
        """The secrets of an own spell, by name, without their values.

        Raises:
            SpellError: SPELL_NOT_FOUND.
        """
        async with self._database.reading() as connection:
            await _check_own(connection, account_id, spell_key)
            rows = await connection.execute(_SUMMARIES, {"key": spell_key})
            return [SecretSummary(**row_dict(row)) for row in rows]

    async def remove(self, account_id: str, spell_key: str, name: str) -> None:
        """Remove a secret of an own spell; casts that need it are refused from now on.

        Raises:
            SpellError: SPELL_NOT_FOUND, SECRET_NOT_FOUND.
        """
        async with self._database.transaction() as connection:
            await _check_own(connection, account_id, spell_key)
            removed = await connection.execute(_REMOVE, {"key": spell_key, "name": name})
            if removed.first() is None:
                raise SpellError("SECRET_NOT_FOUND", details={"spell": spell_key, "name": name})

    async def missing(self, spell_key: str, names: Sequence[str]) -> list[str]:
        """Which of the names are not set."""
        async with self._database.reading() as connection:
            rows = await connection.execute(_NAMES_SET, {"key": spell_key, "names": list(names)})
            found = {row.name for row in rows}
        return [name for name in names if name not in found]

    async def values(self, spell_key: str, names: Sequence[str]) -> dict[str, str]:
        """The values of these names, in clear; those that are not set are left out.

        Raises:
            ValueError: a row is not what was set under its name.
        """
        async with self._database.reading() as connection:
            rows = (await connection.execute(_READ, {"key": spell_key, "names": list(names)})).all()
        return {
            row.name: self._value(row.account_id, spell_key, row.name, bytes(row.ciphertext))
            for row in rows
        }

    def _value(self, owner: str, spell_key: str, name: str, ciphertext: bytes) -> str:
        of_spell, of_name, value = parse_json(self._vault.decrypt(owner, ciphertext))
        if (of_spell, of_name) != (spell_key, name):
            raise ValueError(f"the secret {name} of {spell_key} was set as another one")
        return str(value)


async def _check_own(connection: AsyncConnection, account_id: str, spell_key: str) -> None:
    own = {"key": spell_key, "account_id": account_id}
    if (await connection.execute(_OWN_SPELL, own)).first() is None:
        raise _no_such_spell(spell_key)


async def _check_count(connection: AsyncConnection, spell_key: str, name: str) -> None:
    others = (
        await connection.execute(_COUNT_OTHERS, {"key": spell_key, "name": name})
    ).scalar_one()
    if others >= SECRETS_PER_SPELL_MAX:
        message = f"A spell has at most {SECRETS_PER_SPELL_MAX} secrets: remove one first."
        raise SpellError("VALIDATION_ERROR", message, details={"secrets": others})


def _no_such_spell(spell_key: str) -> SpellError:
    return SpellError(
        "SPELL_NOT_FOUND",
        "You have no spell of this key. Secrets belong to a published spell: publish its first "
        "version, then set them.",
        details={"spell": spell_key},
    )

"""Who may sign makers' packages, in Postgres. Fits the port `SigningIdentities`, serves the API."""

from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.postgres import Database, row_dict
from infra.repositories.supply_chain_log import append_entry
from schema.contracts.signing_identity import Origin, SigningIdentity
from schema.contracts.supply_chain import IdentityRule
from schema.contracts.supply_chain_log import DeedKind, LogEntry
from schema.errors import SpellError
from schema.ids import new_signing_identity_id
from schema.limits import SIGNING_IDENTITIES_MAX

# Nobody else changes or pins the account's rules meanwhile; casts and holds go on.
_LOCK_ACCOUNT = text("SELECT id FROM accounts WHERE id = :account_id FOR NO KEY UPDATE")
_COLUMNS = "id, spell_key, issuer, identity, repository, ref, origin, created_at"
_IN_FORCE = text(
    f"SELECT {_COLUMNS} FROM signing_identities"  # noqa: S608 - names of columns
    " WHERE account_id = :account_id AND (spell_key IS NULL OR spell_key = :spell_key)"
    " ORDER BY created_at, id"
)
_ALL = text(
    f"SELECT {_COLUMNS} FROM signing_identities"  # noqa: S608
    " WHERE account_id = :account_id ORDER BY spell_key NULLS FIRST, created_at, id"
)
_COUNT_ALLOWED = text(
    "SELECT count(*) FROM signing_identities WHERE account_id = :account_id AND origin = 'allowed'"
)
# A rule that is pinned already, and is now allowed too, is the maker's own from now on.
_ADD = text(
    "INSERT INTO signing_identities"  # noqa: S608
    " (id, account_id, spell_key, issuer, identity, repository, ref, origin)"
    " VALUES (:id, :account_id, :spell_key, :issuer, :identity, :repository, :ref, :origin)"
    " ON CONFLICT (account_id, spell_key, issuer, identity, repository, ref)"
    f" DO UPDATE SET origin = excluded.origin RETURNING {_COLUMNS}"
)
_REMOVE = text(
    "DELETE FROM signing_identities"  # noqa: S608
    " WHERE account_id = :account_id AND id = :id"
    f" RETURNING {_COLUMNS}"
)


class PostgresSigningIdentities:
    """The rules on who may sign; a maker without any is trusted on first use."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def allowed(self, account_id: str, spell_key: str) -> list[IdentityRule]:
        """Who may sign this spell: the account's rules and the spell's own; nobody set: empty."""
        async with self._database.reading() as connection:
            return await _in_force(connection, account_id, spell_key)

    async def pin(self, account_id: str, spell_key: str, rule: IdentityRule) -> list[IdentityRule]:
        """Trust on first use: make this the spell's rule, unless there is one already.

        Returns:
            The rules in force now. Another first signer may have come before: whoever publishes
            must still fit these.
        """
        async with self._database.transaction() as connection:
            return await pin_identity(connection, account_id, spell_key, rule)

    async def summaries(self, account_id: str) -> list[SigningIdentity]:
        """All rules of the account: those for every spell first, then by spell."""
        async with self._database.reading() as connection:
            rows = await connection.execute(_ALL, {"account_id": account_id})
            return [_summary(row) for row in rows]

    async def allow(
        self, account_id: str, spell_key: str | None, rule: IdentityRule
    ) -> SigningIdentity:
        """Let somebody sign; the same rule again stays the one that it is.

        Raises:
            SpellError: VALIDATION_ERROR, the account has too many rules.
        """
        async with self._database.transaction() as connection:
            await connection.execute(_LOCK_ACCOUNT, {"account_id": account_id})
            row = _row(account_id, spell_key, rule, Origin.ALLOWED)
            made = _summary((await connection.execute(_ADD, row)).one())
            await _check_count(connection, account_id)
            await _log(connection, account_id, DeedKind.IDENTITY_ALLOWED, made)
            return made

    async def remove(self, account_id: str, identity_id: str) -> None:
        """Let somebody sign no more. Without any rule, the next signer is trusted on first use.

        Raises:
            SpellError: SIGNING_IDENTITY_NOT_FOUND.
        """
        async with self._database.transaction() as connection:
            row = {"account_id": account_id, "id": identity_id}
            removed = (await connection.execute(_REMOVE, row)).one_or_none()
            if removed is None:
                raise SpellError("SIGNING_IDENTITY_NOT_FOUND", details={"id": identity_id})
            await _log(connection, account_id, DeedKind.IDENTITY_REMOVED, _summary(removed))


async def pin_identity(
    connection: AsyncConnection, account_id: str, spell_key: str, rule: IdentityRule
) -> list[IdentityRule]:
    """Trust on first use, in the transaction of what is used; the rules in force then."""
    await connection.execute(_LOCK_ACCOUNT, {"account_id": account_id})
    found = await _in_force(connection, account_id, spell_key)
    if found:
        return found
    row = _row(account_id, spell_key, rule, Origin.PINNED)
    pinned = _summary((await connection.execute(_ADD, row)).one())
    await _log(connection, account_id, DeedKind.IDENTITY_ALLOWED, pinned)
    return [rule]


async def _in_force(
    connection: AsyncConnection, account_id: str, spell_key: str
) -> list[IdentityRule]:
    rows = await connection.execute(_IN_FORCE, {"account_id": account_id, "spell_key": spell_key})
    return [_summary(row).rule for row in rows]


async def _check_count(connection: AsyncConnection, account_id: str) -> None:
    count = (await connection.execute(_COUNT_ALLOWED, {"account_id": account_id})).scalar_one()
    if count > SIGNING_IDENTITIES_MAX:
        message = f"An account has at most {SIGNING_IDENTITIES_MAX} rules: remove one first."
        raise SpellError("VALIDATION_ERROR", message, details={"identities": count - 1})


async def _log(
    connection: AsyncConnection, account_id: str, kind: DeedKind, identity: SigningIdentity
) -> None:
    """Write down who may sign from now on; a rule that is allowed again is no new deed."""
    entry = LogEntry(
        reference=f"{kind.value}:{identity.id}:{identity.origin.value}",
        kind=kind,
        actor=account_id,
        spell_key=identity.spell_key,
        details={"origin": identity.origin.value, "rule": identity.rule.model_dump(mode="json")},
    )
    await append_entry(connection, entry)


def _row(
    account_id: str, spell_key: str | None, rule: IdentityRule, origin: Origin
) -> dict[str, str | None]:
    owner = {"id": new_signing_identity_id(), "account_id": account_id, "spell_key": spell_key}
    return {**owner, **rule.model_dump(), "origin": origin.value}


def _summary(row: Any) -> SigningIdentity:
    members = row_dict(row)
    rule = {name: members.pop(name) for name in IdentityRule.model_fields}
    return SigningIdentity(rule=IdentityRule(**rule), **members)

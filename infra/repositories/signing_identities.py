"""Who may sign a maker's packages, in Postgres. Fits the port `SigningIdentities`."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.postgres import Database, as_jsonb
from schema.contracts.supply_chain import IdentityRule, Signer
from schema.supply_chain.identities import rule_of

# A pin says who signed first. Once the maker states rules, those count, and the pin does not.
_ALLOWED = text(
    "SELECT rule, source FROM signing_identities WHERE account_id = :account_id"
    " AND (spell_key IS NULL OR spell_key = :spell_key) AND removed_at IS NULL ORDER BY id"
)
_PIN = text(
    "INSERT INTO signing_identities (account_id, spell_key, rule, source)"
    " SELECT :account_id, :spell_key, CAST(:rule AS jsonb), 'pinned' WHERE NOT EXISTS ("
    "  SELECT FROM signing_identities WHERE account_id = :account_id AND removed_at IS NULL"
    "  AND (spell_key IS NULL OR spell_key = :spell_key)) ON CONFLICT DO NOTHING"
)


class PostgresSigningIdentities:
    """The rules on signers that makers state, and the signers pinned on first use."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def allowed(self, account_id: str, spell_key: str) -> list[IdentityRule]:
        """The maker's rules for this spell and for all; the pinned signer while there are none."""
        async with self._database.reading() as connection:
            parameters = {"account_id": account_id, "spell_key": spell_key}
            rows = list(await connection.execute(_ALLOWED, parameters))
        stated = [row for row in rows if row.source == "maker"]
        return [IdentityRule.model_validate(row.rule) for row in stated or rows]


async def pin_signer(
    connection: AsyncConnection, account_id: str, spell_key: str, signer: Signer
) -> None:
    """Trust this signer from now on, unless somebody is trusted already; in a transaction."""
    rule = as_jsonb(rule_of(signer).model_dump(exclude_none=True))
    await connection.execute(_PIN, {"account_id": account_id, "spell_key": spell_key, "rule": rule})

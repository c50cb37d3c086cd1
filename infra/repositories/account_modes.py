"""Which modes an account lets its own casts take, in Postgres. Fits the API's port `ModeRules`."""

from sqlalchemy import text

from infra.postgres import Database
from schema.contracts.modes import AccountModes
from schema.contracts.plans import Mode
from schema.mode_choice import ModePolicy, rights_of

_FIND = text("SELECT modes FROM account_modes WHERE account_id = :account_id")
_RESTRICT = text(
    "INSERT INTO account_modes (account_id, modes) VALUES (:account_id, :modes)"
    " ON CONFLICT (account_id) DO UPDATE SET modes = excluded.modes, updated_at = now()"
)
_LIFT = text("DELETE FROM account_modes WHERE account_id = :account_id")


class PostgresAccountModes:
    """Restrictions that accounts set for themselves, within what the installation allows.

    Args:
        database: hands out transactions.
        policy: what the installation allows, and is set up for.
    """

    def __init__(self, database: Database, policy: ModePolicy) -> None:
        self._database = database
        self._policy = policy

    async def modes(self, account_id: str) -> AccountModes:
        """What the account may do with each mode."""
        async with self._database.reading() as connection:
            found = (await connection.execute(_FIND, {"account_id": account_id})).first()
        own = None if found is None else [Mode(mode) for mode in found.modes]
        return AccountModes(modes=rights_of(self._policy, own), restricted_to=own)

    async def restrict(self, account_id: str, modes: list[Mode]) -> None:
        """Let the account's casts take these modes only, from the next admission on."""
        row = {"account_id": account_id, "modes": [mode.value for mode in modes]}
        async with self._database.transaction() as connection:
            await connection.execute(_RESTRICT, row)

    async def lift(self, account_id: str) -> None:
        """Take the account's own restriction away; harmless when there is none."""
        async with self._database.transaction() as connection:
            await connection.execute(_LIFT, {"account_id": account_id})

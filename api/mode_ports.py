"""The role that the routes of an account's modes need played."""

from typing import Protocol

from schema.contracts.modes import AccountModes
from schema.contracts.plans import Mode


class ModeRules(Protocol):
    """Which modes accounts may use."""

    async def modes(self, account_id: str) -> AccountModes:
        """What the account may do with each mode."""

    async def restrict(self, account_id: str, modes: list[Mode]) -> None:
        """Let the account's casts take these modes only, from the next admission on."""

    async def lift(self, account_id: str) -> None:
        """Take the account's own restriction away; harmless when there is none."""

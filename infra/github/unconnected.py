"""Accounts before any of them can be connected with a GitHub user."""

from schema.errors import SpellError


class UnconnectedAccounts:
    """Nobody may push anywhere. Fits the port `RepositoryRights`."""

    async def may_push(self, account_id: str, repo: str) -> bool:
        """Raises SpellError: GITHUB_NOT_CONNECTED, always."""
        del account_id
        raise SpellError("GITHUB_NOT_CONNECTED", details={"repo": repo})

"""GitHub users where accounts cannot be connected with theirs. Fits `RepositoryRights`."""

from schema.errors import SpellError


class NobodyConnected:
    """Knows nobody's GitHub user."""

    async def may_push(self, account_id: str, repo: str) -> bool:
        """Raises SpellError: GITHUB_NOT_CONNECTED."""
        details = {"account_id": account_id, "repo": repo}
        raise SpellError("GITHUB_NOT_CONNECTED", details=details)

"""GitHub users where accounts cannot be connected with theirs."""

from schema.errors import SpellError


class NobodyConnected:
    """Knows nobody's authorisation."""

    async def user_token(self, account_id: str) -> str:
        """Raises SpellError: GITHUB_NOT_CONNECTED."""
        raise SpellError("GITHUB_NOT_CONNECTED", details={"account_id": account_id})

    async def may_push(self, account_id: str, repo: str) -> bool:
        """Raises SpellError: GITHUB_NOT_CONNECTED."""
        del repo
        raise SpellError("GITHUB_NOT_CONNECTED", details={"account_id": account_id})


class NoApp:
    """GitHub where the installation has no App. Fits `WorkflowSources`."""

    def workflow_source(self, repo: str, workflow: str, ref: str) -> bytes:
        """Raises SpellError: MODE_UNAVAILABLE."""
        del workflow, ref
        raise SpellError("MODE_UNAVAILABLE", details={"repo": repo})

"""GitHub users where accounts cannot be connected with theirs. Fits the port `BuyerTokens`."""

from schema.errors import SpellError


class NobodyConnected:
    """Knows nobody's authorisation."""

    async def user_token(self, account_id: str) -> str:
        """Raises SpellError: GITHUB_NOT_CONNECTED."""
        raise SpellError("GITHUB_NOT_CONNECTED", details={"account_id": account_id})

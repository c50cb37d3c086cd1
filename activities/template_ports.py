"""The roles that making a buyer's copy needs played: GitHub, and the buyer's authorisation."""

from datetime import datetime
from typing import Protocol

from schema.contracts.purchases import GeneratedRepository, PurchaseOrder


class BuyerTokens(Protocol):
    """The GitHub users that accounts are connected with; a part of `GitHubUsers`."""

    async def user_token(self, account_id: str) -> str:
        """A user access token. Raises SpellError: GITHUB_NOT_CONNECTED, SERVICE_UNAVAILABLE."""


class TemplateHost(Protocol):
    """Where templates are, and copies go. Calls block, so they are made in threads."""

    def check(self, token: str, template: str, repository: str) -> None:
        """Make sure that the copy could be made now.

        Raises SpellError: FORBIDDEN_REPO, REPOSITORY_EXISTS.
        """

    def find(
        self, token: str, order: PurchaseOrder, intended_at: datetime
    ) -> GeneratedRepository | None:
        """The copy, if it is one of this template made since; None when there is none.

        Raises SpellError: REPOSITORY_EXISTS, something else has its name.
        """

    def generate(self, token: str, order: PurchaseOrder) -> GeneratedRepository | None:
        """Make the copy. None: nobody said what became of it, so look before asking again.

        Raises SpellError: GENERATION_FAILED, SERVICE_UNAVAILABLE, RATE_LIMITED: nothing was made.
        """

    def open_setup_pull_request(
        self, token: str, order: PurchaseOrder, repository: GeneratedRepository
    ) -> str:
        """Open the first pull request, or find it; its page. May be repeated."""

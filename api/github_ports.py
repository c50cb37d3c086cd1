"""The role that routes about an account's GitHub user need played."""

from typing import Protocol

from schema.contracts.github_users import (
    AppInstallation,
    DeviceCode,
    Disconnected,
    GitHubStatus,
)


class GitHubConnections(Protocol):
    """The connections of accounts with their GitHub users."""

    async def begin(self, account_id: str) -> DeviceCode:
        """A code for a person to confirm.

        Raises SpellError: MODE_UNAVAILABLE, SERVICE_UNAVAILABLE, RATE_LIMITED.
        """

    async def status(self, account_id: str) -> GitHubStatus:
        """Whom the account is connected with, and the code that waits."""

    async def complete(self, account_id: str) -> GitHubStatus:
        """What came of the code; with `pending`, nothing yet.

        Raises SpellError: GITHUB_CODE_EXPIRED, GITHUB_CODE_DENIED, GITHUB_USER_TAKEN; as `begin`.
        """

    async def disconnect(self, account_id: str) -> Disconnected:
        """Forget the user, and end what they granted."""


class GitHubUsers(Protocol):
    """The GitHub users whom accounts are connected with."""

    async def installations(self, account_id: str) -> list[AppInstallation]:
        """Where the platform's App is installed that the user can see.

        Raises SpellError: GITHUB_NOT_CONNECTED, MODE_UNAVAILABLE, SERVICE_UNAVAILABLE,
        RATE_LIMITED.
        """

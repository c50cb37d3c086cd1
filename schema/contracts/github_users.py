"""The GitHub user whom an account is connected with, and the code that leads there."""

from datetime import datetime

from schema.contracts.base import Contract


class DeviceCode(Contract):
    """What a person enters on GitHub's page to connect their user."""

    verification_uri: str
    """Where to enter it."""
    user_code: str
    interval_seconds: int
    """How long to wait between two looks at least."""
    expires_at: datetime


class ConnectedUser(Contract):
    """The GitHub user whom an account is connected with."""

    user_id: int
    """GitHub's id, which stays when the user is renamed."""
    login: str
    """As it was when they were connected."""
    connected_at: datetime
    expires_at: datetime | None
    """When the connection ends unless it is used before; None: it does not by itself."""


class GitHubStatus(Contract):
    """How an account and GitHub stand."""

    connected: ConnectedUser | None
    pending: DeviceCode | None
    """A code that nobody has confirmed yet."""


class AppInstallation(Contract):
    """Where the platform's GitHub App is installed, as far as the user may know of it."""

    owner: str
    """The user or organisation."""
    permissions: dict[str, str]
    """What the App may do there, such as `actions: write`; for the user, as far as they may."""
    every_repository: bool
    """Whether on all repositories of the owner, or on chosen ones."""
    suspended: bool


class Disconnected(Contract):
    """What came of taking a connection back."""

    was_connected: bool
    revoked: bool
    """Whether GitHub said that the App may do nothing more for the user."""

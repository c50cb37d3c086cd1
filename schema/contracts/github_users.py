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


class Disconnected(Contract):
    """What came of taking a connection back."""

    was_connected: bool
    revoked: bool
    """Whether GitHub said that the App may do nothing more for the user."""

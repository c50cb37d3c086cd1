"""The GitHub users of accounts, over one platform's connections and settings."""

from infra.github.connecting import GitHubConnecting
from infra.github.connections import ConnectedUsers
from infra.github.sign_in import GitHubSignIn
from infra.platform import Platform
from infra.repositories.github_connections import PostgresGitHubConnections
from infra.repositories.github_device_codes import PostgresGitHubDeviceCodes
from infra.settings import PlatformSettings


def connected_users_of(platform: Platform) -> ConnectedUsers:
    """What acts as the users of accounts. Without a GitHub App it says that there is none."""
    return ConnectedUsers(
        PostgresGitHubConnections(platform.database, platform.vault),
        _sign_in_of(platform.settings),
        platform.settings.github_api_url,
    )


def connecting_of(platform: Platform) -> GitHubConnecting:
    """What connects accounts. Without a GitHub App it says that there is none."""
    return GitHubConnecting(
        PostgresGitHubConnections(platform.database, platform.vault),
        PostgresGitHubDeviceCodes(platform.database, platform.vault),
        _sign_in_of(platform.settings),
        platform.settings.github_api_url,
    )


def _sign_in_of(settings: PlatformSettings) -> GitHubSignIn | None:
    if not settings.github_client_id:
        return None
    secret = settings.github_client_secret
    return GitHubSignIn(
        pages_url=settings.github_url,
        api_url=settings.github_api_url,
        client_id=settings.github_client_id,
        client_secret=None if secret is None else secret.get_secret_value(),
    )

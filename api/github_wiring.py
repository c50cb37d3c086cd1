"""What of the API process serves GitHub Actions: its deliveries, and the inputs of its runs."""

from api.github_inbox import GitHubInbox
from infra.platform import Platform
from infra.repositories.actions_runs import PostgresActionsRuns
from infra.repositories.github_deliveries import PostgresGitHubDeliveries
from infra.repositories.run_inputs import StoredRunInputs
from infra.temporal_actions import TemporalActions


def github_inbox_of(platform: Platform) -> GitHubInbox:
    """What takes GitHub's deliveries on this installation."""
    secret = platform.settings.github_webhook_secret
    return GitHubInbox(
        PostgresGitHubDeliveries(platform.database),
        PostgresActionsRuns(platform.database),
        TemporalActions(platform.temporal),
        None if secret is None else secret.get_secret_value(),
    )


def run_inputs_of(platform: Platform) -> StoredRunInputs:
    """The addresses behind which runs find their inputs."""
    settings = platform.settings
    return StoredRunInputs(platform.database, platform.blobs, platform.vault, settings.public_url)

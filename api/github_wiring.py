"""What of the API has to do with GitHub: its deliveries, and inputs on their way to it."""

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
    """What gives inputs out, once."""
    return StoredRunInputs(
        platform.database, platform.blobs, platform.vault, platform.settings.public_url
    )

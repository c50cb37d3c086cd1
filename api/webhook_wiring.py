"""What of the API has webhooks delivered at once."""

from infra.platform import Platform
from infra.repositories.webhook_deliveries import PostgresWebhookDeliveries
from infra.temporal_webhooks import PromptWebhooks, TemporalWebhooks


def prompt_webhooks_of(platform: Platform) -> PromptWebhooks:
    """What starts the deliveries that wait."""
    return PromptWebhooks(
        PostgresWebhookDeliveries(platform.database, platform.vault),
        TemporalWebhooks(platform.temporal),
    )

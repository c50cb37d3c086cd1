"""The queue of webhooks: many slow receivers, none of which holds up another."""

import ssl
from datetime import timedelta

import certifi
from temporalio.worker import Worker

from activities.webhooks import WebhookActivities
from infra.platform import Platform
from infra.repositories.webhook_deliveries import PostgresWebhookDeliveries
from infra.settings import PlatformSettings
from infra.temporal_webhooks import TemporalWebhooks
from infra.webhooks.sender import WebhookSender
from schema.names import WEBHOOKS_TASK_QUEUE
from workflows.deliver_webhook import DeliverWebhook
from workflows.relay_webhooks import RelayWebhooks


def webhooks_worker(platform: Platform, grace: timedelta) -> Worker:
    """The worker of webhooks; arguments as `casts_worker`."""
    settings = platform.settings
    webhooks = WebhookActivities(
        PostgresWebhookDeliveries(platform.database, platform.vault),
        TemporalWebhooks(platform.temporal),
        WebhookSender(
            platform.vault,
            settings.public_url,
            allow_loopback=settings.webhook_loopback,
            tls=_authorities(settings),
        ),
    )
    return Worker(
        platform.temporal,
        task_queue=WEBHOOKS_TASK_QUEUE,
        workflows=[DeliverWebhook, RelayWebhooks],
        activities=[webhooks.relay, webhooks.attempt, webhooks.bury],
        # Most of their time they wait for answers.
        max_concurrent_activities=500,
        graceful_shutdown_timeout=grace,
    )


def _authorities(settings: PlatformSettings) -> ssl.SSLContext:
    """What receivers are verified against: the public authorities, and the operator's own."""
    context = ssl.create_default_context(cafile=certifi.where())
    if settings.webhook_ca_file is not None:
        context.load_verify_locations(cafile=settings.webhook_ca_file)
    return context

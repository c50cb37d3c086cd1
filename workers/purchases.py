"""The queue of purchases."""

from datetime import timedelta

from temporalio.worker import Worker

from activities.github_threads import GitHubThreads
from activities.inbox import InboxActivities
from activities.paying import PayingActivities
from activities.purchasing import PurchasingActivities
from activities.recovering import RecoveringActivities
from activities.supply_chain.deciding import Deciding
from activities.template_ports import BuyerTokens, TemplateHost
from infra.github.app import GitHubApp
from infra.github.templates import GitHubTemplates
from infra.platform import Platform, checkout_of
from infra.repositories.castable_versions import CastableVersions
from infra.repositories.purchase_money import PostgresPayments
from infra.repositories.purchases import PostgresPurchases
from infra.repositories.stripe_events import PostgresStripeEvents
from infra.settings import PlatformSettings
from infra.temporal_purchases import TemporalPurchases
from infra.temporal_states import TemporalWorkflowStates
from schema.names import PURCHASES_TASK_QUEUE
from workflows.purchase_clone import PurchaseClone
from workflows.reconcile_purchases import ReconcilePurchases
from workflows.relay_stripe_events import RelayStripeEvents
from workflows.return_late_payment import ReturnLatePayment


def purchases_worker(
    platform: Platform, deciding: Deciding, tokens: BuyerTokens, grace: timedelta
) -> Worker:
    """The worker of purchases.

    Args:
        platform: open connections and settings.
        deciding: verdicts on what is bought.
        tokens: the buyers' authorisations on GitHub.
        grace: how long it may finish what it does when it is stopped.
    """
    database, settings = platform.database, platform.settings
    records = PostgresPurchases(database, fee_basis_points=settings.platform_fee_basis_points)
    purchasing = PurchasingActivities(
        records,
        CastableVersions(database, deciding, settings.mode_policy),
        template_host_of(settings),
        tokens,
        GitHubThreads(),
    )
    paying = PayingActivities(PostgresPayments(database), checkout_of(settings))
    recovering = RecoveringActivities(records, TemporalWorkflowStates(platform.temporal))
    events = InboxActivities(PostgresStripeEvents(database), TemporalPurchases(platform.temporal))
    return Worker(
        platform.temporal,
        task_queue=PURCHASES_TASK_QUEUE,
        workflows=[PurchaseClone, ReturnLatePayment, ReconcilePurchases, RelayStripeEvents],
        activities=[
            purchasing.check,
            purchasing.refuse,
            purchasing.open,
            purchasing.generate,
            purchasing.set_up,
            purchasing.grant,
            purchasing.end,
            paying.open,
            paying.look,
            paying.close,
            paying.give_back,
            recovering.find_orphans,
            events.relay,
        ],
        graceful_shutdown_timeout=grace,
    )


def template_host_of(settings: PlatformSettings) -> TemplateHost | None:
    """GitHub, where templates are; None where there is no App."""
    if not settings.github_app_id or settings.github_app_key is None:
        return None
    return GitHubTemplates(
        GitHubApp(
            api_url=settings.github_api_url,
            pages_url=settings.github_url,
            app_id=settings.github_app_id,
            slug=settings.github_app_slug,
            key=settings.github_app_key.get_secret_value(),
        )
    )

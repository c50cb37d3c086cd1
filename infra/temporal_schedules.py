"""Temporal Schedules, created by code and safe to create again."""

from datetime import timedelta
from typing import Any

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
)

from infra.temporal_aftercare import RESCAN_ID, RESCAN_WORKFLOW
from schema.contracts.aftercare import RescanInput
from schema.names import (
    CASTS_TASK_QUEUE,
    GITHUB_TASK_QUEUE,
    PURCHASES_TASK_QUEUE,
    SUPPLY_CHAIN_TASK_QUEUE,
    WEBHOOKS_TASK_QUEUE,
)

# By name: `workflows` is a sibling that infra does not import; a test checks that names agree.
RECONCILE_WORKFLOW = "reconcile_holds"
RECONCILE_PURCHASES_WORKFLOW = "reconcile_purchases"
RELAY_WORKFLOW = "relay_notifications"
RELAY_WEBHOOKS_WORKFLOW = "relay_webhooks"
SEAL_LEDGER_WORKFLOW = "seal_ledger"
RELAY_STRIPE_WORKFLOW = "relay_stripe_events"
TIDY_WORKFLOW = "tidy_publishing"
TIDY_ACTIONS_WORKFLOW = "tidy_actions"
TIDY_ARTIFACTS_WORKFLOW = "tidy_artifacts"
RECONCILE_SCHEDULE = "reconcile-holds"
RECONCILE_PURCHASES_SCHEDULE = "reconcile-purchases"
RELAY_SCHEDULE = "relay-notifications"
RELAY_WEBHOOKS_SCHEDULE = "relay-webhooks"
SEAL_LEDGER_SCHEDULE = "seal-ledger"
RELAY_STRIPE_SCHEDULE = "relay-stripe-events"
TIDY_SCHEDULE = "tidy-publishing"
TIDY_ACTIONS_SCHEDULE = "tidy-actions"
TIDY_ARTIFACTS_SCHEDULE = "tidy-artifacts"
RESCAN_SCHEDULE = "rescan-versions"
RECONCILE_EVERY = timedelta(minutes=1)
RECONCILE_PURCHASES_EVERY = timedelta(minutes=5)
RELAY_EVERY = timedelta(minutes=1)
SEAL_LEDGER_EVERY = timedelta(minutes=1)
TIDY_EVERY = timedelta(minutes=5)
TIDY_ACTIONS_EVERY = timedelta(hours=1)
TIDY_ARTIFACTS_EVERY = timedelta(hours=1)
RESCAN_EVERY = timedelta(days=1)
# Not at midnight UTC, when everybody asks the sources of advisories.
RESCAN_OFFSET = timedelta(hours=3, minutes=17)


async def ensure_schedules(client: Client) -> None:
    """Create the schedules that are missing; those that are there stay as operators left them."""
    casts, supply_chain = CASTS_TASK_QUEUE, SUPPLY_CHAIN_TASK_QUEUE
    reconcile = ScheduleActionStartWorkflow(
        RECONCILE_WORKFLOW, id=RECONCILE_SCHEDULE, task_queue=casts
    )
    reconcile_purchases = ScheduleActionStartWorkflow(
        RECONCILE_PURCHASES_WORKFLOW,
        id=RECONCILE_PURCHASES_SCHEDULE,
        task_queue=PURCHASES_TASK_QUEUE,
    )
    relay = ScheduleActionStartWorkflow(RELAY_WORKFLOW, id=RELAY_SCHEDULE, task_queue=supply_chain)
    relay_webhooks = ScheduleActionStartWorkflow(
        RELAY_WEBHOOKS_WORKFLOW, id=RELAY_WEBHOOKS_SCHEDULE, task_queue=WEBHOOKS_TASK_QUEUE
    )
    seal_ledger = ScheduleActionStartWorkflow(
        SEAL_LEDGER_WORKFLOW, id=SEAL_LEDGER_SCHEDULE, task_queue=casts
    )
    relay_stripe = ScheduleActionStartWorkflow(
        RELAY_STRIPE_WORKFLOW, id=RELAY_STRIPE_SCHEDULE, task_queue=PURCHASES_TASK_QUEUE
    )
    tidy = ScheduleActionStartWorkflow(TIDY_WORKFLOW, id=TIDY_SCHEDULE, task_queue=supply_chain)
    tidy_actions = ScheduleActionStartWorkflow(
        TIDY_ACTIONS_WORKFLOW, id=TIDY_ACTIONS_SCHEDULE, task_queue=GITHUB_TASK_QUEUE
    )
    tidy_artifacts = ScheduleActionStartWorkflow(
        TIDY_ARTIFACTS_WORKFLOW, id=TIDY_ARTIFACTS_SCHEDULE, task_queue=casts
    )
    rescan = ScheduleActionStartWorkflow(
        RESCAN_WORKFLOW, RescanInput(), id=RESCAN_ID, task_queue=supply_chain
    )
    await _ensure(client, RECONCILE_SCHEDULE, reconcile, RECONCILE_EVERY)
    await _ensure(
        client, RECONCILE_PURCHASES_SCHEDULE, reconcile_purchases, RECONCILE_PURCHASES_EVERY
    )
    await _ensure(client, RELAY_SCHEDULE, relay, RELAY_EVERY)
    await _ensure(client, RELAY_WEBHOOKS_SCHEDULE, relay_webhooks, RELAY_EVERY)
    await _ensure(client, SEAL_LEDGER_SCHEDULE, seal_ledger, SEAL_LEDGER_EVERY, one_waits=True)
    await _ensure(client, RELAY_STRIPE_SCHEDULE, relay_stripe, RELAY_EVERY)
    await _ensure(client, TIDY_SCHEDULE, tidy, TIDY_EVERY)
    await _ensure(client, TIDY_ACTIONS_SCHEDULE, tidy_actions, TIDY_ACTIONS_EVERY)
    await _ensure(client, TIDY_ARTIFACTS_SCHEDULE, tidy_artifacts, TIDY_ARTIFACTS_EVERY)
    await _ensure(client, RESCAN_SCHEDULE, rescan, RESCAN_EVERY, RESCAN_OFFSET)


async def _ensure(
    client: Client,
    name: str,
    action: Any,
    every: timedelta,
    offset: timedelta | None = None,
    *,
    one_waits: bool = False,
) -> None:
    """Create a schedule; `one_waits`: begin at once, and again whenever the last run has ended."""
    overlap = ScheduleOverlapPolicy.BUFFER_ONE if one_waits else ScheduleOverlapPolicy.SKIP
    schedule = Schedule(
        action=action,
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=every, offset=offset)]),
        policy=SchedulePolicy(overlap=overlap),
    )
    try:
        await client.create_schedule(name, schedule, trigger_immediately=one_waits)
    except ScheduleAlreadyRunningError:
        return

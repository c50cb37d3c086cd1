"""Temporal Schedules, created by code and safe to create again."""

from datetime import timedelta

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

from schema.names import CASTS_TASK_QUEUE

# By name: `workflows` is a sibling that infra does not import; a test checks that names agree.
RECONCILE_WORKFLOW = "reconcile_holds"
RECONCILE_SCHEDULE = "reconcile-holds"
RECONCILE_EVERY = timedelta(minutes=1)


async def ensure_schedules(client: Client) -> None:
    """Create the schedules that are missing; those that are there stay as operators left them."""
    reconcile = Schedule(
        action=ScheduleActionStartWorkflow(
            RECONCILE_WORKFLOW, id=RECONCILE_SCHEDULE, task_queue=CASTS_TASK_QUEUE
        ),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=RECONCILE_EVERY)]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP),
    )
    try:
        await client.create_schedule(RECONCILE_SCHEDULE, reconcile)
    except ScheduleAlreadyRunningError:
        return

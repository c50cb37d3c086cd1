"""Goal: one cast for one time, and a wait as long as it. Method: time skips, casts are scripted."""

from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from schema.contracts.schedules import Overlap, PauseReason, ScheduleRun
from tests.support.scheduling import ScriptedScheduling


async def test_a_time_stays_open_as_long_as_its_cast(fresh: WorkflowEnvironment) -> None:
    """Six hours of looks that come to be a minute apart."""
    scheduling = ScriptedScheduling(looks=360)
    handle = await scheduling.run(fresh.client)
    described = await handle.describe()
    assert described.close_time is not None
    took = described.close_time - described.start_time
    assert took.total_seconds() > 5.8 * 3600
    assert len(scheduling.started) == 1


async def test_where_casts_may_overlap_nobody_waits(client: Client) -> None:
    scheduling = ScriptedScheduling(looks=1000, overlap=Overlap.ALLOW_ALL)
    await scheduling.run(client)
    assert scheduling.looks == 1000
    assert len(scheduling.started) == 1


async def test_an_answer_that_is_lost_is_found_and_nothing_is_cast_twice(client: Client) -> None:
    scheduling = ScriptedScheduling(troubles=["SERVICE_UNAVAILABLE"])
    result: ScheduleRun = await (await scheduling.run(client)).result()
    assert [result.cast_id] == list(scheduling.started)
    assert [run.cast_id for run in scheduling.runs] == [result.cast_id]


async def test_a_refusal_is_recorded_and_not_waited_for(client: Client) -> None:
    scheduling = ScriptedScheduling(refusal="PAYMENT_REQUIRED", looks=1000)
    await scheduling.run(client)
    (run,) = scheduling.runs
    assert run.problem is not None
    assert run.problem.code == "PAYMENT_REQUIRED"
    assert scheduling.looks == 1000
    assert scheduling.paused == []


async def test_a_key_that_is_not_live_casts_nothing_and_pauses(client: Client) -> None:
    scheduling = ScriptedScheduling(key_is_live=False)
    await scheduling.run(client)
    assert scheduling.started == {}
    assert scheduling.paused == [PauseReason.KEY_NOT_LIVE]


async def test_a_schedule_that_is_gone_casts_nothing(client: Client) -> None:
    scheduling = ScriptedScheduling(gone=True)
    await scheduling.run(client)
    assert (scheduling.started, scheduling.runs) == ({}, [])

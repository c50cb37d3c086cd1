"""Schedules whose time has come, without a platform: what is cast is scripted."""

import secrets
from dataclasses import dataclass, field
from typing import Any, cast

from temporalio.client import Client, WorkflowHandle
from temporalio.worker import Worker

from activities.scheduling import SchedulingActivities
from infra.postgres import Database
from schema.contracts.cast import Admission, CastInput, CastStatus
from schema.contracts.problem import Problem
from schema.contracts.schedules import (
    DueSchedule,
    Overlap,
    PauseReason,
    ScheduledSpell,
    ScheduleRef,
    ScheduleRun,
)
from schema.contracts.views import CastView
from schema.errors import SpellError
from schema.ids import new_account_id, new_api_key_id, schedule_id_for, schedule_workflow_id
from workflows.cast_on_schedule import CastOnSchedule

Handle = WorkflowHandle[Any, Any]


@dataclass
class ScriptedScheduling:
    """Plays every port of `SchedulingActivities`.

    Attributes:
        looks: how often a cast is found running before it has ended.
        refusal: why casts are refused; None admits them.
        troubles: codes that the first attempts fail with, after the cast was started.
        gone: the schedule was deleted.
    """

    looks: int = 0
    refusal: str | None = None
    troubles: list[str] = field(default_factory=list)
    gone: bool = False
    key_is_live: bool = True
    overlap: Overlap = Overlap.SKIP
    started: dict[str, Admission] = field(default_factory=dict)
    runs: list[ScheduleRun] = field(default_factory=list)
    paused: list[PauseReason] = field(default_factory=list)
    account_id: str = field(default_factory=new_account_id)

    @property
    def schedule_id(self) -> str:
        return schedule_id_for(self.account_id, b"s" * 32, "key")

    async def due(self, schedule_id: str) -> DueSchedule | None:
        if self.gone:
            return None
        return DueSchedule(
            schedule_id=schedule_id,
            account_id=self.account_id,
            api_key_id=new_api_key_id(),
            key_is_live=self.key_is_live,
            cast_secret=b"s" * 32,
            spell=ScheduledSpell(spell_key="com.example.any"),
            overlap=self.overlap,
            inputs_json="{}",
        )

    async def record(
        self, run: ScheduleRun, pause: PauseReason | None = None
    ) -> PauseReason | None:
        self.runs.append(run)
        return pause

    async def pause(self, schedule_id: str, reason: PauseReason) -> None:
        assert schedule_id == self.schedule_id
        self.paused.append(reason)

    async def admission(self, cast_id: str) -> tuple[str, Admission] | None:
        found = self.started.get(cast_id)
        return None if found is None else ("f" * 26, found)

    async def check(self, account_id: str) -> None:
        assert account_id == self.account_id

    async def admit(self, request: CastInput) -> Admission:
        problem = None if self.refusal is None else Problem.of(SpellError(self.refusal))
        admission = Admission(cast_id=request.cast_id, problem=problem)
        self.started[request.cast_id] = admission
        if self.troubles:
            raise SpellError(self.troubles.pop(0))
        return admission

    async def cast(self, account_id: str, cast_id: str) -> CastView | None:
        assert account_id == self.account_id
        assert cast_id in self.started
        self.looks -= 1
        status = CastStatus.RUNNING if self.looks >= 0 else CastStatus.SUCCEEDED
        return cast("CastView", _Seen(status))

    async def run(self, client: Client) -> Handle:
        """One time of the schedule, to its end."""
        queue = f"schedules-{secrets.token_hex(6)}"
        activities = SchedulingActivities(self, self, self, self, self)
        async with Worker(
            client,
            task_queue=queue,
            workflows=[CastOnSchedule],
            activities=[activities.cast, activities.has_ended],
        ):
            handle = await client.start_workflow(
                CastOnSchedule.run,
                ScheduleRef(schedule_id=self.schedule_id),
                id=schedule_workflow_id(self.schedule_id),
                task_queue=queue,
            )
            await handle.result()
        return handle


@dataclass(frozen=True)
class _Seen:
    status: CastStatus


async def scheduled_cast_ended(client: Client, database: Database) -> Handle:
    del database
    return await ScriptedScheduling(looks=3).run(client)


async def scheduled_cast_refused(client: Client, database: Database) -> Handle:
    del database
    return await ScriptedScheduling(refusal="PAYMENT_REQUIRED").run(client)


async def scheduled_cast_of_no_schedule(client: Client, database: Database) -> Handle:
    del database
    return await ScriptedScheduling(gone=True).run(client)


SCHEDULING_SCENARIOS = (
    scheduled_cast_ended,
    scheduled_cast_refused,
    scheduled_cast_of_no_schedule,
)

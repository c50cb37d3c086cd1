"""Artifacts in tests: what casts leave, and its deletion."""

import uuid
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from temporalio.client import Client, WorkflowHandle
from temporalio.worker import Worker

from activities.artifact_ports import ExpiredArtifacts
from activities.artifacts import ArtifactTidying
from infra.postgres import Database
from infra.repositories.casts import PostgresCasts
from schema.contracts.artifacts import KeptArtifact
from schema.contracts.cast import CastInput, CastResult, RunOutcome, SettleOrder
from schema.contracts.run import Outcome
from tests.support.builders import FLAT_500, USAGE, a_cast, make_person, publish
from tests.support.fakes import KnownVerdicts
from workflows.tidy_artifacts import TidyArtifacts


class TidyingWorker:
    """A worker that looks for what is past its time."""

    def __init__(self, expired: ExpiredArtifacts) -> None:
        self._tidying = ArtifactTidying(expired)
        self._queue = f"tidying-{uuid.uuid4()}"

    def worker(self, client: Client) -> AbstractAsyncContextManager[Any]:
        return Worker(
            client,
            task_queue=self._queue,
            workflows=[TidyArtifacts],
            activities=[self._tidying.tidy],
        )

    async def start(self, client: Client) -> WorkflowHandle[Any, Any]:
        return await client.start_workflow(
            TidyArtifacts.run, id=f"tidy-artifacts-{uuid.uuid4()}", task_queue=self._queue
        )


class ScriptedTidying(TidyingWorker):
    """Finds so many each time, and then none."""

    def __init__(self, found: Sequence[int]) -> None:
        self._found = list(found)
        super().__init__(self)

    async def purge(self) -> int:
        return self._found.pop(0) if self._found else 0

    async def forget_used_links(self) -> None:
        return


@dataclass
class SettledCasts:
    """Casts that run and are settled, with what they leave."""

    database: Database
    lifetime: timedelta = timedelta(days=30)
    casts: PostgresCasts = field(init=False)

    def __post_init__(self) -> None:
        self.casts = PostgresCasts(
            self.database,
            KnownVerdicts(),
            fee_basis_points=2000,
            open_casts_max=1000,
            artifact_lifetime=self.lifetime,
        )

    async def held(self) -> CastInput:
        spell = await publish(self.database, await make_person(self.database))
        caster = await make_person(self.database, credit_micros=10_000)
        request = a_cast(caster, spell.spell_key)
        plan, _ = await self.casts.find_plan(request)
        await self.casts.hold(request, plan)
        return request

    async def settle(
        self,
        request: CastInput,
        artifacts: Sequence[KeptArtifact],
        outcome: Outcome = Outcome.SUCCEEDED,
        **more: Any,
    ) -> CastResult:
        end = RunOutcome(outcome=outcome, usage=USAGE, artifacts=list(artifacts), **more)
        order = SettleOrder(cast_id=request.cast_id, price=FLAT_500, outcome=end)
        return await self.casts.settle(order)

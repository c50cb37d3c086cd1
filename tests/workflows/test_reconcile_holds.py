"""Goal: a terminated workflow leaves no hold for ever. Method: terminate one, then look."""

import uuid

from sqlalchemy import text
from temporalio.client import Client
from temporalio.worker import Worker

from activities.maintenance import MaintenanceActivities
from infra.postgres import Database
from infra.repositories.casts import PostgresCasts
from infra.temporal_states import TemporalWorkflowStates
from schema.contracts.cast import CastResult, ReleaseOrder
from schema.contracts.maintenance import ReconcileReport
from tests.support.builders import a_cast, make_person, publish
from tests.support.fakes import KnownVerdicts, ScriptedRunBus
from tests.support.money import assert_books_balance, credit_left, open_holds
from tests.support.platform import CastingPlatform, cancel
from workflows.reconcile_holds import ReconcileHolds


class AllHolds:
    """Every open hold, however young: the test does not wait a minute."""

    def __init__(self, casts: PostgresCasts) -> None:
        self._casts = casts

    async def release(self, order: ReleaseOrder) -> CastResult:
        return await self._casts.release(order)

    async def open_holds(
        self, *, older_than_seconds: int, skip: int, limit: int
    ) -> list[ReleaseOrder]:
        assert older_than_seconds >= 60
        assert limit > 1
        return await self._casts.open_holds(older_than_seconds=0, skip=skip, limit=1)


async def test_the_hold_of_a_terminated_cast_is_released_and_a_running_one_is_left(
    client: Client, database: Database
) -> None:
    maker = await make_person(database)
    spell = await publish(database, maker)
    caster = await make_person(database, credit_micros=1500)
    platform = CastingPlatform(client, database, script=lambda _: None)
    doomed, running = a_cast(caster, spell.spell_key), a_cast(caster, spell.spell_key)
    async with platform.worker:
        handles = [await platform.start(request) for request in (doomed, running)]
        for request in (doomed, running):
            await platform.bus.until_published(request.cast_id)
        await handles[0].terminate("an operator in a hurry")
        assert await open_holds(database, caster) == 2
        report = await look(client, platform)
        assert doomed.cast_id in report.released
        assert running.cast_id not in report.released
        assert await open_holds(database, caster) == 1
        assert await credit_left(database, caster) == 1000
        again = await look(client, platform)
        assert doomed.cast_id not in again.released
        await cancel(handles[1])
    async with database.reading() as connection:
        status = await connection.execute(
            text("SELECT status, billing FROM casts WHERE id = :id"), {"id": doomed.cast_id}
        )
        assert tuple(status.one()) == ("failed", "released")
    await assert_books_balance(database)


async def test_young_holds_are_not_looked_at(client: Client, database: Database) -> None:
    maker = await make_person(database)
    spell = await publish(database, maker)
    caster = await make_person(database, credit_micros=500)
    casts = PostgresCasts(database, KnownVerdicts(), fee_basis_points=0, open_casts_max=1000)
    request = a_cast(caster, spell.spell_key)
    plan, _ = await casts.find_plan(request)
    await casts.hold(request, plan)
    old = await casts.open_holds(older_than_seconds=60, skip=0, limit=1000)
    assert request.cast_id not in {order.cast_id for order in old}


async def look(client: Client, platform: CastingPlatform) -> ReconcileReport:
    bus = ScriptedRunBus(lambda _: None)
    activities = MaintenanceActivities(
        AllHolds(platform.casts), TemporalWorkflowStates(client), bus
    )
    queue = f"maintenance-{uuid.uuid4()}"
    async with Worker(
        client,
        task_queue=queue,
        workflows=[ReconcileHolds],
        activities=[activities.reconcile_holds],
    ):
        return await client.execute_workflow(ReconcileHolds.run, id=queue, task_queue=queue)

"""One run of every workflow after publishing for every way it can end; see `scenarios.py`."""

import secrets
from typing import Any

from temporalio.client import Client, WorkflowHandle

from infra.postgres import Database
from schema.contracts.aftercare import RescanInput
from schema.contracts.notifications import ChannelKind, DeliveryRef, Destination
from schema.contracts.publish import InspectedPackage
from schema.ids import clock_workflow_id, delivery_workflow_id
from tests.support.aftercare import Aftercare, a_decision, ref, vulnerable
from tests.support.builders import make_person, publish
from workflows.advisory_clock import AdvisoryClock
from workflows.relay_notifications import RelayNotifications
from workflows.rescan_versions import RescanVersions

Handle = WorkflowHandle[Any, Any]


async def _found(aftercare: Aftercare, database: Database) -> InspectedPackage:
    """A version with a finding, whose maker has an e-mail address."""
    maker = await make_person(database)
    destination = Destination(kind=ChannelKind.EMAIL, address="a@b.example")
    await aftercare.channels.set(maker.account_id, destination)
    key = f"com.example.recorded-{secrets.token_hex(4)}"
    package = await publish(database, maker, key=key)
    aftercare.verdicts.say(package, vulnerable())
    decision = a_decision(package.package_digest, [vulnerable()], "2026-11-25#1")
    await aftercare.findings.apply(ref(package), decision)
    return package


async def _clock(client: Client, database: Database, *, cleared: bool) -> Handle:
    """Fourteen days, which pass as fast as they can, with both reminders."""
    aftercare = Aftercare(client, database)
    package = await _found(aftercare, database)
    if cleared:
        aftercare.verdicts.say(package)
    async with aftercare.worker():
        handle = await client.start_workflow(
            AdvisoryClock.run,
            ref(package),
            id=clock_workflow_id(package.spell_key, package.version),
            task_queue=aftercare.task_queue,
        )
        await handle.result()
    return handle


async def clock_delisted(client: Client, database: Database) -> Handle:
    return await _clock(client, database, cleared=False)


async def clock_cleared(client: Client, database: Database) -> Handle:
    return await _clock(client, database, cleared=True)


async def rescan_succeeded(client: Client, database: Database) -> Handle:
    aftercare = Aftercare(client, database)
    await _found(aftercare, database)
    async with aftercare.worker():
        handle = await client.start_workflow(
            RescanVersions.run,
            RescanInput(),
            id=f"rescan-{secrets.token_hex(4)}",
            task_queue=aftercare.task_queue,
        )
        await handle.result()
    return handle


async def relay_succeeded(client: Client, database: Database) -> Handle:
    aftercare = Aftercare(client, database)
    await _found(aftercare, database)
    async with aftercare.worker():
        handle = await client.start_workflow(
            RelayNotifications.run,
            id=f"relay-{secrets.token_hex(4)}",
            task_queue=aftercare.task_queue,
        )
        await handle.result()
    return handle


async def _delivery(client: Client, database: Database, *failures: str) -> Handle:
    aftercare = Aftercare(client, database)
    aftercare.channel.failures = list(failures)
    (told,) = await aftercare.told(await _found(aftercare, database))
    delivery = DeliveryRef(notification_id=told["id"], channel=ChannelKind.EMAIL)
    async with aftercare.worker():
        await aftercare.temporal.start(delivery)
        handle = client.get_workflow_handle(delivery_workflow_id(told["id"], "email"))
        await handle.result()
    return handle


async def delivery_succeeded(client: Client, database: Database) -> Handle:
    return await _delivery(client, database)


async def delivery_dead(client: Client, database: Database) -> Handle:
    return await _delivery(client, database, "DELIVERY_REFUSED")


AFTERCARE_SCENARIOS = (
    clock_delisted,
    clock_cleared,
    rescan_succeeded,
    relay_succeeded,
    delivery_succeeded,
    delivery_dead,
)

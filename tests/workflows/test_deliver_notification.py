"""Goal: what happened is told, once and for days if it must be. Method: a channel that fails."""

import pytest
from sqlalchemy import text
from temporalio.testing import WorkflowEnvironment

from infra.postgres import Database
from schema.contracts.notifications import ChannelKind, Destination
from schema.ids import delivery_workflow_id
from tests.support.aftercare import Aftercare, a_decision, ref, vulnerable
from tests.support.builders import Person, make_person, publish
from tests.support.histories import readable
from tests.support.platform import make_vault
from workflows.relay_notifications import RelayNotifications

ADDRESS = "secret-address@mail.example"


async def a_finding(aftercare: Aftercare, database: Database, *, channel: bool = True) -> str:
    """A maker with an e-mail address and a finding; the id of the notification of it."""
    maker: Person = await make_person(database)
    if channel:
        destination = Destination(kind=ChannelKind.EMAIL, address=ADDRESS)
        await aftercare.channels.set(maker.account_id, destination)
    package = await publish(database, maker)
    decision = a_decision(package.package_digest, [vulnerable()], "2026-11-25#1")
    for _ in range(2):  # a transaction that is repeated tells it once
        await aftercare.findings.apply(ref(package), decision)
    (told,) = await aftercare.told(package)
    return str(told["id"])


async def relay(fresh: WorkflowEnvironment, aftercare: Aftercare, name: str) -> None:
    await fresh.client.execute_workflow(
        RelayNotifications.run, id=f"relay-{name}", task_queue=aftercare.task_queue
    )


async def delivered(fresh: WorkflowEnvironment, notification_id: str) -> bool:
    handle = fresh.client.get_workflow_handle(
        delivery_workflow_id(notification_id, "email"), result_type=bool
    )
    async with fresh.time_skipping_unlocked():  # type: ignore[attr-defined]
        taken: bool = await handle.result()
    return taken


async def state_of(database: Database, notification_id: str) -> tuple[str, int, str | None]:
    async with database.reading() as connection:
        row = await connection.execute(
            text(
                "SELECT state, attempts, last_error FROM notification_deliveries"
                " WHERE notification_id = :id"
            ),
            {"id": notification_id},
        )
        found = row.one()
    return found.state, found.attempts, found.last_error


async def test_a_notification_is_delivered_under_its_own_id(
    fresh: WorkflowEnvironment, database: Database
) -> None:
    aftercare = Aftercare(fresh.client, database)
    notification_id = await a_finding(aftercare, database)
    async with aftercare.worker():
        await relay(fresh, aftercare, "first")
        assert await delivered(fresh, notification_id)
        # Nothing is left to be relayed.
        assert notification_id not in {
            one.notification_id for one in await aftercare.outbox.waiting(limit=1000)
        }
    sent = [one for one in aftercare.channel.taken if one.notification.id == notification_id]
    assert [one.destination.address for one in sent] == [ADDRESS]
    assert await state_of(database, notification_id) == ("delivered", 1, None)


async def test_a_receiver_that_is_away_is_asked_again_under_the_same_id(
    fresh: WorkflowEnvironment, database: Database
) -> None:
    aftercare = Aftercare(fresh.client, database)
    notification_id = await a_finding(aftercare, database)
    aftercare.channel.failures = ["DELIVERY_FAILED"] * 6
    async with aftercare.worker():
        await relay(fresh, aftercare, "away")
        assert await delivered(fresh, notification_id)
    assert (await state_of(database, notification_id))[0] == "delivered"
    assert aftercare.channel.attempts.count(notification_id) >= 2


async def test_after_days_a_delivery_is_a_dead_letter(
    fresh: WorkflowEnvironment, database: Database
) -> None:
    aftercare = Aftercare(fresh.client, database)
    notification_id = await a_finding(aftercare, database)
    aftercare.channel.failures = ["DELIVERY_FAILED"] * 1000
    async with aftercare.worker():
        await relay(fresh, aftercare, "dead")
        assert not await delivered(fresh, notification_id)
    state, attempts, last_error = await state_of(database, notification_id)
    assert (state, last_error) == ("dead", "not now")
    assert 10 < attempts < 40


async def test_a_receiver_that_wants_no_more_is_not_asked_again(
    fresh: WorkflowEnvironment, database: Database
) -> None:
    aftercare = Aftercare(fresh.client, database)
    notification_id = await a_finding(aftercare, database)
    aftercare.channel.failures = ["DELIVERY_REFUSED"] * 1000
    async with aftercare.worker():
        await relay(fresh, aftercare, "gone")
        assert not await delivered(fresh, notification_id)
    assert (await state_of(database, notification_id))[:2] == ("dead", 1)


@pytest.mark.parametrize("failures", [[], ["DELIVERY_REFUSED"], ["DELIVERY_FAILED"]])
async def test_no_history_holds_an_address(
    fresh: WorkflowEnvironment, database: Database, failures: list[str]
) -> None:
    aftercare = Aftercare(fresh.client, database)
    notification_id = await a_finding(aftercare, database)
    aftercare.channel.failures = list(failures)
    async with aftercare.worker():
        await relay(fresh, aftercare, f"private-{notification_id}")
        assert await delivered(fresh, notification_id) == (failures != ["DELIVERY_REFUSED"])
    handle = fresh.client.get_workflow_handle(delivery_workflow_id(notification_id, "email"))
    said = await readable(await handle.fetch_history(), make_vault())
    assert notification_id in said
    assert "secret-address" not in said

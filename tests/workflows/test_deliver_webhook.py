"""Goal: what happened is told at least once, for days if it must be. Method: skipped days."""

from datetime import timedelta

import pytest
from temporalio.testing import WorkflowEnvironment

from infra.postgres import Database
from schema.contracts.notifications import DeliveryState
from schema.contracts.webhooks import AttemptResult, WebhookDeliveryRef
from schema.errors import SpellError
from tests.support.histories import readable
from tests.support.interceptors import StepFaults
from tests.support.platform import make_vault
from tests.support.webhook_platform import Webhooks
from workflows._policies import WEBHOOK_PAUSES


async def ended(
    fresh: WorkflowEnvironment, webhooks: Webhooks, delivery: WebhookDeliveryRef
) -> DeliveryState:
    """How the delivery's workflow ends, while time passes as fast as it can."""
    async with fresh.time_skipping_unlocked():  # type: ignore[attr-defined]
        return await webhooks.end(delivery)


async def test_a_message_that_is_taken_is_sent_once(
    fresh: WorkflowEnvironment, database: Database
) -> None:
    webhooks = Webhooks(fresh.client, database)
    delivery = await webhooks.delivery()
    async with webhooks.worker():
        await webhooks.prompt.tell(delivery.message_id)
        assert await ended(fresh, webhooks, delivery) is DeliveryState.DELIVERED
        await webhooks.prompt.tell(delivery.message_id)
        await webhooks.relay()
    assert webhooks.times_sent(delivery) == 1
    row = await webhooks.row(delivery)
    assert (row.state, row.attempts, row.lines) == ("delivered", 1, 1)


async def test_the_relay_finds_what_nobody_started(
    fresh: WorkflowEnvironment, database: Database
) -> None:
    """What a process leaves that dies between writing a message and starting its way."""
    webhooks = Webhooks(fresh.client, database)
    delivery = await webhooks.delivery()
    async with webhooks.worker():
        await webhooks.relay()
        assert await ended(fresh, webhooks, delivery) is DeliveryState.DELIVERED


async def test_a_receiver_that_is_away_is_asked_again_under_the_same_id(
    fresh: WorkflowEnvironment, database: Database
) -> None:
    webhooks = Webhooks(fresh.client, database)
    delivery = await webhooks.delivery()
    webhooks.sender.answers = [500, None, 404]
    async with webhooks.worker():
        await webhooks.prompt.tell(delivery.message_id)
        assert await ended(fresh, webhooks, delivery) is DeliveryState.DELIVERED
    assert {one.message.id for one in webhooks.sender.sent} == {delivery.message_id}
    row = await webhooks.row(delivery)
    assert (row.attempts, row.lines, row.last_error) == (4, 4, None)
    (endpoint,) = await webhooks.rows(
        "SELECT * FROM webhook_endpoints WHERE id = :id", id=delivery.target
    )
    assert endpoint.failing_since is None


async def test_after_three_days_it_is_a_dead_letter_that_can_be_replayed(
    fresh: WorkflowEnvironment, database: Database
) -> None:
    webhooks = Webhooks(fresh.client, database)
    delivery = await webhooks.delivery()
    webhooks.sender.answers = [503] * 10
    async with webhooks.worker():
        await webhooks.prompt.tell(delivery.message_id)
        assert await ended(fresh, webhooks, delivery) is DeliveryState.DEAD
        events = (await webhooks.handle(delivery).fetch_history()).events
        took = events[-1].event_time.ToDatetime() - events[0].event_time.ToDatetime()
        whole = sum(WEBHOOK_PAUSES, timedelta())
        assert whole <= took <= whole * 1.21
        row = await webhooks.row(delivery)
        assert (row.state, row.attempts, row.last_error) == ("dead", 10, "not now")
        (account,) = await webhooks.rows(
            "SELECT account_id FROM webhook_messages WHERE id = :id", id=delivery.message_id
        )
        await webhooks.logs.replay(account.account_id, delivery.target, delivery.message_id)
        await webhooks.prompt.tell(delivery.message_id)
        assert await ended(fresh, webhooks, delivery) is DeliveryState.DELIVERED
    assert (await webhooks.row(delivery)).attempts == 11


async def test_a_receiver_that_is_gone_is_not_asked_again_and_its_endpoint_is_disabled(
    fresh: WorkflowEnvironment, database: Database
) -> None:
    webhooks = Webhooks(fresh.client, database)
    delivery = await webhooks.delivery()
    webhooks.sender.answers = [410]
    async with webhooks.worker():
        await webhooks.prompt.tell(delivery.message_id)
        assert await ended(fresh, webhooks, delivery) is DeliveryState.DEAD
    assert (await webhooks.row(delivery)).attempts == 1
    (endpoint,) = await webhooks.rows(
        "SELECT * FROM webhook_endpoints WHERE id = :id", id=delivery.target
    )
    assert (endpoint.enabled, endpoint.disabled_reason) == (False, "It answered 410 Gone.")


async def test_an_attempt_whose_end_was_not_recorded_is_made_again(
    fresh: WorkflowEnvironment, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was sent while the database went away is sent again, under the same id."""
    webhooks = Webhooks(fresh.client, database)
    delivery = await webhooks.delivery()
    record, failures = webhooks.deliveries.record, [SpellError("SERVICE_UNAVAILABLE")]

    async def stumbling(ref: WebhookDeliveryRef, result: AttemptResult) -> DeliveryState:
        if failures:
            raise failures.pop()
        return await record(ref, result)

    monkeypatch.setattr(webhooks.deliveries, "record", stumbling)
    async with webhooks.worker():
        await webhooks.prompt.tell(delivery.message_id)
        assert await ended(fresh, webhooks, delivery) is DeliveryState.DELIVERED
    assert webhooks.times_sent(delivery) == 2
    assert (await webhooks.row(delivery)).lines == 1


async def test_every_step_done_twice_sends_once(
    fresh: WorkflowEnvironment, database: Database
) -> None:
    steps = frozenset({"webhooks.attempt", "webhooks.bury", "webhooks.relay"})
    webhooks = Webhooks(fresh.client, database, interceptors=[StepFaults(twice=steps)])
    delivery = await webhooks.delivery()
    async with webhooks.worker():
        await webhooks.relay()
        assert await ended(fresh, webhooks, delivery) is DeliveryState.DELIVERED
    assert webhooks.times_sent(delivery) == 1


@pytest.mark.parametrize("answers", [[], [410], [500]])
async def test_no_history_holds_a_url_or_a_secret(
    fresh: WorkflowEnvironment, database: Database, answers: list[int | None]
) -> None:
    webhooks = Webhooks(fresh.client, database)
    delivery = await webhooks.delivery()
    webhooks.sender.answers = list(answers)
    async with webhooks.worker():
        await webhooks.prompt.tell(delivery.message_id)
        await ended(fresh, webhooks, delivery)
    said = await readable(await webhooks.handle(delivery).fetch_history(), make_vault())
    assert delivery.message_id in said
    assert "secret-path" not in said
    assert "whsec_" not in said

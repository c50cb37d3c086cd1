"""Goal: who wants to be told is told, by the transaction itself, and nobody else. Method: SQL."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from infra.postgres import Database
from infra.repositories.account_notifications import PostgresAccountNotifications
from infra.repositories.casts import PostgresCasts
from infra.webhooks.keys import callback_secret
from schema import limits
from schema.contracts.cast import RunOutcome, SettleOrder
from schema.contracts.notifications import DeliveryState
from schema.contracts.run import Outcome
from schema.contracts.webhooks import (
    CALLBACK,
    AttemptResult,
    EndpointChange,
    EndpointSettings,
    WebhookDelivery,
    WebhookDeliveryRef,
)
from schema.errors import SpellError
from schema.ids import cast_message_id, new_ping_id
from tests.support.builders import FLAT_500, USAGE, Person, a_cast, make_person, publish
from tests.support.fakes import KnownVerdicts
from tests.support.platform import make_vault
from tests.support.webhook_platform import URL, Webhooks

SUCCESS = RunOutcome(outcome=Outcome.SUCCEEDED, usage=USAGE, output_bytes=2)
CALLBACK_URL = "https://caller.example/done?token=secret"


@pytest.fixture
def webhooks(database: Database) -> Webhooks:
    no_test_here_starts_a_workflow: Any = None
    return Webhooks(no_test_here_starts_a_workflow, database)


@pytest.fixture
async def caster(database: Database) -> Person:
    return await make_person(database, credit_micros=10_000)


async def ended(database: Database, caster: Person, **changes: Any) -> tuple[str, bool]:
    """A cast that succeeded, and whether that is told."""
    spell = await publish(database, await make_person(database), price=FLAT_500)
    casts = PostgresCasts(database, KnownVerdicts(), fee_basis_points=2000, open_casts_max=1000)
    request = a_cast(caster, spell.spell_key, **changes)
    planned, _ = await casts.find_plan(request)
    await casts.hold(request, planned)
    order = SettleOrder(cast_id=request.cast_id, price=planned.plan.price, outcome=SUCCESS)
    result, again = await casts.settle(order), await casts.settle(order)
    assert result == again
    return request.cast_id, result.told


async def targets(webhooks: Webhooks, message_id: str) -> set[str]:
    return {
        one.target for one in await webhooks.deliveries.waiting(limit=99, message_id=message_id)
    }


async def test_the_end_of_a_cast_is_told_to_whoever_wants_it(
    webhooks: Webhooks, caster: Person
) -> None:
    wanted = [
        await webhooks.endpoint(caster.account_id, *events)
        for events in (["*"], ["cast.*"], ["cast.failed", "cast.succeeded"])
    ]
    await webhooks.endpoint(caster.account_id, "cast.failed", "purchase.*")
    off = await webhooks.endpoint(caster.account_id)
    await webhooks.endpoints.change(caster.account_id, off.id, EndpointChange(enabled=False))
    cast_id, told = await ended(webhooks.database, caster)
    assert told
    message_id = cast_message_id(cast_id)
    assert await targets(webhooks, message_id) == {one.id for one in wanted}
    log = await webhooks.logs.log(caster.account_id, wanted[0].id, message_id)
    data = log.body["data"]
    assert log.body["type"] == "cast.succeeded"
    assert (data["cast_id"], data["status"], data["billing"]) == (cast_id, "succeeded", "settled")
    assert data["cost"] == {"micros": 500, "currency": "USD"}
    assert data["links"]["cast"].endswith(f"/v1/casts/{cast_id}")


async def test_nothing_is_written_for_who_wants_nothing(webhooks: Webhooks, caster: Person) -> None:
    await webhooks.endpoint(await webhooks.account())
    cast_id, told = await ended(webhooks.database, caster)
    assert not told
    assert (
        await webhooks.rows(
            "SELECT id FROM webhook_messages WHERE cast_id = :cast_id", cast_id=cast_id
        )
        == []
    )


async def test_a_callback_is_kept_encrypted_and_signed_with_the_accounts_secret(
    webhooks: Webhooks, caster: Person
) -> None:
    sealed = webhooks.callbacks.seal(caster.account_id, CALLBACK_URL)
    assert "caller.example" not in sealed
    cast_id, told = await ended(webhooks.database, caster, sealed_callback=sealed)
    assert told
    (row,) = await webhooks.rows(
        "SELECT ciphertext FROM cast_callbacks WHERE cast_id = :cast_id", cast_id=cast_id
    )
    assert b"caller.example" not in bytes(row.ciphertext)
    ref = WebhookDeliveryRef(message_id=cast_message_id(cast_id), target=CALLBACK)
    found = await webhooks.deliveries.find(ref)
    assert isinstance(found, WebhookDelivery)
    assert found.destination.url == CALLBACK_URL
    secret = await webhooks.callbacks.secret(caster.account_id)
    assert found.destination.secrets == [secret.secret]
    rotated = await webhooks.callbacks.rotate(caster.account_id)
    assert rotated.secret != secret.secret
    assert rotated.previous_secret_until is not None
    found = await webhooks.deliveries.find(ref)
    assert isinstance(found, WebhookDelivery)
    assert found.destination.secrets == [rotated.secret, secret.secret]
    assert callback_secret(make_vault(), caster.account_id, 2) == rotated.secret


async def test_a_rotated_secret_signs_beside_the_new_one_until_the_overlap_is_over(
    webhooks: Webhooks,
) -> None:
    account_id = await webhooks.account()
    made = await webhooks.endpoint(account_id)
    ref = WebhookDeliveryRef(message_id=await webhooks.told(account_id), target=made.id)
    rotated = await webhooks.endpoints.rotate(account_id, made.id)
    found = await webhooks.deliveries.find(ref)
    assert isinstance(found, WebhookDelivery)
    assert found.destination.secrets == [rotated.secret, made.secret]
    await webhooks.rows(
        "UPDATE webhook_endpoints SET previous_secret_until = now() - interval '1 s'"
        " WHERE id = :id",
        id=made.id,
    )
    found = await webhooks.deliveries.find(ref)
    assert isinstance(found, WebhookDelivery)
    assert found.destination.secrets == [rotated.secret]


async def test_an_endpoint_that_fails_for_days_is_disabled_and_that_is_told(
    webhooks: Webhooks,
) -> None:
    account_id = await webhooks.account()
    made = await webhooks.endpoint(account_id)
    other = await webhooks.endpoint(account_id, "endpoint.*")
    refs = [
        WebhookDeliveryRef(message_id=await webhooks.told(account_id), target=made.id)
        for _ in range(3)
    ]
    failed = AttemptResult(status_code=500, milliseconds=1, error="The receiver answered 500.")
    assert await webhooks.deliveries.record(refs[0], failed) is DeliveryState.PENDING
    assert (await webhooks.endpoints.endpoint(account_id, made.id)).failing_since is not None
    await webhooks.rows(
        "UPDATE webhook_endpoints SET failing_since = now() - interval '6 days' WHERE id = :id",
        id=made.id,
    )
    await webhooks.deliveries.record(refs[1], failed)
    view = await webhooks.endpoints.endpoint(account_id, made.id)
    assert (view.enabled, view.disabled_reason) == (False, "It took nothing for 5 days.")
    assert await webhooks.deliveries.find(refs[2]) is DeliveryState.DEAD
    outbox = PostgresAccountNotifications(webhooks.database)
    (told,) = await outbox.notifications(account_id, before=None, limit=9)
    assert (told.kind, told.details["endpoint"]) == ("endpoint.disabled", made.id)
    assert await targets(webhooks, told.id) == {other.id}
    enabled = await webhooks.endpoints.change(account_id, made.id, EndpointChange(enabled=True))
    assert (enabled.enabled, enabled.disabled_reason, enabled.failing_since) == (True, None, None)
    since = datetime.now(UTC) - timedelta(hours=1)
    assert await webhooks.logs.replay_dead(account_id, made.id, since) == 1
    assert isinstance(await webhooks.deliveries.find(refs[2]), WebhookDelivery)


async def test_what_is_on_its_way_to_a_removed_endpoint_is_dropped(webhooks: Webhooks) -> None:
    account_id = await webhooks.account()
    made = await webhooks.endpoint(account_id)
    ref = WebhookDeliveryRef(message_id=await webhooks.told(account_id), target=made.id)
    await webhooks.endpoints.remove(account_id, made.id)
    assert await webhooks.deliveries.find(ref) is DeliveryState.DROPPED
    assert (await webhooks.row(ref)).state == "dropped"


async def test_an_account_has_so_many_endpoints_and_no_more(webhooks: Webhooks) -> None:
    account_id = await webhooks.account()
    settings = EndpointSettings(url=URL, events=["*"])
    made = await asyncio.gather(
        *(
            webhooks.endpoints.create(account_id, settings)
            for _ in range(limits.WEBHOOK_ENDPOINTS_MAX + 3)
        ),
        return_exceptions=True,
    )
    refused = [one for one in made if isinstance(one, SpellError)]
    assert [one.code for one in refused] == ["TOO_MANY_ENDPOINTS"] * 3
    assert len(await webhooks.endpoints.endpoints(account_id)) == limits.WEBHOOK_ENDPOINTS_MAX


async def test_old_messages_go_with_their_logs_and_what_is_on_its_way_stays(
    webhooks: Webhooks,
) -> None:
    account_id = await webhooks.account()
    made = await webhooks.endpoint(account_id)
    old, waiting = new_ping_id(), new_ping_id()
    for message_id in (old, waiting):
        await webhooks.rows(
            "WITH made AS (INSERT INTO webhook_messages (id, account_id, event, data, created_at)"
            "  VALUES (:id, :account_id, 'ping', '{}', now() - interval '31 days') RETURNING id)"
            " INSERT INTO webhook_deliveries (message_id, target) SELECT id, :target FROM made",
            id=message_id,
            account_id=account_id,
            target=made.id,
        )
    young = await webhooks.told(account_id)
    taken = AttemptResult(status_code=200, milliseconds=1)
    for message_id in (old, young):
        ref = WebhookDeliveryRef(message_id=message_id, target=made.id)
        await webhooks.deliveries.record(ref, taken)
    assert await webhooks.deliveries.purge() >= 1
    rows = await webhooks.rows(
        "SELECT id FROM webhook_messages WHERE account_id = :account_id", account_id=account_id
    )
    assert {row.id for row in rows} == {waiting, young}
    assert (
        await webhooks.rows("SELECT 1 FROM webhook_attempts WHERE message_id = :old", old=old) == []
    )


async def test_a_callbacks_url_is_forgotten_in_time(webhooks: Webhooks, caster: Person) -> None:
    (old, _), (young, _) = [await ended(webhooks.database, caster) for _ in range(2)]
    sealed = make_vault().encrypt(caster.account_id, b"https://caller.example/")
    for cast_id, days in ((old, 31), (young, 29)):
        await webhooks.rows(
            "INSERT INTO cast_callbacks VALUES (:cast_id, :sealed, now() - CAST(:age AS interval))",
            cast_id=cast_id,
            sealed=sealed,
            age=timedelta(days=days),
        )
    await webhooks.deliveries.purge()
    left = await webhooks.rows(
        "SELECT cast_id FROM cast_callbacks WHERE cast_id IN (:old, :young)", old=old, young=young
    )
    assert [row.cast_id for row in left] == [young]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE webhook_messages SET data = '{}' WHERE id = :message_id",
        "UPDATE webhook_attempts SET error = NULL WHERE message_id = :message_id",
        "UPDATE webhook_deliveries SET state = 'dead' WHERE message_id = :message_id",
        "UPDATE webhook_deliveries SET state = 'lost' WHERE message_id = :message_id",
        "UPDATE webhook_deliveries SET target = 'https://x' WHERE message_id = :message_id",
        "DELETE FROM webhook_messages WHERE id = :message_id",
        "UPDATE webhook_endpoints SET events = '{}' WHERE id = :target",
        "UPDATE webhook_endpoints SET disabled_reason = 'x' WHERE id = :target",
        "INSERT INTO notification_channels (account_id, kind, ciphertext)"
        " SELECT account_id, 'webhook', ciphertext FROM webhook_endpoints WHERE id = :target",
    ],
)
async def test_the_database_refuses_what_makes_no_sense(webhooks: Webhooks, statement: str) -> None:
    account_id = await webhooks.account()
    made = await webhooks.endpoint(account_id)
    ref = WebhookDeliveryRef(message_id=await webhooks.told(account_id), target=made.id)
    failed = AttemptResult(status_code=500, milliseconds=1, error="The receiver answered 500.")
    await webhooks.deliveries.record(ref, failed)
    values = {name: value for name, value in ref.model_dump().items() if f":{name}" in statement}
    with pytest.raises(DBAPIError):
        await webhooks.rows(statement, **values)

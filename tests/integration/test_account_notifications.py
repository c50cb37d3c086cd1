"""Goal: accounts read and resend their own only, and nobody's address is filled. Method: SQL."""

import pytest

from infra.postgres import Database
from infra.repositories.account_notifications import PostgresAccountNotifications
from infra.repositories.notification_channels import PostgresNotificationChannels
from infra.repositories.notifications import TOO_MANY, PostgresOutbox, enqueue
from schema import limits
from schema.contracts.notifications import (
    ChannelKind,
    DeliveryRef,
    DeliveryState,
    Destination,
    NewNotification,
    NotificationKind,
    NotificationView,
)
from schema.errors import SpellError
from tests.support.builders import Person, make_person
from tests.support.platform import make_vault


class Told:
    """An account that is told things by e-mail."""

    def __init__(self, database: Database, maker: Person) -> None:
        vault = make_vault()
        self.database, self.account_id = database, maker.account_id
        self.outbox = PostgresOutbox(database, vault)
        self.channels = PostgresNotificationChannels(database, vault, frozenset(ChannelKind))
        self.notifications = PostgresAccountNotifications(database)

    async def set(self, kind: ChannelKind) -> None:
        destination = Destination(kind=kind, address="a@b.example")
        await self.channels.set(self.account_id, destination)

    async def tell(self, *numbers: int) -> None:
        async with self.database.transaction() as connection:
            for number in numbers:
                notification = NewNotification(
                    reference=f"test:{self.account_id}:{number}",
                    account_id=self.account_id,
                    kind=NotificationKind.SPELL_SUSPENDED,
                    spell_key="com.example.x",
                )
                await enqueue(connection, notification)

    async def newest(self) -> NotificationView:
        (one,) = await self.notifications.notifications(self.account_id, before=None, limit=1)
        return one

    async def end(self, state: DeliveryState) -> str:
        """End the newest one's delivery by e-mail; its id."""
        newest = await self.newest()
        ref = DeliveryRef(notification_id=newest.id, channel=ChannelKind.EMAIL)
        await self.outbox.end(ref, state.value)
        return newest.id

    async def states(self) -> dict[str, str]:
        return {one.channel.value: one.state.value for one in (await self.newest()).deliveries}


@pytest.fixture
async def told(database: Database) -> Told:
    told = Told(database, await make_person(database))
    await told.set(ChannelKind.EMAIL)
    return told


async def test_what_comes_on_top_of_a_days_number_is_kept_and_not_sent(told: Told) -> None:
    await told.tell(*range(limits.NOTIFICATIONS_PER_DAY_MAX))
    assert await told.states() == {"email": "pending"}
    await told.tell(-1)
    found = await told.notifications.notifications(told.account_id, before=None, limit=500)
    assert len(found) == limits.NOTIFICATIONS_PER_DAY_MAX + 1
    dropped = [one for one in found if one.deliveries[0].state is DeliveryState.DROPPED]
    assert [one.deliveries[0].last_error for one in dropped] == [TOO_MANY]


async def test_pages_hold_everything_once(told: Told) -> None:
    """Method: all of one transaction, and so of one moment."""
    await told.tell(*range(5))
    seen: list[str] = []
    before = None
    while page := await told.notifications.notifications(told.account_id, before=before, limit=2):
        seen += [one.id for one in page]
        before = (page[-1].created_at, page[-1].id)
    assert len(seen) == len(set(seen)) == 5


@pytest.mark.parametrize("state", [DeliveryState.DEAD, DeliveryState.DROPPED])
async def test_what_nobody_took_goes_out_again_through_todays_channels(
    told: Told, state: DeliveryState
) -> None:
    await told.tell(1)
    notification_id = await told.end(state)
    await told.set(ChannelKind.EMAIL)
    await told.notifications.resend(told.account_id, notification_id)
    assert await told.states() == {"email": "pending"}
    waiting = await told.outbox.waiting(limit=100_000)
    assert sum(one.notification_id == notification_id for one in waiting) == 1


async def test_what_was_taken_is_not_sent_again(told: Told) -> None:
    await told.tell(1)
    notification_id = await told.end(DeliveryState.DELIVERED)
    await told.notifications.resend(told.account_id, notification_id)
    assert await told.states() == {"email": "delivered"}


async def test_anothers_notification_is_neither_read_nor_resent(told: Told) -> None:
    await told.tell(1)
    notification_id = await told.end(DeliveryState.DEAD)
    other = await make_person(told.database)
    assert not await told.notifications.notifications(other.account_id, before=None, limit=9)
    with pytest.raises(SpellError) as refused:
        await told.notifications.resend(other.account_id, notification_id)
    assert refused.value.code == "NOTIFICATION_NOT_FOUND"
    assert await told.states() == {"email": "dead"}


async def test_resending_has_a_limit_as_well(told: Told) -> None:
    per_day = limits.NOTIFICATIONS_PER_DAY_MAX
    await told.tell(*range(2 * per_day + 1))
    found = await told.notifications.notifications(told.account_id, before=None, limit=500)
    dropped = [one.id for one in found if one.deliveries[0].state is DeliveryState.DROPPED]
    for notification_id in dropped[:per_day]:
        await told.notifications.resend(told.account_id, notification_id)
    with pytest.raises(SpellError) as refused:
        await told.notifications.resend(told.account_id, dropped[per_day])
    assert refused.value.code == "RATE_LIMITED"

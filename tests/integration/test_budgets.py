"""Goal: caps hold over roll-overs and changes, and alert once. Method: SQL, many at once."""

import asyncio
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from infra.postgres import Database
from infra.repositories.account_notifications import PostgresAccountNotifications
from infra.repositories.billing_reads import PostgresBillingReads
from infra.repositories.billing_time_zones import PostgresBillingTimeZones
from infra.repositories.budget_alerts import PostgresAlertTeller
from infra.repositories.caps import PostgresCaps
from infra.repositories.casts import PostgresCasts
from infra.repositories.notification_channels import PostgresNotificationChannels
from schema.contracts.budgets import BudgetAlert, Cap, CapKind, CapName, UsageGroup, UsageQuery
from schema.contracts.cast import Admission, SettleOrder
from schema.contracts.notifications import ChannelKind, Destination, NotificationKind
from schema.errors import SpellError
from tests.integration.test_holds import FEE, SUCCESS, hold, release_of
from tests.support.builders import FLAT_500, Person, a_cast, make_person, publish
from tests.support.fakes import KnownVerdicts
from tests.support.money import assert_books_balance
from tests.support.platform import make_vault

PRICE = FLAT_500.price_micros


class Budgeted:
    """An account with money, a spell to spend it on, and a clock that the test sets."""

    def __init__(self, database: Database, caster: Person, spell_key: str) -> None:
        self.database, self.caster, self.spell_key = database, caster, spell_key
        self.now = datetime.now(UTC)
        self.casts = PostgresCasts(
            *(database, KnownVerdicts()),
            fee_basis_points=FEE,
            open_casts_max=1000,
            clock=lambda: self.now,
        )
        self.caps = PostgresCaps(database, clock=lambda: self.now)
        self.reads = PostgresBillingReads(database)

    async def cap(self, kind: CapKind, casts: float, **changes: Any) -> None:
        key = self.caster.api_key_id if kind.of_api_key else None
        cap = Cap(kind=kind, api_key_id=key, cap_micros=round(casts * PRICE), **changes)
        await self.caps.set(self.caster.caller, cap)

    async def cast(self, count: int) -> list[Admission]:
        """So many casts at once."""
        requests = [a_cast(self.caster, self.spell_key) for _ in range(count)]
        return list(await asyncio.gather(*(hold(self.casts, request) for request in requests)))

    async def alerts(self) -> list[BudgetAlert]:
        """All of the account's, oldest first."""
        found = await self.reads.alerts(self.caster.account_id, before=None, limit=100)
        return found[::-1]

    async def percents(self) -> list[int]:
        return [alert.percent for alert in await self.alerts()]

    async def used(self, kind: CapKind) -> dict[date, int]:
        """What is held and spent under a budget, by its periods."""
        rows = text(
            "SELECT period_start, held_micros + posted_micros FROM budgets"
            " WHERE account_id = :account AND kind = :kind AND held_micros + posted_micros > 0"
        )
        place = {"account": self.caster.account_id, "kind": kind}
        async with self.database.reading() as connection:
            found = await connection.execute(rows, place)
            return {row[0]: row[1] for row in found}


@pytest.fixture
async def budgeted(database: Database) -> Budgeted:
    spell = await publish(database, await make_person(database))
    return Budgeted(database, await make_person(database, credit_micros=10**6), spell.spell_key)


def accepted(answers: list[Admission]) -> int:
    return sum(answer.accepted for answer in answers)


@pytest.mark.parametrize(
    ("kind", "before", "after"),
    [
        (CapKind.DAY, date(2026, 10, 25), date(2026, 10, 26)),
        (CapKind.MONTH, date(2026, 10, 1), date(2026, 11, 1)),
        (CapKind.API_KEY_DAY, date(2026, 10, 25), date(2026, 10, 26)),
        (CapKind.API_KEY_MONTH, date(2026, 10, 1), date(2026, 11, 1)),
    ],
)
async def test_two_hundred_holds_across_a_roll_over_fill_each_period_to_its_cap(
    budgeted: Budgeted, kind: CapKind, before: date, after: date
) -> None:
    """Method: midnight in Vienna passes between any two of them, at a change of time."""
    zones = PostgresBillingTimeZones(budgeted.database, clock=lambda: budgeted.now)
    budgeted.now = datetime(2026, 10, 24, 12, tzinfo=UTC)
    await zones.set(budgeted.caster.caller, "Europe/Vienna")
    await budgeted.cap(kind, 20)
    # Midnight by Vienna's winter time: the last day of the period before has 25 hours.
    midnight = datetime(2026, 10, 25 if kind.endswith("_day") else 31, 23, tzinfo=UTC)
    numbers = iter(range(10_000))

    def ticking() -> datetime:
        return midnight + timedelta(milliseconds=next(numbers) - 100)

    budgeted.casts._clock = ticking
    answers = await budgeted.cast(200)
    used = await budgeted.used(kind)
    assert used == {before: 20 * PRICE, after: 20 * PRICE}
    assert accepted(answers) == 40
    resets = {a.problem.details["resets_at"] for a in answers if a.problem}
    hours = timedelta(days=1) if kind.endswith("_day") else timedelta(days=30)
    ends = (midnight.isoformat(), (midnight + hours).isoformat())
    assert {datetime.fromisoformat(at).astimezone(UTC).isoformat() for at in resets} == set(ends)
    assert {at[-6:] for at in resets} == {"+01:00"}, "in the account's zone"
    await assert_books_balance(budgeted.database)


async def test_a_hold_is_charged_in_the_period_it_was_made_in(budgeted: Budgeted) -> None:
    budgeted.now = datetime(2026, 11, 30, 23, 59, tzinfo=UTC)
    await budgeted.cap(CapKind.MONTH, 1)
    request = a_cast(budgeted.caster, budgeted.spell_key)
    assert (await hold(budgeted.casts, request)).accepted
    budgeted.now += timedelta(minutes=2)
    assert accepted(await budgeted.cast(2)) == 1, "December has its own"
    await budgeted.casts.settle(
        SettleOrder(cast_id=request.cast_id, price=FLAT_500, outcome=SUCCESS)
    )
    used = await budgeted.used(CapKind.MONTH)
    assert used == {date(2026, 11, 1): PRICE, date(2026, 12, 1): PRICE}


async def test_a_change_of_zone_at_a_full_cap_opens_no_second_allowance(
    budgeted: Budgeted,
) -> None:
    budgeted.now = datetime(2026, 11, 25, 9, tzinfo=UTC)
    await budgeted.cap(CapKind.DAY, 2)
    assert accepted(await budgeted.cast(3)) == 2
    zones = PostgresBillingTimeZones(budgeted.database, clock=lambda: budgeted.now)
    # It is tomorrow there, then yesterday.
    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):
        await zones.set(budgeted.caster.caller, zone)
        assert accepted(await budgeted.cast(1)) == 0
    budgeted.now = datetime(2026, 11, 26, 1, tzinfo=UTC)
    assert accepted(await budgeted.cast(3)) == 2
    budgeted.now = datetime(2026, 11, 27, 10, 59, tzinfo=UTC)
    assert accepted(await budgeted.cast(1)) == 0, "the 26th ends at midnight in Pago Pago"
    budgeted.now += timedelta(minutes=1)
    assert accepted(await budgeted.cast(1)) == 1


async def test_sixteen_holds_at_once_alert_once_at_each_threshold(budgeted: Budgeted) -> None:
    await budgeted.cap(CapKind.DAY, 16)
    await budgeted.cap(CapKind.API_KEY, 8, alerts_at=[25, 100])
    answers = await budgeted.cast(16)
    assert accepted(answers) == 8
    alerts = await budgeted.alerts()
    by_kind = Counter((alert.kind, alert.percent) for alert in alerts)
    assert by_kind == {(CapKind.DAY, 50): 1, (CapKind.API_KEY, 25): 1, (CapKind.API_KEY, 100): 1}
    day = next(alert for alert in alerts if alert.kind is CapKind.DAY)
    assert (day.used_micros, day.cap_micros) == (8 * PRICE, 16 * PRICE)
    assert day.api_key_id is None
    assert day.period_start == budgeted.now.date()


async def test_what_falls_below_a_threshold_and_rises_again_does_not_alert_again(
    budgeted: Budgeted,
) -> None:
    await budgeted.cap(CapKind.TOTAL, 2)
    for _ in range(3):
        request = a_cast(budgeted.caster, budgeted.spell_key)
        assert (await hold(budgeted.casts, request)).accepted
        await budgeted.casts.release(release_of(request))
    assert await budgeted.percents() == [50]
    assert accepted(await budgeted.cast(2)) == 2
    assert await budgeted.percents() == [50, 80, 100]


async def test_each_period_alerts_for_itself(budgeted: Budgeted) -> None:
    await budgeted.cap(CapKind.DAY, 1, alerts_at=[100])
    for _ in range(2):
        assert accepted(await budgeted.cast(1)) == 1
        budgeted.now += timedelta(days=1)
    first, second = await budgeted.alerts()
    assert second.period_start is not None
    assert first.period_start == second.period_start - timedelta(days=1)


async def test_a_cap_that_is_set_below_what_is_used_alerts_and_stops_and_breaks_nothing(
    budgeted: Budgeted,
) -> None:
    requests = [a_cast(budgeted.caster, budgeted.spell_key) for _ in range(4)]
    for request in requests:
        assert (await hold(budgeted.casts, request)).accepted
    await budgeted.cap(CapKind.MONTH, 2)
    assert await budgeted.percents() == [50, 80, 100]
    refused = (await budgeted.cast(1))[0].problem
    assert refused is not None
    assert refused.details["remaining_micros"] == 0
    orders = [SettleOrder(cast_id=r.cast_id, price=FLAT_500, outcome=SUCCESS) for r in requests]
    ends = await asyncio.gather(*(budgeted.casts.settle(order) for order in orders))
    assert [end.cost_micros for end in ends] == [PRICE] * 4
    await budgeted.cap(CapKind.MONTH, 5)
    assert accepted(await budgeted.cast(2)) == 1
    await assert_books_balance(budgeted.database)


async def test_caps_that_change_under_load_give_clean_answers_and_are_never_exceeded(
    budgeted: Budgeted,
) -> None:
    """Method: forty holds wait in line while the cap goes down and up; no error but the refusal."""
    await budgeted.cap(CapKind.DAY, 60)

    async def change() -> None:
        for casts in (30, 5, 50, 12, 20, 3, 20):
            await budgeted.cap(CapKind.DAY, casts)
            await asyncio.sleep(0)

    answers, _ = await asyncio.gather(budgeted.cast(60), change())
    codes = {answer.problem.code for answer in answers if answer.problem}
    assert codes <= {"BUDGET_CAP_EXCEEDED"}
    used = sum((await budgeted.used(CapKind.DAY)).values())
    assert used == accepted(answers) * PRICE
    history = await budgeted.reads.changes(budgeted.caster.account_id, before=None, limit=100)
    afters = [change.after["cap_micros"] // PRICE for change in history if change.after]
    assert afters == [20, 3, 20, 12, 50, 5, 30, 60]
    # What came at the last was decided under the last cap.
    more = accepted(await budgeted.cast(25))
    assert more == max(0, 20 - used // PRICE)
    alerts = await budgeted.alerts()
    names = [(alert.cap_micros, alert.percent) for alert in alerts]
    assert len(names) == len(set(names))


async def test_the_history_says_who_changed_what_and_cannot_be_rewritten(
    budgeted: Budgeted,
) -> None:
    await budgeted.cap(CapKind.DAY, 2)
    await budgeted.cap(CapKind.DAY, 2)
    await budgeted.cap(CapKind.DAY, 3, alerts_at=[])
    await budgeted.caps.remove(budgeted.caster.caller, CapName(kind=CapKind.DAY))
    changes = await budgeted.reads.changes(budgeted.caster.account_id, before=None, limit=10)
    states = [None, {"cap_micros": 2 * PRICE, "alerts_at": [50, 80, 100]}]
    states += [{"cap_micros": 3 * PRICE, "alerts_at": []}, None]
    told = [(change.before, change.after) for change in reversed(changes)]
    assert told == list(pairwise(states)), "what changes nothing is no change"
    assert {change.changed_by for change in changes} == {budgeted.caster.api_key_id}
    with pytest.raises(SpellError) as gone:
        await budgeted.caps.remove(budgeted.caster.caller, CapName(kind=CapKind.DAY))
    assert gone.value.code == "CAP_NOT_FOUND"
    for statement in (
        "UPDATE billing_changes SET changed_at = now()",
        "DELETE FROM billing_changes",
        "TRUNCATE billing_changes",
        "UPDATE budget_kinds SET period = 'ever'",
    ):
        with pytest.raises(DBAPIError, match="append-only"):
            async with budgeted.database.transaction() as connection:
                await connection.execute(text(statement))


async def test_an_alert_is_told_once_by_two_tellers_and_then_never_changes(
    budgeted: Budgeted,
) -> None:
    account_id = budgeted.caster.account_id
    channels = PostgresNotificationChannels(budgeted.database, make_vault(), frozenset(ChannelKind))
    await channels.set(account_id, Destination(kind=ChannelKind.EMAIL, address="a@b.example"))
    await budgeted.cap(CapKind.API_KEY_DAY, 2)
    await budgeted.cast(2)
    tellers = [PostgresAlertTeller(budgeted.database) for _ in "ab"]
    counts = await asyncio.gather(*(teller.tell(limit=100) for teller in tellers))
    assert sum(counts) >= 3
    notifications = PostgresAccountNotifications(budgeted.database)
    found = await notifications.notifications(account_id, before=None, limit=100)
    assert {one.kind for one in found} == {NotificationKind.BUDGET_ALERT}
    assert sorted(one.details["percent"] for one in found) == [50, 80, 100]
    assert {one.details["api_key_id"] for one in found} == {budgeted.caster.api_key_id}
    assert [len(one.deliveries) for one in found] == [1, 1, 1]
    assert all(alert.told_at for alert in await budgeted.alerts())
    for statement in (
        "UPDATE budget_alerts SET percent = 1 WHERE account_id = :account",
        "UPDATE budget_alerts SET told_at = NULL WHERE account_id = :account",
        "DELETE FROM budget_alerts WHERE account_id = :account",
    ):
        with pytest.raises(DBAPIError, match="never changes|append-only"):
            async with budgeted.database.transaction() as connection:
                await connection.execute(text(statement), {"account": account_id})


async def test_usage_adds_up_by_day_month_spell_and_key_page_by_page(budgeted: Budgeted) -> None:
    for days in range(3):
        budgeted.now = datetime(2026, 11, 29, 12, tzinfo=UTC) + timedelta(days=days)
        await budgeted.cast(days + 1)
    expected = {
        UsageGroup.DAY: [("2026-11-29", 1), ("2026-11-30", 2), ("2026-12-01", 3)],
        UsageGroup.MONTH: [("2026-11", 3), ("2026-12", 3)],
        UsageGroup.SPELL: [(budgeted.spell_key, 6)],
        UsageGroup.API_KEY: [(budgeted.caster.api_key_id, 6)],
    }
    for by, groups in expected.items():
        query = UsageQuery(by=by, from_day=date(2026, 11, 1), to_day=date(2026, 12, 31))
        lines, after = [], ("", "")
        while page := await budgeted.reads.usage(
            budgeted.caster.account_id, query, after=after, limit=1
        ):
            lines += page
            after = (page[-1].group, page[-1].currency)
        assert [(line.group, line.count) for line in lines] == groups
        assert sum(line.held_micros for line in lines) == 6 * PRICE
    october = UsageQuery(by=by, from_day=date(2026, 10, 1), to_day=date(2026, 11, 28))
    assert not await budgeted.reads.usage(
        budgeted.caster.account_id, october, after=("", ""), limit=10
    )


async def test_every_kind_of_the_api_is_a_kind_of_the_database(database: Database) -> None:
    async with database.reading() as connection:
        rows = (await connection.execute(text("SELECT * FROM budget_kinds"))).all()
    kinds = {row.name: (row.scope, row.period) for row in rows}
    assert set(kinds) == {kind.value for kind in CapKind} | {"balance"}
    assert {name for name, (scope, _) in kinds.items() if scope == "api_key"} == {
        kind.value for kind in CapKind if kind.of_api_key
    }
    # The end of a period is told by the name of its kind.
    assert all(
        name.endswith(f"_{period}") == (period != "ever") for name, (_, period) in kinds.items()
    )

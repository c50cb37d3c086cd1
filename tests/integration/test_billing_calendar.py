"""Goal: a day is an account's own, and is there once. Method: the database against zoneinfo."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from infra.postgres import Database
from infra.repositories.billing_reads import PostgresBillingReads
from infra.repositories.billing_time_zones import PostgresBillingTimeZones
from schema.billing_calendar import BillingClock, begin_of_day
from schema.contracts.budgets import ChangeSubject
from schema.errors import SpellError
from tests.support.builders import Person, make_person

# East and west of everybody, half and quarter hours, clocks that change at midnight or at one.
ZONES = (
    *("UTC", "Europe/Vienna", "America/New_York", "Pacific/Kiritimati", "Pacific/Pago_Pago"),
    *("Asia/Kathmandu", "Australia/Lord_Howe", "Atlantic/Azores", "America/Havana"),
    *("Africa/Cairo", "Asia/Beirut", "America/Santiago", "Pacific/Apia", "Antarctica/Troll"),
)
START = datetime(2026, 1, 1, tzinfo=UTC)
MOMENTS = st.integers(0, 3 * 366 * 86_400).map(lambda seconds: START + timedelta(seconds=seconds))
# So many moments in one question that the database is asked once for each example.
_DAYS = text(
    "SELECT CAST(c.day AS date) FROM unnest(CAST(:moments AS timestamptz[]))"
    " WITH ORDINALITY AS m(moment, n), billing_clock(:account, m.moment) c ORDER BY m.n"
)


class Calendar:
    """The calendar of one account, at moments that the test chooses."""

    def __init__(self, database: Database, person: Person) -> None:
        self.database, self.person = database, person
        self.now = START
        self.zones = PostgresBillingTimeZones(database, clock=lambda: self.now)

    async def set(self, zone: str, at: datetime) -> BillingClock:
        self.now = at
        return await self.zones.set(self.person.caller, zone)

    async def at(self, moment: datetime) -> BillingClock:
        self.now = moment
        return await self.zones.get(self.person.account_id)

    async def days(self, moments: list[datetime]) -> list[date]:
        place = {"moments": moments, "account": self.person.account_id}
        async with self.database.reading() as connection:
            return list((await connection.execute(_DAYS, place)).scalars())


@pytest.fixture
async def calendar(database: Database) -> Calendar:
    return Calendar(database, await make_person(database))


async def in_zone(database: Database, zone: str) -> Calendar:
    """An account that has always counted in this zone."""
    person = await make_person(database)
    row = {"account": person.account_id, "zone": zone}
    async with database.transaction() as connection:
        await connection.execute(
            text(
                "INSERT INTO billing_time_zones (account_id, zone, from_day)"
                " VALUES (:account, :zone, date '1970-01-01')"
            ),
            row,
        )
    return Calendar(database, person)


@pytest.mark.parametrize("zone", ZONES)
async def test_the_database_and_the_calendar_agree_on_every_hour_of_three_years(
    database: Database, zone: str
) -> None:
    calendar = await in_zone(database, zone)
    moments = [START + timedelta(minutes=30 * n) for n in range(3 * 366 * 48)]
    local = ZoneInfo(zone)
    expected = [moment.astimezone(local).date() for moment in moments]
    assert await calendar.days(moments) == expected


@given(st.sampled_from(ZONES), MOMENTS)
def test_a_day_begins_at_its_first_moment(zone: str, moment: datetime) -> None:
    """Also where clocks leap over midnight, and where they have it twice."""
    day = moment.astimezone(ZoneInfo(zone)).date()
    begin, local = begin_of_day(day, zone), ZoneInfo(zone)
    assert begin.astimezone(UTC).astimezone(local).date() == day
    before = begin.astimezone(UTC) - timedelta(seconds=1)
    assert before.astimezone(local).date() < day
    assert begin.astimezone(UTC) <= moment


@given(st.sampled_from(ZONES), MOMENTS)
def test_a_month_ends_when_its_next_first_begins(zone: str, moment: datetime) -> None:
    clock = BillingClock(day=moment.astimezone(ZoneInfo(zone)).date(), time_zone=zone)
    end = clock.month_ends_at
    assert (end.day, end.month) == (1, clock.day.month % 12 + 1)
    assert clock.day_ends_at <= end
    assert timedelta() < end - moment <= timedelta(days=31, hours=2)
    assert (clock.day_ends_at == end) == (clock.day.month != (clock.day + timedelta(1)).month)


CHANGES = st.lists(st.tuples(st.sampled_from(ZONES), st.integers(60, 3 * 86_400)), max_size=8)


async def test_whatever_zones_are_asked_for_no_day_is_there_twice(database: Database) -> None:
    """Method: changes drawn by Hypothesis; the days of the account are then walked through."""
    drawn: list[list[tuple[str, int]]] = []

    @settings(max_examples=40, suppress_health_check=list(HealthCheck), database=None)
    @given(CHANGES)
    def draw(changes: list[tuple[str, int]]) -> None:
        drawn.append(changes)

    draw()
    assert sum(len(changes) > 1 for changes in drawn) > 5
    for changes in drawn:
        await _walk(Calendar(database, await make_person(database)), changes)


async def _walk(calendar: Calendar, changes: list[tuple[str, int]]) -> None:
    now, days = START + timedelta(days=59), [date(2026, 3, 1)]
    for zone, seconds in [*changes, ("UTC", 86_400)]:
        ahead = await calendar.set(zone, now)
        assert ahead.day == days[-1], "asking for another zone changes nothing today"
        moments = [now + timedelta(seconds=s) for s in range(0, seconds, 600)]
        walked = await calendar.days(moments)
        assert walked == sorted(walked), "a day never comes back"
        told = [m for m, day in zip(moments, walked, strict=True) if day > ahead.day]
        if told:
            assert told[0] - timedelta(seconds=600) < ahead.day_ends_at <= told[0]
        else:
            assert moments[-1] < ahead.day_ends_at
        now += timedelta(seconds=seconds)
        days.append((await calendar.days([now]))[0])
    assert days == sorted(days)
    # Days pass no faster than anywhere: a row of changes is no row of allowances.
    assert days[-1] <= now.astimezone(ZoneInfo("Pacific/Kiritimati")).date()


async def test_another_zone_begins_tomorrow_and_the_last_wish_counts(calendar: Calendar) -> None:
    evening = datetime(2026, 10, 24, 20, tzinfo=UTC)
    await calendar.set("America/New_York", evening)
    asked = await calendar.set("Europe/Vienna", evening)
    assert (asked.time_zone, asked.next_time_zone) == ("UTC", "Europe/Vienna")
    assert (asked.day, asked.next_from_day) == (date(2026, 10, 24), date(2026, 10, 25))
    assert asked.day_ends_at == datetime(2026, 10, 25, tzinfo=UTC)
    # 25 October 2026 has 25 hours in Vienna; it began with the midnight of UTC.
    sunday = await calendar.at(datetime(2026, 10, 25, 0, tzinfo=UTC))
    assert (sunday.day, sunday.time_zone) == (date(2026, 10, 25), "Europe/Vienna")
    assert sunday.day_ends_at.isoformat() == "2026-10-26T00:00:00+01:00"
    assert sunday.month_ends_at.isoformat() == "2026-11-01T00:00:00+01:00"


async def test_asking_for_the_zone_of_now_takes_a_wish_back(calendar: Calendar) -> None:
    await calendar.set("Europe/Vienna", START)
    back = await calendar.set("UTC", START)
    assert (back.time_zone, back.next_time_zone) == ("UTC", None)
    reads = PostgresBillingReads(calendar.database)
    changes = await reads.changes(calendar.person.account_id, before=None, limit=10)
    assert [(c.subject, c.changed_by) for c in changes] == [
        (ChangeSubject.TIME_ZONE, calendar.person.api_key_id)
    ] * 2
    assert changes[0].before == {"time_zone": "Europe/Vienna"}
    assert changes[1].after == {"time_zone": "Europe/Vienna", "from_day": "2026-01-02"}


@pytest.mark.parametrize("zone", ["CET", "Europe/Nowhere", "+02:00", "posix/Europe/Vienna", ""])
async def test_what_is_no_zone_is_refused_by_the_database_too(
    calendar: Calendar, zone: str
) -> None:
    with pytest.raises(SpellError) as refused:
        await calendar.set(zone, START)
    assert refused.value.code == "VALIDATION_ERROR"
    insert = text(
        "INSERT INTO billing_time_zones (account_id, zone, from_day)"
        " VALUES (:account, :zone, date '1970-01-01')"
    )
    row = {"account": calendar.person.account_id, "zone": zone}
    with pytest.raises(DBAPIError):
        async with calendar.database.transaction() as connection:
            await connection.execute(insert, row)

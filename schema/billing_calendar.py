"""When an account's days and months begin, by the account's own clock.

Which day a hold falls into is decided by the database, with the hold (`billing_clock`,
migration 0020); here is only when that day will be over, for people to read.
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, StringConstraints

from schema.contracts.base import Contract


def _known(name: str) -> str:
    if name != "UTC" and ("/" not in name or name not in available_timezones()):
        raise ValueError("is no time zone; use UTC or IANA's region and city: Europe/Vienna")
    return name


TimeZoneName = Annotated[
    str, StringConstraints(pattern=r"^[A-Z][A-Za-z0-9_/+-]{1,63}$"), AfterValidator(_known)
]
"""`UTC`, or a name of IANA's such as `Europe/Vienna`; no abbreviations, which know no summer."""


class BillingClock(Contract):
    """Today, in the zone of an account, and the zone that takes over at the end of a day."""

    day: date
    time_zone: str = "UTC"
    next_time_zone: str | None = None
    next_from_day: date | None = None

    @property
    def month(self) -> date:
        """The month of today, by its first day."""
        return self.day.replace(day=1)

    @property
    def day_ends_at(self) -> datetime:
        """When tomorrow begins."""
        return self._begin_of(self.day + timedelta(days=1))

    @property
    def month_ends_at(self) -> datetime:
        """When the next month begins."""
        return self._begin_of((self.month + timedelta(days=32)).replace(day=1))

    def _begin_of(self, day: date) -> datetime:
        """The first moment of a day to come, in the zone that is in force by then."""
        if self.next_time_zone is None or self.next_from_day is None or day <= self.next_from_day:
            return begin_of_day(day, self.time_zone)
        handed_over = begin_of_day(self.next_from_day, self.time_zone)
        zone = ZoneInfo(self.next_time_zone)
        return max(handed_over.astimezone(zone), begin_of_day(day, self.next_time_zone))


def begin_of_day(day: date, time_zone: str) -> datetime:
    """The first moment of a day, which is not always 00:00: some clocks change at midnight."""
    begin = datetime.combine(day, time(), ZoneInfo(time_zone))
    # There and back: a time that the clock leaps over becomes the one that it leaps to.
    return begin.astimezone(UTC).astimezone(ZoneInfo(time_zone))

"""What the routes of schedules need from outside."""

from datetime import datetime
from typing import Protocol

from schema.contracts.schedules import (
    NewSchedule,
    PauseReason,
    ScheduleRunView,
    ScheduleState,
    ScheduleView,
    Timing,
)


class Schedules(Protocol):
    """The schedules of accounts. Methods about one raise SpellError(SCHEDULE_NOT_FOUND)."""

    async def add(self, new: NewSchedule) -> tuple[ScheduleView, bool]:
        """Make one, or find it; the second says whether it is new.

        Raises SpellError: IDEMPOTENCY_CONFLICT, TOO_MANY_SCHEDULES.
        """

    async def schedules(
        self, account_id: str, *, before: tuple[datetime, str] | None, limit: int
    ) -> list[ScheduleView]:
        """The account's schedules, newest first."""

    async def schedule(self, account_id: str, schedule_id: str) -> ScheduleView:
        """One schedule."""

    async def runs(self, schedule_id: str, *, limit: int) -> list[ScheduleRunView]:
        """What came of its last times, newest first."""

    async def change(
        self, account_id: str, view: ScheduleView, inputs_json: str | None
    ) -> ScheduleView:
        """Write what of it has changed; None leaves the inputs."""

    async def set_state(
        self,
        account_id: str,
        schedule_id: str,
        state: ScheduleState,
        reason: PauseReason | None = None,
    ) -> ScheduleView:
        """Pause, resume or delete it."""


class ScheduleClocks(Protocol):
    """What starts schedules when their time has come. Raises SpellError(SERVICE_UNAVAILABLE)."""

    async def ensure(self, schedule_id: str, timing: Timing, *, paused: bool) -> None:
        """Make the clock of a schedule; one that is there stays as it is."""

    async def change(self, schedule_id: str, timing: Timing) -> None:
        """Go by another timing from now on."""

    async def pause(self, schedule_id: str, reason: PauseReason) -> None:
        """Start nothing more by itself."""

    async def resume(self, schedule_id: str) -> None:
        """Go on, from now."""

    async def trigger(self, schedule_id: str) -> None:
        """Cast now."""

    async def delete(self, schedule_id: str) -> None:
        """Stop for good."""

    async def next_times(self, schedule_id: str) -> list[datetime]:
        """When it casts next."""

    async def times_between(
        self, schedule_id: str, begin: datetime, end: datetime
    ) -> list[datetime]:
        """The schedule's times in a range."""

    async def backfill(self, schedule_id: str, begin: datetime, end: datetime) -> None:
        """Cast for every time in a range."""

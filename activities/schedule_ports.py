"""What the activities of schedules need from outside."""

from typing import Protocol

from schema.contracts.cast import Admission, CastInput
from schema.contracts.schedules import DueSchedule, PauseReason, ScheduleRun
from schema.contracts.views import CastView


class DueSchedules(Protocol):
    """What schedules cast, and what came of it."""

    async def due(self, schedule_id: str) -> DueSchedule | None:
        """What the schedule casts; None when it is gone."""

    async def record(
        self, run: ScheduleRun, pause: PauseReason | None = None
    ) -> PauseReason | None:
        """Write down what was done about a time; why the schedule is paused now, if it is."""


class PausedClocks(Protocol):
    """The clocks of schedules."""

    async def pause(self, schedule_id: str, reason: PauseReason) -> None:
        """Start nothing more by itself."""


class Casting(Protocol):
    """The durable process of casts, as the API starts it."""

    async def admit(self, request: CastInput) -> Admission:
        """Start the cast or join it. Raises SpellError."""


class CastReads(Protocol):
    """What is known of casts."""

    async def admission(self, cast_id: str) -> tuple[str, Admission] | None:
        """(fingerprint, admission) that this cast id was answered with."""

    async def cast(self, account_id: str, cast_id: str) -> CastView | None:
        """One cast of the account."""


class Door(Protocol):
    """What every new cast goes through."""

    async def check(self, account_id: str) -> None:
        """Let a new cast pass. Raises SpellError: SERVICE_UNAVAILABLE, TOO_MANY_CASTS."""

"""Casts on a schedule, as messages: when, what, and what came of each time."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Self
from zoneinfo import available_timezones

from pydantic import AwareDatetime, Field, StringConstraints, field_validator, model_validator

from schema.contracts.base import Contract
from schema.contracts.cast import CasterLimits, CastStatus
from schema.contracts.plans import Mode
from schema.contracts.problem import Problem
from schema.cron import check_cron
from schema.ids import AccountId, AliasName, ApiKeyId, CastId, ScheduleId, SpellKey, Version
from schema.limits import SCHEDULE_SECONDS_MAX
from schema.money import Currency, Micros


class Overlap(StrEnum):
    """What a schedule does when its time comes and its last cast has not ended."""

    SKIP = "skip"
    BUFFER_ONE = "buffer_one"
    """One waits for its turn; more are left out."""
    BUFFER_ALL = "buffer_all"
    ALLOW_ALL = "allow_all"


class ScheduleState(StrEnum):
    """Whether a schedule casts."""

    ACTIVE = "active"
    PAUSED = "paused"
    DELETED = "deleted"


class PauseReason(StrEnum):
    """Why a schedule does not cast."""

    ASKED = "asked"
    """Its account paused it."""
    KEY_NOT_LIVE = "key_not_live"
    """The API key that made it is revoked, expired or may not cast."""
    REFUSED = "refused"
    """Its last casts were all refused."""


class Timing(Contract):
    """When a schedule casts: by cron or by an interval."""

    cron: str | None = None
    """Five fields, in `time_zone`."""
    every_seconds: Annotated[int, Field(ge=1, le=SCHEDULE_SECONDS_MAX)] | None = None
    """From the Unix epoch on: every 3600 is at each full hour."""
    time_zone: Annotated[str, StringConstraints(max_length=64)] = "UTC"
    """Of the cron expression, by IANA's name."""
    starts_at: AwareDatetime | None = None
    ends_at: AwareDatetime | None = None
    jitter_seconds: Annotated[int, Field(ge=0, le=3600)] = 0
    """Each time is later by a chance amount up to this."""
    catchup_seconds: Annotated[int, Field(ge=10, le=7 * 86_400)] = 3600
    """How late a time may still be cast, after the platform was away."""
    overlap: Overlap = Overlap.SKIP

    @field_validator("cron")
    @classmethod
    def _is_cron(cls, cron: str | None) -> str | None:
        if cron is not None:
            check_cron(cron)
        return cron

    @field_validator("time_zone")
    @classmethod
    def _is_a_time_zone(cls, name: str) -> str:
        if name not in available_timezones():
            raise ValueError("no time zone of IANA's has this name")
        return name

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Self:
        if (self.cron is None) == (self.every_seconds is None):
            raise ValueError("a schedule has either `cron` or `every_seconds`")
        if self.starts_at and self.ends_at and self.starts_at >= self.ends_at:
            raise ValueError("`starts_at` must be before `ends_at`")
        return self


class ScheduledSpell(Contract):
    """What a schedule casts, besides its inputs."""

    spell_key: SpellKey
    version: Version | AliasName | None = None
    mode: Mode | None = None
    budget_cap_micros: Micros | None = None
    budget_cap_currency: Currency = "USD"
    limits: CasterLimits | None = None
    sealed_callback: Annotated[str, Field(max_length=4096)] | None = None
    """As in `CastInput`: where the end of each cast is told."""


class NewSchedule(Contract):
    """A schedule that is to be made."""

    schedule_id: ScheduleId
    account_id: AccountId
    api_key_id: ApiKeyId
    fingerprint: str
    """Keyed digest of the request's body."""
    spell: ScheduledSpell
    timing: Timing
    inputs_json: str
    """RFC 8785 text of the inputs of each cast."""
    paused: bool = False


class ScheduleView(Contract):
    """A schedule, as its account sees it."""

    schedule_id: ScheduleId
    api_key_id: ApiKeyId
    spell: ScheduledSpell
    timing: Timing
    state: ScheduleState
    reason: PauseReason | None = None
    refusals: int = 0
    """Casts that were refused, in a row."""
    created_at: datetime
    updated_at: datetime


class ScheduleRunView(Contract):
    """What came of one time of a schedule."""

    scheduled_at: datetime
    cast_id: CastId | None = None
    """None when it was refused before there was a cast."""
    status: CastStatus | None = None
    """Of the cast; None when it was refused."""
    problem: Problem | None = None
    """Why it was refused."""
    recorded_at: datetime


class DueSchedule(Contract):
    """What is cast when the time has come."""

    schedule_id: ScheduleId
    account_id: AccountId
    api_key_id: ApiKeyId
    key_is_live: bool
    """Whether the key that made it may still cast."""
    cast_secret: Annotated[bytes, Field(repr=False)]
    spell: ScheduledSpell
    overlap: Overlap
    inputs_json: Annotated[str, Field(repr=False)]


class ScheduleRef(Contract):
    """Start input of `CastOnSchedule`."""

    schedule_id: ScheduleId


class ScheduledTime(Contract):
    """Argument of the activity that casts: which schedule, and which of its times."""

    schedule_id: ScheduleId
    scheduled_at: AwareDatetime


class ScheduleRun(Contract):
    """What was done about one time of a schedule; the result of `CastOnSchedule`."""

    schedule_id: ScheduleId
    scheduled_at: AwareDatetime
    account_id: AccountId | None = None
    """None when the schedule is gone."""
    cast_id: CastId | None = None
    problem: Problem | None = None
    awaited: bool = False
    """Whether the schedule's next time depends on the cast having ended."""


def timing_changed(timing: Timing, change: dict[str, Any]) -> Timing:
    """The timing with these members changed; a cron takes an interval's place, and back.

    Raises:
        ValueError: what comes of it is no timing.
    """
    if change.get("cron") is not None:
        change = {"every_seconds": None, **change}
    if change.get("every_seconds") is not None:
        change = {"cron": None, **change}
    return Timing.model_validate({**timing.model_dump(), **change})

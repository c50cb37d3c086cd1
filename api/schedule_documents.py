"""The JSON documents of schedules."""

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import AwareDatetime, Field, model_validator

from api.documents import CallbackUrl, Money
from schema.contracts.base import Contract
from schema.contracts.cast import CasterLimits
from schema.contracts.plans import Mode
from schema.contracts.schedules import (
    Overlap,
    PauseReason,
    ScheduledSpell,
    ScheduleRunView,
    ScheduleState,
    ScheduleView,
)
from schema.ids import AliasName, ApiKeyId, ScheduleId, SpellKey, Version
from schema.limits import BACKFILL_RANGE


class ScheduleBody(Contract):
    """Body of `POST /v1/schedules`."""

    spell: SpellKey
    inputs: Annotated[Any, Field(description="of each cast; JSON that fits the spell's schema")]
    version: Version | AliasName | None = None
    mode: Mode | None = None
    budget_cap: Annotated[
        Money | None, Field(description="refuse a cast if its worst case costs more")
    ] = None
    limits: CasterLimits | None = None
    callback_url: CallbackUrl = None
    cron: Annotated[
        str | None, Field(description="minute hour day month weekday, such as `0 9 * * mon-fri`")
    ] = None
    every_seconds: int | None = None
    time_zone: Annotated[str, Field(description="of cron, by IANA's name")] = "UTC"
    starts_at: AwareDatetime | None = None
    ends_at: AwareDatetime | None = None
    jitter_seconds: int = 0
    catchup_seconds: int = 3600
    overlap: Overlap = Overlap.SKIP
    paused: bool = False


class ScheduleChange(Contract):
    """Body of `PATCH /v1/schedules/{id}`: what is there changes, from the next time on."""

    inputs: Any = None
    version: Version | AliasName | None = None
    mode: Mode | None = None
    budget_cap: Money | None = None
    limits: CasterLimits | None = None
    callback_url: CallbackUrl = None
    cron: str | None = None
    every_seconds: int | None = None
    time_zone: str = "UTC"
    starts_at: AwareDatetime | None = None
    ends_at: AwareDatetime | None = None
    jitter_seconds: int = 0
    catchup_seconds: int = 3600
    overlap: Overlap = Overlap.SKIP

    @property
    def spell_changes(self) -> dict[str, Any]:
        """Members of `ScheduledSpell` that the request has, but for the callback's seal."""
        changes = self.model_dump(include=self.model_fields_set & {"version", "mode", "limits"})
        if "budget_cap" in self.model_fields_set:
            changes |= cap_members(self.budget_cap)
        return changes

    @property
    def timing_changes(self) -> dict[str, Any]:
        """Members of `Timing` that the request has."""
        others = {"inputs", "version", "mode", "limits", "budget_cap", "callback_url"}
        return self.model_dump(include=self.model_fields_set - others)


class BackfillBody(Contract):
    """Body of `POST /v1/schedules/{id}:backfill`."""

    begin: Annotated[AwareDatetime, Field(alias="from")]
    end: Annotated[AwareDatetime, Field(alias="to")]

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        if not self.begin < self.end <= self.begin + BACKFILL_RANGE:
            raise ValueError(f"`from` is before `to`, {BACKFILL_RANGE.days} days at most")
        return self


class ScheduleDocument(Contract):
    """A schedule."""

    schedule_id: ScheduleId
    spell: SpellKey
    version: Version | AliasName | None
    mode: Mode | None
    budget_cap: Money | None
    limits: CasterLimits | None
    has_callback: Annotated[bool, Field(description="whether the casts' ends are told to a URL")]
    cron: str | None
    every_seconds: int | None
    time_zone: str
    starts_at: datetime | None
    ends_at: datetime | None
    jitter_seconds: int
    catchup_seconds: int
    overlap: Overlap
    state: ScheduleState
    reason: Annotated[PauseReason | None, Field(description="why it is paused")]
    refusals: Annotated[int, Field(description="casts that were refused, in a row")]
    api_key_id: ApiKeyId
    created_at: datetime
    updated_at: datetime


class ScheduleDetails(ScheduleDocument):
    """A schedule, with what comes and what was."""

    next_times: list[datetime]
    runs: Annotated[list[ScheduleRunView], Field(description="the last ones, newest first")]


class SchedulePage(Contract):
    """A page of schedules."""

    items: list[ScheduleDocument]
    next_cursor: str | None


class BackfillAnswer(Contract):
    """The times that a backfill casts for; those that were cast before are not cast again."""

    times: list[datetime]


def scheduled_spell(body: ScheduleBody, sealed_callback: str | None) -> ScheduledSpell:
    """What the request has cast."""
    members = body.model_dump(include={"version", "mode", "limits"})
    return ScheduledSpell(
        spell_key=body.spell,
        sealed_callback=sealed_callback,
        **members,
        **cap_members(body.budget_cap),
    )


def cap_members(cap: Money | None) -> dict[str, Any]:
    """A budget cap as members of `ScheduledSpell`."""
    if cap is None:
        return {"budget_cap_micros": None, "budget_cap_currency": "USD"}
    return {"budget_cap_micros": cap.micros, "budget_cap_currency": cap.currency}


def schedule_document(view: ScheduleView) -> ScheduleDocument:
    """The document of a schedule."""
    return ScheduleDocument(**_members(view))


def schedule_details(
    view: ScheduleView, next_times: list[datetime], runs: list[ScheduleRunView]
) -> ScheduleDetails:
    """The document of one schedule."""
    return ScheduleDetails(**_members(view), next_times=next_times, runs=runs)


def _members(view: ScheduleView) -> dict[str, Any]:
    spell = view.spell.model_dump()
    spell["spell"] = spell.pop("spell_key")
    micros, currency = spell.pop("budget_cap_micros"), spell.pop("budget_cap_currency")
    spell["has_callback"] = spell.pop("sealed_callback") is not None
    return {
        **view.model_dump(exclude={"spell", "timing"}),
        **view.timing.model_dump(),
        **spell,
        "budget_cap": None if micros is None else Money(micros=micros, currency=currency),
    }

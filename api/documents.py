"""The JSON documents that routes answer with, where they are not plain views."""

import json
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from schema.artifact_names import OUTPUT_ARTIFACT
from schema.contracts.advisories import RecordedException
from schema.contracts.artifacts import ArtifactLink, ArtifactView
from schema.contracts.base import Contract
from schema.contracts.cast import (
    Admission,
    Billing,
    CasterLimits,
    CastStatus,
    FellBack,
)
from schema.contracts.notifications import NotificationView
from schema.contracts.plans import Mode
from schema.contracts.run import RunViolation, Stages
from schema.contracts.supply_chain_log import LogEntryView
from schema.contracts.views import CastView, SpellSummary
from schema.contracts.webhooks import WebhookDeliveryView
from schema.ids import AliasName, CastId, Digest, MessageId, SpellKey, Version
from schema.money import Currency, Micros
from schema.webhook_targets import URL_CHARS_MAX, webhook_url

CallbackUrl = Annotated[
    str | None,
    Field(max_length=URL_CHARS_MAX, description="https; told of the cast's end, signed"),
    AfterValidator(lambda url: url if url is None else webhook_url(url)),
]


class Money(Contract):
    """An amount: integer micros of a currency (1 USD = 1,000,000)."""

    micros: Micros
    currency: Currency = "USD"


class CastBody(Contract):
    """Body of `POST /v1/spells/{key}:cast`."""

    inputs: Annotated[Any, Field(description="JSON that fits the spell's input schema")]
    version: Annotated[
        Version | AliasName | None,
        Field(description="a version, or an alias such as latest, which is also the default"),
    ] = None
    mode: Mode | None = None
    budget_cap: Annotated[
        Money | None, Field(description="refuse the cast if its worst case costs more")
    ] = None
    limits: Annotated[
        CasterLimits | None,
        Field(description="bounds of this run; each counts where it is below the spell's own"),
    ] = None
    callback_url: CallbackUrl = None


class VersionBody(Contract):
    """Body of what is about one version: what an alias names, what a caster agrees to."""

    version: Version


class AdmittedCast(Contract):
    """Answer of an admitted cast that is not finished yet (202)."""

    cast_id: CastId
    status: CastStatus
    spell: SpellKey
    version: Version
    progress_sse: str
    estimated_cost: Money
    budget_remaining: Money


class ResultArtifact(Contract):
    """Where a succeeded cast's result is, when it is not in the cast's document."""

    name: str = OUTPUT_ARTIFACT
    expires_at: str
    """When it is deleted, or was: ARTIFACT_EXPIRED since."""
    bytes: int | None = None
    digest: Digest | None = None
    link: ArtifactLink | None = None
    """Good for five minutes; None when the result is gone."""


class CastDocument(Contract):
    """A cast as its caster sees it, with its result once there is one."""

    cast_id: CastId
    status: CastStatus
    billing: Billing
    spell: SpellKey
    version: Version
    mode: Mode
    fell_back: FellBack | None = None
    """Why it did not run in its spell's first choice, where it did not."""
    estimated_cost: Money
    cost: Money
    usage: dict[str, int] | None = None
    result: Any = None
    """None also where it is too large, or too old, to be here: see `result_artifact`."""
    result_artifact: ResultArtifact | None = None
    problem: dict[str, Any] | None = None
    violations: list[RunViolation] = Field(default_factory=list)
    """What the spell tried and was not allowed."""
    stages: Stages | None = None
    """Where the time of the run went."""
    engine: str | None = None
    created_at: str
    started_at: str | None = None
    finished_at: str | None = None
    links: dict[str, str]


class ArtifactDocument(ArtifactView):
    """An artifact, with a short-lived link to it; None where it is gone."""

    link: ArtifactLink | None = None

    @classmethod
    def of(cls, view: ArtifactView, link: ArtifactLink | None) -> "ArtifactDocument":
        """The artifact with its link."""
        return cls(**view.model_dump(), link=link)


class ArtifactList(Contract):
    """What a cast left: its result first, then the rest by name."""

    items: list[ArtifactDocument]


class CastPage(Contract):
    """Some of the account's casts, newest first."""

    items: list[CastDocument]
    next_cursor: str | None = None


class SpellPage(Contract):
    """Some spells, in the order of their keys."""

    items: list[SpellSummary]
    next_cursor: str | None = None


class ExceptionPage(Contract):
    """Some advisory exceptions, in the order of their ids."""

    items: list[RecordedException]
    next_cursor: str | None = None


class DeliveryPage(Contract):
    """Some of what was sent to an endpoint, newest first."""

    items: list[WebhookDeliveryView]
    next_cursor: str | None = None


class MessageSent(Contract):
    """A webhook message that is on its way."""

    message_id: MessageId


class LogPage(Contract):
    """Some of the supply-chain log, newest first."""

    items: list[LogEntryView]
    next_cursor: str | None = None


class NotificationPage(Contract):
    """Some of what an account was told, newest first."""

    items: list[NotificationView]
    next_cursor: str | None = None


class CancelledCast(Contract):
    """Answer of a cancel: how the cast ended, and whether the cancel was in time to matter."""

    accepted: bool
    cast: CastDocument


def admitted_cast(admission: Admission) -> AdmittedCast:
    """The 202 document: the same for every repetition of the request."""
    assert admission.plan is not None
    return AdmittedCast(
        cast_id=admission.cast_id,
        status=CastStatus.QUEUED,
        spell=admission.plan.spell_key,
        version=admission.plan.version,
        progress_sse=f"/v1/casts/{admission.cast_id}/events",
        estimated_cost=Money(micros=admission.estimated_cost_micros, currency=admission.currency),
        budget_remaining=Money(
            micros=admission.budget_remaining_micros, currency=admission.currency
        ),
    )


def cast_document(
    view: CastView, output: bytes | None = None, result_artifact: ResultArtifact | None = None
) -> CastDocument:
    """A cast with its output or where that is, if either is given."""
    base = f"/v1/casts/{view.cast_id}"
    return CastDocument(
        cast_id=view.cast_id,
        status=view.status,
        billing=view.billing,
        spell=view.spell,
        version=view.version,
        mode=view.mode,
        fell_back=view.fell_back,
        estimated_cost=Money(micros=view.estimated_cost_micros, currency=view.currency),
        cost=Money(micros=view.cost_micros, currency=view.currency),
        usage=view.usage.model_dump() if view.usage else None,
        result=json.loads(output) if output is not None else None,
        result_artifact=result_artifact,
        problem=view.problem.model_dump(mode="json") if view.problem else None,
        violations=view.violations,
        stages=view.stages,
        engine=view.engine,
        created_at=view.created_at.isoformat(),
        started_at=view.started_at.isoformat() if view.started_at else None,
        finished_at=view.finished_at.isoformat() if view.finished_at else None,
        links={
            "self": base,
            "events": f"{base}/events",
            "logs": f"{base}/logs",
            "artifacts": f"{base}/artifacts",
            "receipt": f"{base}/receipt",
            "transfers": f"{base}/transfers",
            "cancel": f"{base}:cancel",
        },
    )

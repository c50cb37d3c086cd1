"""Advisories: what an import did, what policy weighs, what was excepted."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import Field, model_validator

from schema.contracts.base import Contract
from schema.contracts.supply_chain import AdvisoryException, Severity, Snapshot
from schema.ids import ExceptionId

Score = Annotated[float, Field(ge=0.0, le=10.0)]


class AdvisoryPolicy(Contract):
    """What a score does to a decision (product.md 5), and the version that says so in evidence."""

    refuse_score: Score = 7.0
    """From this CVSS base score on, a hit refuses."""
    warn_score: Score = 5.0
    """From this score on, it warns; below it is noted."""
    unscored: Severity = Severity.WARN
    """What a hit does that no source scores."""
    stale_days: Annotated[int, Field(ge=1, le=365)] = 7
    """A snapshot that was last brought up to date longer ago than this warns."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.warn_score > self.refuse_score:
            raise ValueError("the score that warns must not be above the score that refuses")
        return self

    @property
    def version(self) -> str:
        """Names these rules and their numbers: another policy, another version."""
        return (
            f"advisories-1:refuse>={self.refuse_score:g},warn>={self.warn_score:g},"
            f"unscored={self.unscored.value},stale>{self.stale_days}d"
        )


class ImportOrder(Contract):
    """What to import."""

    full: bool = False
    """Every record, and not only those newer than the last ones; once a week is enough."""


class BadRecord(Contract):
    """A record of a source that could not be taken."""

    name: str
    """Of the file within its source."""
    cause: str


class SourceReport(Contract):
    """What an import found in one source."""

    source: str
    """OSV's name of the ecosystem, or the name of the folder."""
    digest: str | None = None
    """Of the archive, `sha256:…`; None for what was not one file."""
    seen: int = 0
    """Records that were read."""
    written: int = 0
    """Of them, new or changed ones."""
    bad: int = 0
    """Records that could not be taken."""
    bad_records: list[BadRecord] = Field(default_factory=list)
    """The first of them, by name."""
    git_ranges: int = 0
    """Ranges of commits, which packages cannot be matched with: they were left out."""
    newest_modified: datetime | None = None


class ImportReport(Contract):
    """What an import did, over all of its sources."""

    snapshot: Snapshot
    """What is matched from now on."""
    changed: bool
    """Whether anything that is matched is other than before: only then there is a new snapshot."""
    sources: list[SourceReport]
    failed: dict[str, str] = Field(default_factory=dict)
    """Sources that could not be read at all, and why."""


class RecordedException(AdvisoryException):
    """An exception as it is kept: removing one is recorded, and never deletes it."""

    id: ExceptionId
    added_at: datetime
    removed_at: datetime | None = None
    removed_by: str | None = None


def evidence_changed(before: Snapshot, after: Snapshot) -> bool:
    """Whether decisions made on the first may differ from ones made on the second."""
    return before.id != after.id

"""What happens to published versions later: re-scans, findings and their clocks, as messages."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import AwareDatetime, Field

from schema.contracts.base import Contract
from schema.contracts.publish import VersionState
from schema.contracts.supply_chain import Reason
from schema.ids import Digest, SpellKey, Version


class FindingEnd(StrEnum):
    """How a finding was closed."""

    FIXED = "fixed"
    """Newer advisory data does not refuse the component any more."""
    EXCEPTED = "excepted"
    """An operator made an exception."""
    WITHDRAWN = "withdrawn"
    """The maker yanked the version."""
    DELISTED = "delisted"
    """Its time ran out, and the version was delisted."""


class Finding(Contract):
    """A vulnerability that policy refuses, found on a version after it was published."""

    id: int
    spell_key: SpellKey
    version: Version
    advisory_id: str
    """The first id of its alias group when it was found."""
    aliases: list[str]
    purl: str
    code: str
    message: str
    details: dict[str, Any] = Field(default_factory=dict)
    snapshot: str
    """The advisory snapshot that it was first seen in."""
    opened_at: AwareDatetime
    due_at: AwareDatetime
    """When the version is delisted unless the finding is closed before."""
    closed_at: AwareDatetime | None = None
    closed_as: FindingEnd | None = None

    @property
    def names(self) -> frozenset[str]:
        """Every id that the vulnerability goes by."""
        return frozenset({self.advisory_id, *self.aliases})


class VersionRef(Contract):
    """One version of one spell."""

    spell_key: SpellKey
    version: Version


class ListedVersion(VersionRef):
    """A version that a re-scan looks at."""

    package_digest: Digest


class RescanInput(Contract):
    """Start input of `RescanVersions`, and what goes on to its next run."""

    after: VersionRef | None = None
    """Where the run before ended."""
    import_first: bool = True
    """Bring the advisories in before the first page."""
    report: "RescanReport | None" = None
    """What the runs before found."""


class RescanReport(Contract):
    """What a re-scan found."""

    looked_at: int = 0
    opened: int = 0
    """Findings that are new."""
    closed: int = 0
    relisted: int = 0
    """Versions that may be cast again."""
    refused_otherwise: int = 0
    """Versions whose verdict refuses for more than advisories, which casts are refused for."""
    undecided: int = 0
    """Versions on which there is no verdict, because a check could not be made; tried again next
    time."""

    def plus(self, other: "RescanReport") -> "RescanReport":
        """Both together."""
        return RescanReport(
            **{
                name: getattr(self, name) + getattr(other, name)
                for name in RescanReport.model_fields
            }
        )


class RescanPage(Contract):
    """Argument of the step that looks at some versions."""

    after: VersionRef | None = None


class RescannedPage(Contract):
    """What one page of versions came to."""

    report: RescanReport
    last: VersionRef | None = None
    """The last one that was looked at; None when there are no more."""


class RescanSummary(Contract):
    """Argument of the step that writes a re-scan down."""

    reference: str
    report: RescanReport


class FindingsChange(Contract):
    """What a verdict of now did to the findings of a version."""

    opened: list[Finding] = Field(default_factory=list)
    closed: list[Finding] = Field(default_factory=list)
    open: list[Finding] = Field(default_factory=list)
    """Those that are open afterwards."""
    delisted: bool = False
    relisted: bool = False


class ClockState(Contract):
    """What an advisory clock waits for."""

    due_at: AwareDatetime | None = None
    """When the first of the open findings is due; None when none is open."""
    findings: int = 0


class ClockMoment(VersionRef):
    """Argument of the steps of a clock: which version, and the workflow's time."""

    at: AwareDatetime


class Reminder(VersionRef):
    """Argument of the step that reminds a maker."""

    due_at: AwareDatetime
    days_left: int


class ClockResult(Contract):
    """How an advisory clock ended."""

    delisted: bool


class VulnerabilityReport(Contract):
    """What is known of the components of one version (product.md 5)."""

    key: SpellKey
    version: Version
    state: VersionState
    snapshot: str
    """The advisory snapshot of the newest verdict."""
    decided_at: datetime
    reasons: list[Reason]
    """What the newest verdict says of vulnerabilities, worst first."""
    findings: list[Finding]
    """What was found after publishing, the newest first; open ones have a clock that runs."""

"""The supply-chain audit log, as messages: who did what to which spell, and what checks said."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from schema.contracts.base import Contract
from schema.ids import Digest, SpellKey, Version

PLATFORM_ACTOR = "platform"
"""Who did what nobody asked for: re-scans, clocks, automatic suspension."""


class DeedKind(StrEnum):
    """What can be done to a package, a version, a spell, or to whom they rest on."""

    PUBLISHED = "published"
    REFUSED = "refused"
    YANKED = "yanked"
    UNYANKED = "unyanked"
    SUSPENDED = "suspended"
    UNSUSPENDED = "unsuspended"
    ALIAS_SET = "alias_set"
    ALIAS_REMOVED = "alias_removed"
    REVOKED = "revoked"
    LIFTED = "lifted"
    IDENTITY_ALLOWED = "identity_allowed"
    IDENTITY_REMOVED = "identity_removed"
    ADVISORIES_IMPORTED = "advisories_imported"
    EXCEPTION_MADE = "exception_made"
    EXCEPTION_REMOVED = "exception_removed"
    RESCANNED = "rescanned"
    FINDING_OPENED = "finding_opened"
    FINDING_CLOSED = "finding_closed"
    DELISTED = "delisted"
    RELISTED = "relisted"


class LogEntry(Contract):
    """One deed, as it is written down. Holds no secret and nothing of what casters send."""

    reference: Annotated[str, Field(min_length=1, max_length=512)]
    """Names the deed by business ids, so that one that is repeated is written down once."""
    kind: DeedKind
    actor: Annotated[str, Field(min_length=1, max_length=128)]
    """An account's id, `operator` for a command on the platform's machine, or `platform`."""
    spell_key: SpellKey | None = None
    version: Version | None = None
    package_digest: Digest | None = None
    details: dict[str, Any] = Field(default_factory=dict)


class LogEntryView(LogEntry):
    """One deed, as it is read; ids count up in the order of writing, with gaps."""

    id: int
    created_at: datetime

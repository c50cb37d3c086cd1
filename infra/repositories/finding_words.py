"""What the log and the maker are told of findings. References are made of business ids."""

from collections.abc import Sequence
from typing import Any

from schema.contracts.aftercare import Finding, Reminder, VersionRef
from schema.contracts.notifications import NewNotification, NotificationKind
from schema.contracts.supply_chain import Decision
from schema.contracts.supply_chain_log import PLATFORM_ACTOR, DeedKind, LogEntry


def opened_entry(finding: Finding, package_digest: str) -> LogEntry:
    """A finding was opened."""
    return LogEntry(
        reference=f"finding_opened:{finding.id}",
        kind=DeedKind.FINDING_OPENED,
        actor=PLATFORM_ACTOR,
        spell_key=finding.spell_key,
        version=finding.version,
        package_digest=package_digest,
        details=_about(finding),
    )


def closed_entry(finding: Finding) -> LogEntry:
    """A finding was closed."""
    return LogEntry(
        reference=f"finding_closed:{finding.id}",
        kind=DeedKind.FINDING_CLOSED,
        actor=PLATFORM_ACTOR,
        spell_key=finding.spell_key,
        version=finding.version,
        details=_about(finding),
    )


def delisted_entry(
    version: VersionRef, package_digest: str, due: Sequence[Finding], transaction: str
) -> LogEntry:
    """A version's time ran out."""
    return _version_entry(
        DeedKind.DELISTED,
        version,
        package_digest,
        transaction,
        {"findings": [_about(one) for one in due]},
    )


def relisted_entry(
    version: VersionRef, package_digest: str, decision: Decision, transaction: str
) -> LogEntry:
    """Nothing is left against a version that had been delisted."""
    snapshot = {"snapshot": decision.evidence.snapshot}
    return _version_entry(DeedKind.RELISTED, version, package_digest, transaction, snapshot)


def opened(account_id: str, findings: Sequence[Finding]) -> NewNotification:
    """Tell the maker what was found, and by when it must be mended."""
    return _about_findings(NotificationKind.FINDING_OPENED, account_id, findings)


def closed(account_id: str, findings: Sequence[Finding]) -> NewNotification:
    """Tell the maker what is over."""
    return _about_findings(NotificationKind.FINDING_CLOSED, account_id, findings)


def delisting_near(
    account_id: str, reminder: Reminder, findings: Sequence[Finding]
) -> NewNotification:
    """Remind the maker of the time that is left."""
    due_at = reminder.due_at.isoformat()
    return NewNotification(
        reference=f"delisting_near:{reminder.spell_key}:{reminder.version}:{due_at}"
        f":{reminder.days_left}",
        account_id=account_id,
        kind=NotificationKind.DELISTING_NEAR,
        spell_key=reminder.spell_key,
        version=reminder.version,
        details={
            "days_left": reminder.days_left,
            "due_at": due_at,
            "findings": [_about(one) for one in findings],
        },
    )


def delisted(account_id: str, entry: LogEntry) -> NewNotification:
    """Tell the maker that the version was delisted."""
    return _of_entry(NotificationKind.VERSION_DELISTED, account_id, entry)


def relisted(account_id: str, entry: LogEntry) -> NewNotification:
    """Tell the maker that the version may be cast again."""
    return _of_entry(NotificationKind.VERSION_RELISTED, account_id, entry)


def _version_entry(
    kind: DeedKind,
    version: VersionRef,
    package_digest: str,
    transaction: str,
    details: dict[str, Any],
) -> LogEntry:
    return LogEntry(
        reference=f"{kind.value}:{version.spell_key}:{version.version}:{transaction}",
        kind=kind,
        actor=PLATFORM_ACTOR,
        spell_key=version.spell_key,
        version=version.version,
        package_digest=package_digest,
        details=details,
    )


def _about_findings(
    kind: NotificationKind, account_id: str, findings: Sequence[Finding]
) -> NewNotification:
    ids = [one.id for one in findings]
    return NewNotification(
        reference=f"{kind.value}:{min(ids)}-{max(ids)}",
        account_id=account_id,
        kind=kind,
        spell_key=findings[0].spell_key,
        version=findings[0].version,
        details={"findings": [_about(one) for one in findings]},
    )


def _of_entry(kind: NotificationKind, account_id: str, entry: LogEntry) -> NewNotification:
    return NewNotification(
        reference=entry.reference,
        account_id=account_id,
        kind=kind,
        spell_key=entry.spell_key,
        version=entry.version,
        details=entry.details,
    )


def _about(finding: Finding) -> dict[str, Any]:
    """What casters and makers may both read of a finding."""
    return finding.model_dump(
        mode="json",
        include={
            *("id", "advisory_id", "aliases", "purl", "code", "message", "snapshot"),
            *("opened_at", "due_at", "closed_at", "closed_as"),
        },
        exclude_none=True,
    )

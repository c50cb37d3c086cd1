"""What a notification says to people and to programs."""

from typing import Any

from schema.contracts.notifications import Notification, NotificationKind

_SUBJECTS = {
    NotificationKind.FINDING_OPENED: "{spell}: a vulnerability was found",
    NotificationKind.FINDING_CLOSED: "{spell}: a finding is closed",
    NotificationKind.DELISTING_NEAR: "{spell} is delisted in {days} days",
    NotificationKind.VERSION_DELISTED: "{spell} was delisted",
    NotificationKind.VERSION_RELISTED: "{spell} is listed again",
}
_REMEDIES = {
    NotificationKind.FINDING_OPENED: "Publish a version without it and yank this one, or ask the "
    "operator for an exception. Until the due time this version can be cast.",
    NotificationKind.DELISTING_NEAR: "Publish a version without it and yank this one, or ask the "
    "operator for an exception.",
    NotificationKind.VERSION_DELISTED: "New casts of it are refused. It is listed again as soon as "
    "newer advisories or an exception clear it.",
}


def subject_of(notification: Notification) -> str:
    """One line."""
    spell = f"{notification.spell_key} {notification.version}"
    days = notification.details.get("days_left", "")
    return _SUBJECTS[notification.kind].format(spell=spell, days=days)


def text_of(notification: Notification) -> str:
    """The whole of it, for people."""
    lines = [subject_of(notification), ""]
    for finding in notification.details.get("findings", []):
        lines += [f"- {finding['message']}", f"  due {finding['due_at']}"]
    remedy = _REMEDIES.get(notification.kind)
    if remedy:
        lines += ["", remedy]
    lines += ["", f"spell vulnerabilities {notification.spell_key} {notification.version}"]
    return "\n".join(lines) + "\n"


def event_of(notification: Notification) -> dict[str, Any]:
    """The body of a webhook (Standard Webhooks, "payload structure")."""
    return {
        "type": notification.kind.value,
        "timestamp": notification.created_at.isoformat(),
        "data": {
            "spell": notification.spell_key,
            "version": notification.version,
            **notification.details,
        },
    }

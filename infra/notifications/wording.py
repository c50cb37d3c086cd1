"""What a notification says to people."""

from schema.contracts.notifications import Notification, NotificationKind

_SUBJECTS = {
    NotificationKind.FINDING_OPENED: "{spell}: a vulnerability was found",
    NotificationKind.FINDING_CLOSED: "{spell}: a finding is closed",
    NotificationKind.DELISTING_NEAR: "{spell} is delisted in {days} days",
    NotificationKind.VERSION_DELISTED: "{spell} was delisted",
    NotificationKind.VERSION_RELISTED: "{spell} is listed again",
    NotificationKind.SPELL_SUSPENDED: "{spell} was suspended",
    NotificationKind.SPELL_UNSUSPENDED: "{spell} is not suspended any more",
    NotificationKind.SPELL_REVOKED: "{spell} was revoked",
    NotificationKind.REVOCATION_LIFTED: "{spell} is not revoked any more",
    NotificationKind.ENDPOINT_DISABLED: "a webhook endpoint was disabled",
}
_REMEDIES = {
    NotificationKind.FINDING_OPENED: "Publish a version without it and yank this one, or ask the "
    "operator for an exception. Until the due time this version can be cast.",
    NotificationKind.DELISTING_NEAR: "Publish a version without it and yank this one, or ask the "
    "operator for an exception.",
    NotificationKind.VERSION_DELISTED: "New casts of it are refused. It is listed again as soon as "
    "newer advisories or an exception clear it.",
    NotificationKind.SPELL_SUSPENDED: "New casts of it are refused until the operator lifts the "
    "suspension.",
    NotificationKind.ENDPOINT_DISABLED: "Mend what receives it, then: spell webhooks update "
    "<endpoint> --enable, and spell webhooks replay <endpoint> --since <time> for what it missed.",
    NotificationKind.SPELL_REVOKED: "Casts of what rests on it were stopped, and are refused.",
}


def subject_of(notification: Notification) -> str:
    """One line."""
    spell = _named(notification)
    others = notification.details.get("spells_total", 1) - 1
    if others:
        spell += f" and {others} more"
    days = notification.details.get("days_left", "")
    return _SUBJECTS[notification.kind].format(spell=spell, days=days)


def text_of(notification: Notification) -> str:
    """The whole of it, for people."""
    details = notification.details
    lines = [subject_of(notification), ""]
    if details.get("endpoint"):
        lines.append(f"Endpoint: {details['endpoint']}")
    if details.get("reason"):
        lines.append(f"Reason: {details['reason']}")
    for finding in details.get("findings", []):
        lines += [f"- {finding['message']}", f"  due {finding['due_at']}"]
    unnamed = details.get("findings_total", 0) - len(details.get("findings", []))
    if unnamed > 0:
        lines.append(f"- and {unnamed} more")
    remedy = _REMEDIES.get(notification.kind)
    if remedy:
        lines += ["", remedy]
    if notification.version:
        lines += ["", f"spell vulnerabilities {_named(notification)}"]
    return "\n".join(lines) + "\n"


def _named(notification: Notification) -> str:
    """The spell, and the version if it is about one."""
    return " ".join(filter(None, [notification.spell_key, notification.version]))

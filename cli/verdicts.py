"""A supply-chain verdict for people: what each check came to, and every reason with its remedy."""

from collections.abc import Iterable
from typing import Any

from schema.contracts.supply_chain import Check, Severity
from schema.supply_chain.reasons import REASONS

# The worst first.
_ORDER = [severity.value for severity in Severity]
_OUTCOMES = {"refuse": "refused", "warn": "warned", "note": "passed"}
_SUBJECTS_SHOWN_MAX = 4


def check_lines(decision: dict[str, Any]) -> list[str]:
    """The outcome of each check of a decision, and what it went by.

    Args:
        decision: as the API shows it.
    """
    verdict = "passed" if decision["passed"] else "refused"
    return [f"verdict  {verdict}", *(_line(check, decision) for check in Check)]


def reason_lines(reasons: Iterable[dict[str, Any]]) -> list[str]:
    """Every reason with what to do about it, the worst first; alike ones are told once.

    Args:
        reasons: of a decision, as the API shows them.
    """
    alike: dict[tuple[str, str, str], list[str]] = {}
    for each in sorted(reasons, key=lambda each: _ORDER.index(each["severity"])):
        subjects = alike.setdefault((each["severity"], each["code"], each["message"]), [])
        if each.get("subject"):
            subjects.append(each["subject"])
    lines = []
    for (severity, code, message), subjects in alike.items():
        lines.append(f"{severity:<8} {code}: {message}{_listed(subjects)}")
        if code in REASONS and severity != Severity.NOTE:
            lines.append(f"         What to do: {REASONS[code].remedy}")
    return lines


def _line(check: Check, decision: dict[str, Any]) -> str:
    outcome = _outcome(each for each in decision["reasons"] if each["check"] == check)
    return f"         {check.value:<13}{outcome:<9}{_about(check, decision)}".rstrip()


def _outcome(reasons: Iterable[dict[str, Any]]) -> str:
    worst = min((each["severity"] for each in reasons), key=_ORDER.index, default="note")
    return _OUTCOMES[worst]


def _about(check: Check, decision: dict[str, Any]) -> str:
    """Who signed, and as of when advisories are known."""
    if check is Check.SIGNATURE and decision["signer"]:
        signer = decision["signer"]
        return f"signed by {signer['identity']} ({signer['issuer']})"
    if check is Check.ADVISORIES:
        snapshot = decision["evidence"]["snapshot"]
        return "no advisories imported" if snapshot == "none" else f"as of {snapshot}"
    return ""


def _listed(subjects: list[str]) -> str:
    if not subjects:
        return ""
    shown = ", ".join(subjects[:_SUBJECTS_SHOWN_MAX])
    more = len(subjects) - _SUBJECTS_SHOWN_MAX
    return f" ({shown} and {more} more)" if more > 0 else f" ({shown})"

"""What known vulnerabilities do to a decision: policy and exceptions, applied to hits.

Pure: the clock is an argument. The same hits, exceptions, time and policy give the same reasons.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from schema.contracts.advisories import AdvisoryPolicy
from schema.contracts.supply_chain import (
    AdvisoryException,
    AdvisoryHit,
    Reason,
    Severity,
    Snapshot,
)
from schema.supply_chain.reasons import reason

EXCEPTION_DAYS_MAX = 365


def advisory_reasons(
    hits: Sequence[AdvisoryHit],
    exceptions: Sequence[AdvisoryException],
    now: datetime,
    policy: AdvisoryPolicy,
    *,
    spell_key: str | None = None,
) -> list[Reason]:
    """One reason per hit, worst first. An exception in force makes it a note that names it.

    Args:
        hits: what matching found.
        exceptions: an expired one, or one for another spell or component, counts for nothing.
        now: what expiry is measured by.
        policy: which score refuses and which warns.
        spell_key: the spell that is decided on.
    """
    found = [_reason(hit, _exception_for(hit, exceptions, now, spell_key), policy) for hit in hits]
    return sorted(found, key=_worst_first)


def snapshot_reasons(snapshot: Snapshot, now: datetime, policy: AdvisoryPolicy) -> list[Reason]:
    """What there is to say about the advisories themselves: that there are none, or old ones."""
    if snapshot.id == "none":
        return [reason("NO_ADVISORIES", severity=Severity.WARN)]
    asked = snapshot.checked_at or snapshot.taken_at
    if asked is not None and now - asked > timedelta(days=policy.stale_days):
        message = f"The advisories were last brought up to date on {asked:%Y-%m-%d}."
        details = {"snapshot": snapshot.id, "checked_at": asked.isoformat()}
        return [
            reason("ADVISORIES_STALE", message, severity=Severity.WARN, details=details),
        ]
    return []


def uncovered_reasons(purls: Sequence[str]) -> list[Reason]:
    """That advisories say nothing of these components, which is not that they are sound."""
    if not purls:
        return []
    others = f" and {len(purls) - 1:,} more" if purls[1:] else ""
    message = f"No advisories cover {purls[0][:200]!r}{others}."
    details = {"purls": [purl[:200] for purl in purls[:10]], "number": len(purls)}
    return [reason("ADVISORIES_UNCOVERED", message, severity=Severity.NOTE, details=details)]


def _reason(
    hit: AdvisoryHit, exception: AdvisoryException | None, policy: AdvisoryPolicy
) -> Reason:
    code, severity = _weigh(hit, policy)
    message, details = _sentence(hit), _details(hit)
    if exception is not None:
        severity = Severity.NOTE
        until = f"{exception.expires_at:%Y-%m-%d}"
        message += (
            f" Excepted by {exception.added_by} until {until}"
            f" ({exception.justification.value}): {exception.statement}"
        )
        details["exception"] = exception.model_dump(mode="json", exclude_none=True)
    return reason(code, message, severity=severity, subject=hit.purl, details=details)


def _weigh(hit: AdvisoryHit, policy: AdvisoryPolicy) -> tuple[str, Severity]:
    if hit.undecided:
        # Of malware, some version is an attack: nobody can say that it is not this one.
        return "UNPARSEABLE_VERSION", Severity.REFUSE if hit.malicious else Severity.WARN
    if hit.malicious:
        return "MALICIOUS_PACKAGE", Severity.REFUSE
    if hit.score is None:
        return "ADVISORY_UNSCORED", policy.unscored
    if hit.score >= policy.refuse_score:
        return "ADVISORY_CRITICAL", Severity.REFUSE
    if hit.score >= policy.warn_score:
        return "ADVISORY_MODERATE", Severity.WARN
    return "ADVISORY_LOW", Severity.NOTE


def _exception_for(
    hit: AdvisoryHit,
    exceptions: Sequence[AdvisoryException],
    now: datetime,
    spell_key: str | None,
) -> AdvisoryException | None:
    """The exception in force that lasts longest, if there is one for this hit."""
    ids = {hit.advisory_id, *hit.aliases}
    fitting = [
        one
        for one in exceptions
        if one.expires_at > now
        and one.advisory_id in ids
        and one.spell_key in {None, spell_key}
        and (one.purl is None or covers(one.purl, hit.purl))
    ]
    return max(fitting, key=lambda one: one.expires_at, default=None)


def covers(named: str, purl: str) -> bool:
    """Whether the purl of an exception means this component; without version it means all of them.

    Qualifiers and subpaths do not tell components apart here, only type, name and version do.
    """
    plain, component = _plain(named), _plain(purl)
    return component == plain or ("@" not in _name(plain) and component.startswith(f"{plain}@"))


def _plain(purl: str) -> str:
    return purl.partition("#")[0].partition("?")[0]


def _name(purl: str) -> str:
    """The last segment: a scope may begin with an unencoded `@`."""
    return purl.rpartition("/")[2]


def _sentence(hit: AdvisoryHit) -> str:
    names = ", ".join([hit.advisory_id, *hit.aliases[:3]])
    about = f": {hit.summary}" if hit.summary else ""
    if hit.undecided:
        return f"Whether {hit.purl} has {names} cannot be decided: its version has no order."
    if hit.malicious:
        return f"{hit.purl} is malicious ({names}){about}."
    scored = "without a CVSS score" if hit.score is None else f"CVSS {hit.score:.1f}"
    way_out = (
        f"Upgrade to {hit.fixed_in[0]}." if hit.fixed_in else "No version with a fix is known."
    )
    return f"{hit.purl} has {names} ({scored}){about.rstrip('.')}. {way_out}"


def _details(hit: AdvisoryHit) -> dict[str, Any]:
    return {
        "advisory": hit.advisory_id,
        "aliases": hit.aliases,
        "score": hit.score,
        "vector": hit.vector,
        "fixed_in": hit.fixed_in,
        "summary": hit.summary,
    }


def _worst_first(found: Reason) -> tuple[int, float, str, str]:
    place = [Severity.REFUSE, Severity.WARN, Severity.NOTE].index(found.severity)
    score = found.details["score"]
    worst = -(11.0 if score is None else score)
    return place, worst, found.subject or "", found.details["advisory"]

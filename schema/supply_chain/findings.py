"""From a verdict of now to the findings of a published version: what is new, what is over. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from schema.contracts.aftercare import Finding, FindingEnd
from schema.contracts.supply_chain import Check, Reason, Severity


@dataclass(frozen=True)
class Comparison:
    """What a verdict says that the open findings do not, and the other way round."""

    new: list[Reason]
    over: list[tuple[Finding, FindingEnd]]


def compare(reasons: Sequence[Reason], found: Sequence[Finding]) -> Comparison:
    """Compare a verdict's reasons with the open findings of the version.

    Alias groups grow as their sources learn of each other, and then go by another first id: the
    same vulnerability is one that shares any id, on the same component. A finding must not start
    its clock again for a new name.

    Args:
        reasons: all of the verdict's.
        found: the findings that are open.
    """
    named = [reason for reason in reasons if _is_about_a_component(reason)]
    refusing = [reason for reason in named if reason.severity is Severity.REFUSE]
    new = [reason for reason in refusing if not any(_same(one, reason) for one in found)]
    over = [
        (one, _end_of(one, named))
        for one in found
        if not any(_same(one, reason) for reason in refusing)
    ]
    return Comparison(new, over)


def names_of(reason: Reason) -> list[str]:
    """Every id of the vulnerability that a reason is about; the first one names the group."""
    return [str(reason.details["advisory"]), *map(str, reason.details.get("aliases", []))]


def refuses_otherwise(reasons: Sequence[Reason]) -> bool:
    """Whether a verdict refuses for something that no finding is opened for."""
    return any(
        reason.severity is Severity.REFUSE and not _is_about_a_component(reason)
        for reason in reasons
    )


def _is_about_a_component(reason: Reason) -> bool:
    return (
        reason.check is Check.ADVISORIES
        and reason.subject is not None
        and "advisory" in reason.details
    )


def _same(finding: Finding, reason: Reason) -> bool:
    return finding.purl == reason.subject and not finding.names.isdisjoint(names_of(reason))


def _end_of(finding: Finding, named: Sequence[Reason]) -> FindingEnd:
    excepted = any(_same(finding, reason) and "exception" in reason.details for reason in named)
    return FindingEnd.EXCEPTED if excepted else FindingEnd.FIXED

"""What a verdict means to a cast: pure."""

from collections.abc import Sequence

from schema.contracts.supply_chain import Check, Reason, Severity

# Vulnerabilities that have their time to be mended. An attack has none, and neither has what is not
# told.
_NO_GRACE = frozenset({"MALICIOUS_PACKAGE", "ADVISORIES_MORE"})


def refusals_of(reasons: Sequence[Reason]) -> list[Reason]:
    """The reasons that refuse."""
    return [reason for reason in reasons if reason.severity is Severity.REFUSE]


def in_grace(reasons: Sequence[Reason]) -> bool:
    """Whether a published version that is refused for these reasons may still be cast.

    A vulnerability that became known after publishing starts the clock after which the version is
    delisted. Until then casters read of it and decide for themselves.
    """
    refusals = refusals_of(reasons)
    return bool(refusals) and all(
        reason.check is Check.ADVISORIES and reason.code not in _NO_GRACE for reason in refusals
    )

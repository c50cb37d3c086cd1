"""What is made of a decision: one with what the moment says, a refusal, a line of the log. Pure."""

from collections.abc import Sequence
from typing import Any

from schema.contracts.supply_chain import Check, Decision, Reason, Severity
from schema.errors import SpellError


def with_standing(decision: Decision, reasons: Sequence[Reason]) -> Decision:
    """The decision with what the moment says against the package; unchanged when that is nothing.

    Never recorded as a decision when it refuses: the moment passes, a decision stays.
    """
    if not reasons:
        return decision
    passed = decision.passed and not any(each.severity is Severity.REFUSE for each in reasons)
    return decision.model_copy(update={"passed": passed, "reasons": [*decision.reasons, *reasons]})


def unverified(decision: Decision) -> SpellError:
    """The refusal of a package that did not pass, with every reason."""
    return SpellError(
        "SPELL_UNVERIFIED",
        "The package did not pass the supply-chain gate.",
        details=decision.model_dump(mode="json", include={"evidence", "reasons"}),
    )


def by_check(decision: Decision) -> dict[str, Any]:
    """What each check said, for the log: its outcome, and the codes of its reasons."""
    return {check.value: _said(decision, check) for check in Check}


def _said(decision: Decision, check: Check) -> dict[str, Any]:
    found = [each for each in decision.reasons if each.check is check]
    severities = {each.severity for each in found}
    outcome = "passed"
    if Severity.REFUSE in severities:
        outcome = "refused"
    elif Severity.WARN in severities:
        outcome = "warned"
    return {"outcome": outcome, "codes": sorted({each.code for each in found})}

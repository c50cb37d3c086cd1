"""How much one check may say: its reasons travel through workflows, tables and answers.

A bill of ten thousand components can be wrong in a million places. The worst reasons are told, and
how many more there are.
"""

from collections.abc import Sequence

from schema.contracts.supply_chain import Check, Reason, Severity
from schema.limits import CHECK_REASONS_BYTES_MAX
from schema.supply_chain.reasons import reason

_MORE = {
    Check.SIGNATURE: "SIGNATURE_MORE",
    Check.SBOM: "SBOM_MORE",
    Check.ADVISORIES: "ADVISORIES_MORE",
    Check.LICENSES: "LICENSES_MORE",
}
_WORST_FIRST = tuple(Severity)


def shortened(check: Check, reasons: Sequence[Reason]) -> list[Reason]:
    """The reasons as they are when there are few; else the worst ones, and how many were left out.

    Whether one of them refuses is the same before and after.
    """
    told: list[Reason] = []
    room = CHECK_REASONS_BYTES_MAX
    for each in sorted(reasons, key=lambda each: _WORST_FIRST.index(each.severity)):
        room -= len(each.model_dump_json())
        if room < 0:
            return [*told, _more(check, len(reasons) - len(told), each.severity)]
        told.append(each)
    return list(reasons)


def _more(check: Check, left_out: int, severity: Severity) -> Reason:
    message = f"There are {left_out:,} more reasons, none of them worse."
    return reason(_MORE[check], message, severity=severity, details={"left_out": left_out})

"""Whether a raw document keeps the rules of its format, as the formats' own validators say."""

from typing import Any

from infra.supply_chain.bills.cyclonedx_validation import cyclonedx_faults
from infra.supply_chain.bills.refusal import BillRefusedError, refusal
from infra.supply_chain.bills.spdx_validation import spdx_faults
from schema.contracts.bill import BillFamily, BillFormat
from schema.supply_chain.reasons import reason

_MESSAGE_CHARS_MAX = 300
_FAULTS_MAX = 10


def validate(document: dict[str, Any], found: BillFormat) -> None:
    """Check the document.

    Raises:
        BillRefusedError: SBOM_INVALID with at most ten faults; SBOM_UNSUPPORTED when the
            validator itself breaks down over it.
    """
    try:
        if found.family is BillFamily.CYCLONEDX:
            faults = cyclonedx_faults(document, found, _FAULTS_MAX)
        else:
            faults = spdx_faults(document, _FAULTS_MAX)
    except MemoryError:
        raise  # ends the process, which says that the document is too expensive
    except Exception as error:
        message = f"The validator of {found} cannot judge it ({type(error).__name__})."
        raise refusal("SBOM_UNSUPPORTED", message) from error
    if faults:
        raise BillRefusedError(
            [
                reason("SBOM_INVALID", _cut(text), subject=where and _cut(where))
                for where, text in faults
            ]
        )


def _cut(text: str) -> str:
    return text if len(text) <= _MESSAGE_CHARS_MAX else text[: _MESSAGE_CHARS_MAX - 1] + "…"

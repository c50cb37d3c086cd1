"""The whole way of a document: parse, validate, read; and of a bill into the other format."""

import json
from typing import Any

from pydantic import ValidationError

from infra.supply_chain.bills.cyclonedx_reading import read_cyclonedx
from infra.supply_chain.bills.cyclonedx_writing import write_cyclonedx
from infra.supply_chain.bills.documents import parse_document
from infra.supply_chain.bills.refusal import BillRefusedError, refusal
from infra.supply_chain.bills.spdx_reading import read_spdx
from infra.supply_chain.bills.spdx_writing import write_spdx
from infra.supply_chain.bills.validation import validate
from schema.contracts.bill import Bill, BillFamily, BillFormat
from schema.contracts.supply_chain import BillCheck, Reason

_READERS = {BillFamily.CYCLONEDX: read_cyclonedx, BillFamily.SPDX: read_spdx}
_WRITERS = {BillFamily.CYCLONEDX: write_cyclonedx, BillFamily.SPDX: write_spdx}


def read_bill(content: bytes) -> BillCheck:
    """The bill, or why it is none. Content never raises."""
    try:
        document, found = parse_document(content)
        validate(document, found)
        bill, reasons = _read(document, found)
    except BillRefusedError as refused:
        return BillCheck(reasons=refused.reasons)
    return BillCheck(bill=bill, reasons=reasons)


def write_bill(bill: Bill, family: BillFamily) -> bytes:
    """The bill as a document of that family: the same bill, the same bytes."""
    document = _WRITERS[family](bill)
    return (json.dumps(document, ensure_ascii=False, indent=2) + "\n").encode("utf-8")


def _read(document: dict[str, Any], found: BillFormat) -> tuple[Bill, list[Reason]]:
    """Read a valid document; whatever goes wrong here is our limit and not its fault."""
    try:
        return _READERS[found.family](document, found)
    except ValidationError as error:
        where = "/".join(str(step) for step in error.errors()[0]["loc"])
        message = f"The platform cannot keep {where[:200]}: {error.errors()[0]['msg'][:200]}."
        raise refusal("SBOM_UNSUPPORTED", message) from error
    except (BillRefusedError, MemoryError):
        raise
    except Exception as error:
        message = f"The platform cannot read it ({type(error).__name__})."
        raise refusal("SBOM_UNSUPPORTED", message) from error

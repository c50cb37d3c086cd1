"""What is wrong in a CycloneDX document, by the strict JSON schema of its version."""

import json
from functools import cache
from itertools import islice
from typing import Any

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator, JsonValidationError

from infra.supply_chain.bills.pieces import Piece, pieces_of, repeated_items
from schema.contracts.bill import BillFormat

Fault = tuple[str | None, str]
"""Where it is, if that can be said, and what is wrong."""


def cyclonedx_faults(document: dict[str, Any], found: BillFormat, at_most: int) -> list[Fault]:
    """The first faults of the document; none when it is valid."""
    faults: list[Fault] = [
        (f"/{name}/{index}", f"/{name}/{index}: stands there for the second time")
        for name, index in islice(repeated_items(document), at_most)
    ]
    for piece in pieces_of(document):
        if len(faults) >= at_most:
            break
        text = json.dumps(piece.document, ensure_ascii=False)
        errors = _validator(found).validate_str(text, all_errors=True) or ()
        faults += [_fault(error, piece) for error in islice(errors, at_most)]
    return faults[:at_most]


@cache
def _validator(found: BillFormat) -> JsonStrictValidator:
    return JsonStrictValidator(SchemaVersion.from_version(found.value.split("-")[1]))


def _fault(error: JsonValidationError, piece: Piece) -> Fault:
    path = list(error.data.absolute_path)
    if path[:1] == [piece.name] and len(path) > 1:
        path[1] += piece.before
    pointer = "".join(f"/{step}" for step in path) or "/"
    return pointer, f"{pointer}: {error.data.message}"

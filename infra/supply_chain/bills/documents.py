"""From bytes to a JSON document of a known format, before any validator sees it."""

from typing import Any

from infra.supply_chain.bills.refusal import refusal
from schema.canonical import JsonRefusedError, parse_json
from schema.contracts.bill import BillFormat
from schema.limits import BILL_BYTES_MAX, BILL_COMPONENTS_MAX

_OTHER_NOTATIONS = {
    b"<": "XML",
    b"SPDXVersion:": "SPDX tag-value",
    b"spdxVersion:": "YAML",
    b"---": "YAML",
}

_COUNTED = ("components", "services", "packages", "files")


def parse_document(content: bytes) -> tuple[dict[str, Any], BillFormat]:
    """The document and its format.

    Raises:
        BillRefusedError: it is too large, no strict JSON, or of no format that is taken.
    """
    if len(content) > BILL_BYTES_MAX:
        message = f"The file has {len(content):,} bytes; at most {BILL_BYTES_MAX:,} are read."
        raise refusal("SBOM_TOO_LARGE", message)
    _refuse_other_notations(content)
    try:
        document = parse_json(content)
    except JsonRefusedError as error:
        raise refusal("SBOM_MALFORMED", f"The file is no strict JSON: {error}.") from error
    if not isinstance(document, dict):
        raise refusal("SBOM_FORMAT_UNKNOWN", "The file holds JSON, but no object.")
    found = _format_of(document)
    _refuse_many(document)
    return document, found


def _refuse_other_notations(content: bytes) -> None:
    start = content[:64].lstrip()
    for prefix, notation in _OTHER_NOTATIONS.items():
        if start.startswith(prefix):
            raise refusal("SBOM_FORMAT_UNSUPPORTED", f"The file is {notation}; send JSON.")


def _format_of(document: dict[str, Any]) -> BillFormat:
    if document.get("bomFormat") == "CycloneDX":
        stated = f"CycloneDX-{document.get('specVersion')}"
    elif "spdxVersion" in document:
        stated = str(document["spdxVersion"])
    elif "spdx.org" in str(document.get("@context", ""))[:256]:
        stated = "SPDX-3"
    else:
        raise refusal("SBOM_FORMAT_UNKNOWN")
    try:
        return BillFormat(stated)
    except ValueError as error:
        message = f"The document says that it is {stated[:32]!r}, which is not taken."
        raise refusal("SBOM_FORMAT_UNSUPPORTED", message) from error


def _refuse_many(document: dict[str, Any]) -> None:
    """Count components before a validator takes time for each of them."""
    count = 0
    level: list[Any] = [document]
    while level:
        item = level.pop()
        if isinstance(item, dict):
            count += sum(len(item[name]) for name in _COUNTED if isinstance(item.get(name), list))
        if count > BILL_COMPONENTS_MAX:
            message = f"The bill lists more than {BILL_COMPONENTS_MAX:,} components."
            raise refusal("SBOM_TOO_LARGE", message)
        children = item.values() if isinstance(item, dict) else item
        level.extend(child for child in children if isinstance(child, dict | list))

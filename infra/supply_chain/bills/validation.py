"""Whether a raw document keeps the rules of its format, as the formats' own validators say."""

from functools import cache
from typing import Any

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator, JsonValidationError
from spdx_tools.spdx.parser.error import SPDXParsingError
from spdx_tools.spdx.parser.jsonlikedict.json_like_dict_parser import JsonLikeDictParser
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

from infra.supply_chain.bills.refusal import BillRefusedError, refusal
from schema.contracts.bill import BillFamily, BillFormat
from schema.supply_chain.reasons import reason

FAULTS_MAX = 10
_MESSAGE_CHARS_MAX = 300


def validate(content: bytes, document: dict[str, Any], found: BillFormat) -> None:
    """Check the document.

    Raises:
        BillRefusedError: SBOM_INVALID with at most ten faults; SBOM_UNSUPPORTED when the
            validator itself breaks down over it.
    """
    try:
        if found.family is BillFamily.CYCLONEDX:
            faults = _cyclonedx_faults(content.decode("utf-8"), found)
        else:
            faults = _spdx_faults(document)
    except Exception as error:
        message = f"The validator of {found} cannot judge it ({type(error).__name__})."
        raise refusal("SBOM_UNSUPPORTED", message) from error
    if faults:
        reasons = [reason("SBOM_INVALID", text, subject=where) for where, text in faults]
        raise BillRefusedError(reasons)


def _cyclonedx_faults(text: str, found: BillFormat) -> list[tuple[str | None, str]]:
    errors = _validator(found).validate_str(text, all_errors=True)
    return [
        _cyclonedx_fault(error) for error, _ in zip(errors or (), range(FAULTS_MAX), strict=False)
    ]


@cache
def _validator(found: BillFormat) -> JsonStrictValidator:
    return JsonStrictValidator(SchemaVersion.from_version(found.value.split("-")[1]))


def _cyclonedx_fault(error: JsonValidationError) -> tuple[str, str]:
    pointer = "".join(f"/{step}" for step in error.data.absolute_path)
    return pointer[:_MESSAGE_CHARS_MAX] or "/", _cut(f"{pointer or '/'}: {error.data.message}")


def _spdx_faults(document: dict[str, Any]) -> list[tuple[str | None, str]]:
    try:
        parsed = JsonLikeDictParser().parse(document)  # type: ignore[no-untyped-call]
    except SPDXParsingError as error:
        messages: list[str] = error.get_messages()  # type: ignore[no-untyped-call]
        return [(None, _cut(message)) for message in messages[:FAULTS_MAX]]
    return [
        (fault.context.spdx_id or fault.context.parent_id, _cut(fault.validation_message))
        for fault in validate_full_spdx_document(parsed)[:FAULTS_MAX]
    ]


def _cut(text: str) -> str:
    return text if len(text) <= _MESSAGE_CHARS_MAX else text[: _MESSAGE_CHARS_MAX - 1] + "…"

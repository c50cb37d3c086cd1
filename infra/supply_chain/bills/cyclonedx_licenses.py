"""CycloneDX's license choices, read into a bill's texts and written from them."""

import base64
import binascii
from typing import Any

from cyclonedx.spdx import is_supported_id

from infra.supply_chain.bills.licenses import (
    WEB_ADDRESS,
    NamedLicenses,
    is_expression,
    joined,
    parted,
)

REF_PROPERTY = "spell-platform:license-ref"
CONCLUDED, DECLARED = "concluded", "declared"


def read_choices(choices: list[dict[str, Any]], named: NamedLicenses) -> dict[str, str | None]:
    """The two license texts of a component; what is not acknowledged counts as declared."""
    stated: dict[str, list[dict[str, Any]]] = {DECLARED: [], CONCLUDED: []}
    for choice in choices:
        acknowledged = choice.get("license", choice).get("acknowledgement", DECLARED)
        stated[acknowledged].append(choice)
    return {
        f"license_{acknowledged}": joined(
            [_statement(choice, named, alone=len(found) == 1) for choice in found]
        )
        for acknowledged, found in stated.items()
    }


def _statement(choice: dict[str, Any], named: NamedLicenses, *, alone: bool) -> str:
    if "expression" in choice:
        expression = str(choice["expression"])
        return expression if alone or is_expression(expression) else named.name(expression)
    license_ = choice["license"]
    if "id" in license_:
        return str(license_["id"])
    ref = _property_of(license_)
    if ref is not None and named.get(ref) is not None:
        return ref
    name, text, url = license_["name"], _text_of(license_), license_.get("url")
    see_also = [url] if url and WEB_ADDRESS.fullmatch(url) else []
    if is_supported_id(name) or (alone and not text and not see_also):
        return str(name)
    return named.name(name, text, see_also)


def _property_of(license_: dict[str, Any]) -> str | None:
    for item in license_.get("properties", []):
        if item.get("name") == REF_PROPERTY:
            return str(item.get("value", ""))
    return None


def _text_of(license_: dict[str, Any]) -> str | None:
    attachment = license_.get("text", {})
    content = attachment.get("content") or None
    if content and attachment.get("encoding") == "base64":
        try:
            return base64.b64decode(content, validate=True).decode("utf-8") or None
        except (binascii.Error, UnicodeDecodeError):
            pass  # not a text: the encoded form is what there is to keep
    return str(content) if content else None


def write_choices(
    declared: str | None, concluded: str | None, named: NamedLicenses
) -> list[dict[str, Any]]:
    """The choices for the two texts of a component."""
    return [
        choice
        for text, acknowledged in ((declared, DECLARED), (concluded, CONCLUDED))
        if text
        for choice in _choices(text, acknowledged, named)
    ]


def needs_1_7(choices: list[dict[str, Any]]) -> bool:
    """Whether only CycloneDX 1.7 can say it: an expression beside something else."""
    return len(choices) > 1 and any("expression" in choice for choice in choices)


def _choices(text: str, acknowledged: str, named: NamedLicenses) -> list[dict[str, Any]]:
    parts = parted(text)
    found = [choice for part in parts if (choice := _choice(part, named))]
    if len(found) < len(parts):
        found = [{"expression": text} if is_expression(text) else {"license": {"name": text}}]
    for choice in found:
        choice.get("license", choice)["acknowledgement"] = acknowledged
    return found


def _choice(text: str, named: NamedLicenses) -> dict[str, Any] | None:
    """The choice for one statement; None for what is a mere name."""
    if is_supported_id(text):
        return {"license": {"id": text}}
    known = named.get(text)
    if known is None:
        return {"expression": text} if is_expression(text) else None
    content = {"text": {"content": known.text}} if known.text else {}
    addresses = [url for url in known.see_also if WEB_ADDRESS.fullmatch(url)]
    url = {"url": addresses[0]} if addresses else {}
    ref = {"properties": [{"name": REF_PROPERTY, "value": text}]}
    return {"license": {"name": known.name or text} | content | url | ref}

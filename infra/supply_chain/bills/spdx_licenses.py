"""SPDX's license expressions and extracted licenses, read into a bill's texts and written from it.

SPDX knows only expressions. A name becomes a `LicenseRef-` whose extracted text is the name; that
ref is made from the name, by which the way back recognises it.
"""

from typing import Any

from infra.supply_chain.bills.licenses import (
    LICENSE_REF,
    WEB_ADDRESS,
    NamedLicenses,
    ref_for,
    unknown_ids,
)
from schema.contracts.bill import NamedLicense

NONE, NO_ASSERTION = "NONE", "NOASSERTION"


def read_extracted(documents: list[dict[str, Any]]) -> NamedLicenses:
    """The licenses that the document brings along."""
    named = NamedLicenses()
    for item in documents:
        if not item.get("licenseId"):
            continue  # nothing can name it
        name, text, ref = item.get("name"), item.get("extractedText"), item["licenseId"]
        if name == NO_ASSERTION and ref != ref_for(name):
            name = None
        says_more = text not in (None, "", name or ref)
        addresses = [url for url in item.get("seeAlsos", []) if WEB_ADDRESS.fullmatch(url)]
        named.add(
            NamedLicense(ref=ref, name=name, text=text if says_more else None, see_also=addresses)
        )
    return named


def read_expression(text: str | None, named: NamedLicenses) -> str | None:
    """A bill's text for an expression: the name where the expression only stands for one."""
    if text is None or text.upper() == NO_ASSERTION:
        return None
    found = named.get(text)
    if found is not None and found.name and ref_for(found.name) == found.ref and not found.text:
        return found.name
    return text


def only_used(named: NamedLicenses, texts: set[str]) -> list[NamedLicense]:
    """The named licenses, without those that only stood for a name or for nothing."""
    used = {ref for text in texts for ref in LICENSE_REF.findall(text)}
    return [
        item
        for item in named
        if not _says_nothing(item) and (item.ref in used or not _stands_for_name(item))
    ]


def _stands_for_name(item: NamedLicense) -> bool:
    return bool(item.name) and not item.text and ref_for(item.name or "") == item.ref


def _says_nothing(item: NamedLicense) -> bool:
    return not item.name and not item.text and not item.see_also


def write_expression(text: str | None, named: NamedLicenses) -> str:
    """An expression that SPDX takes, whose own licenses are all among `named` then."""
    if text is None:
        return NO_ASSERTION
    if text == NONE:
        return text
    unknown = unknown_ids(text)
    if unknown is None or not all(LICENSE_REF.fullmatch(symbol) for symbol in unknown):
        return named.name(text)
    for ref in unknown:
        named.add(NamedLicense(ref=ref))
    return text


def write_extracted(named: NamedLicenses) -> list[dict[str, Any]]:
    """What the document brings along."""
    return [
        {"licenseId": item.ref, "extractedText": item.text or item.name or item.ref}
        | ({"name": item.name} if item.name else {})
        | _addresses_of(item)
        for item in sorted(named, key=lambda item: item.ref)
    ]


def _addresses_of(item: NamedLicense) -> dict[str, list[str]]:
    found = [url for url in item.see_also if WEB_ADDRESS.fullmatch(url)]
    return {"seeAlsos": found} if found else {}

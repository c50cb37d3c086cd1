"""From a bill to an SPDX 2.3 document: the same bill, the same bytes.

Files without SHA-1, which SPDX demands of a file, are written as packages whose purpose is FILE.
"""

import re
from hashlib import sha256
from typing import Any

from infra.supply_chain.bills.carried import MARK, lost_bill, lost_component, packed
from infra.supply_chain.bills.hashes import spdx_checksums
from infra.supply_chain.bills.licenses import NamedLicenses, parted
from infra.supply_chain.bills.spdx_ids import DOCUMENT, id_of_ref
from infra.supply_chain.bills.spdx_licenses import (
    NO_ASSERTION,
    write_expression,
    write_extracted,
)
from infra.supply_chain.bills.spdx_reading import (
    OWN_NAMESPACE,
    read_file,
    read_head,
    read_package,
)
from infra.supply_chain.bills.suppliers import agent_of_supplier
from infra.supply_chain.bills.times import UNKNOWN, whole_seconds
from schema.contracts.bill import Bill, Component, ComponentKind

_TOOL = "Tool: spell-platform"
# An absolute URI without a fragment, as SPDX 2.3 §6.5 wants it.
_NAMESPACE = re.compile(r"[A-Za-z][\dA-Za-z+.-]*:[^\s#]+")
_PURL = re.compile(r"pkg:.+/.+")
# Kinds that are CycloneDX's alone are OTHER.
_PURPOSES = {
    kind: kind.value.upper()
    for kind in (
        ComponentKind.APPLICATION,
        ComponentKind.FRAMEWORK,
        ComponentKind.LIBRARY,
        ComponentKind.CONTAINER,
        ComponentKind.OPERATING_SYSTEM,
        ComponentKind.DEVICE,
        ComponentKind.FIRMWARE,
        ComponentKind.SOURCE,
        ComponentKind.ARCHIVE,
        ComponentKind.FILE,
        ComponentKind.INSTALL,
    )
}


def write_spdx(bill: Bill) -> dict[str, Any]:
    """The document; valid whatever the bill says."""
    named = NamedLicenses(bill.named_licenses)
    files = [item for item in bill.components if _is_file(item)]
    packages = [item for item in bill.components if not _is_file(item)]
    refs = {component.ref for component in bill.components}
    document = {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": DOCUMENT,
        "name": bill.name,
        "documentNamespace": _namespace_of(bill),
        "creationInfo": {"created": whole_seconds(bill.created_at), "creators": [_TOOL]},
        "packages": [_package(item, refs, named) for item in packages],
        "files": [_file(item, refs, named) for item in files],
        "relationships": [_described(bill, refs), *_dependencies(bill, refs)],
        "hasExtractedLicensingInfos": write_extracted(named),
    }
    seen = read_head(document, bill.root if bill.root in refs else None)
    return document | _annotations(lost_bill(bill, seen))


def _namespace_of(bill: Bill) -> str:
    serial = bill.serial
    if serial and _NAMESPACE.fullmatch(serial) and not serial.startswith(OWN_NAMESPACE):
        return serial
    return f"{OWN_NAMESPACE}{sha256(bill.model_dump_json().encode()).hexdigest()}"


def _is_file(component: Component) -> bool:
    members = (component.group, component.version, component.purl, component.supplier)
    has_sha1 = any(item["algorithm"] == "SHA1" for item in spdx_checksums(component.hashes))
    return (
        component.kind is ComponentKind.FILE
        and has_sha1
        and members == (None,) * len(members)
        and not component.name.startswith("/")
    )


def _package(component: Component, refs: set[str], named: NamedLicenses) -> dict[str, Any]:
    package: dict[str, Any] = {
        "SPDXID": id_of_ref(component.ref),
        "name": component.name,
        "versionInfo": component.version,
        "supplier": agent_of_supplier(component.supplier),
        "downloadLocation": NO_ASSERTION,
        "filesAnalyzed": False,
        "checksums": spdx_checksums(component.hashes) or None,
        "licenseConcluded": write_expression(component.license_concluded, named),
        "licenseDeclared": write_expression(component.license_declared, named),
        "copyrightText": NO_ASSERTION,
        "externalRefs": _purl_reference(component.purl),
        "primaryPackagePurpose": _PURPOSES.get(component.kind, "OTHER"),
    }
    stated = {name: value for name, value in package.items() if value is not None}
    return stated | _lost(component, read_package(stated, named), refs)


def _file(component: Component, refs: set[str], named: NamedLicenses) -> dict[str, Any]:
    declared = component.license_declared
    found = [write_expression(text, named) for text in parted(declared)] if declared else None
    file: dict[str, Any] = {
        "SPDXID": id_of_ref(component.ref),
        "fileName": component.name,
        "checksums": spdx_checksums(component.hashes),
        "licenseConcluded": write_expression(component.license_concluded, named),
        "licenseInfoInFiles": found,
        "copyrightText": NO_ASSERTION,
    }
    stated = {name: value for name, value in file.items() if value is not None}
    return stated | _lost(component, read_file(stated, named), refs)


def _lost(component: Component, seen: Component, refs: set[str]) -> dict[str, Any]:
    related = [ref for ref in component.depends_on if ref in refs]
    return _annotations(lost_component(component, seen.model_copy(update={"depends_on": related})))


def _annotations(lost: dict[str, Any]) -> dict[str, Any]:
    if not lost:
        return {}
    annotation = {
        "annotationDate": UNKNOWN,
        "annotationType": "OTHER",
        "annotator": _TOOL,
        "comment": f"{MARK} {packed(lost)}",
    }
    return {"annotations": [annotation]}


def _purl_reference(purl: str | None) -> list[dict[str, str]] | None:
    if purl is None or _PURL.fullmatch(purl) is None:
        return None
    return [
        {
            "referenceCategory": "PACKAGE-MANAGER",
            "referenceType": "purl",
            "referenceLocator": purl,
        }
    ]


def _described(bill: Bill, refs: set[str]) -> dict[str, str]:
    known = bill.root is not None and bill.root in refs
    return _relationship(
        DOCUMENT, "DESCRIBES", id_of_ref(bill.root or "") if known else NO_ASSERTION
    )


def _dependencies(bill: Bill, refs: set[str]) -> list[dict[str, str]]:
    return [
        _relationship(id_of_ref(component.ref), "DEPENDS_ON", id_of_ref(ref))
        for component in bill.components
        for ref in component.depends_on
        if ref in refs
    ]


def _relationship(first: str, kind: str, second: str) -> dict[str, str]:
    return {"spdxElementId": first, "relationshipType": kind, "relatedSpdxElement": second}

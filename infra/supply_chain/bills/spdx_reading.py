"""From a valid SPDX 2 document to a bill. Packages and files are its components."""

from collections.abc import Iterator
from typing import Any

from infra.supply_chain.bills.carried import MARK, restored_bill, restored_component, unpacked
from infra.supply_chain.bills.hashes import algorithm_of
from infra.supply_chain.bills.licenses import NamedLicenses, joined
from infra.supply_chain.bills.refusal import refusal
from infra.supply_chain.bills.spdx_ids import DOCUMENT, ref_of_id
from infra.supply_chain.bills.spdx_licenses import only_used, read_expression, read_extracted
from infra.supply_chain.bills.suppliers import supplier_of_agent
from infra.supply_chain.bills.times import UNKNOWN
from schema.contracts.bill import Bill, BillFormat, Component, ComponentKind
from schema.contracts.supply_chain import Reason, Severity
from schema.supply_chain.reasons import reason

OWN_NAMESPACE = "urn:spell-platform:bill:"
"""Of documents that we wrote from a bill without an identifier of its own."""

# Relationships that say that the first depends on the second, and the other way round.
_DEPENDS = {"DEPENDS_ON", "HAS_PREREQUISITE", "DYNAMIC_LINK", "STATIC_LINK"}
_DEPENDED_ON = {"DEPENDENCY_OF", "PREREQUISITE_FOR"} | {
    f"{kind}_DEPENDENCY_OF" for kind in ("BUILD", "DEV", "OPTIONAL", "PROVIDED", "RUNTIME", "TEST")
}
_NOBODY = {"NONE", "NOASSERTION"}

Edge = tuple[str, str, str]


def read_spdx(document: dict[str, Any], found: BillFormat) -> tuple[Bill, list[Reason]]:
    """The bill, and what it says that has no place in one."""
    named = read_extracted(document.get("hasExtractedLicensingInfos", []))
    edges = list(_edges_of(document))
    depends_on = _dependencies_in(edges)
    packages = document.get("packages", [])
    files = document.get("files", [])
    read = [(item, read_package(item, named)) for item in packages]
    read += [(item, read_file(item, named)) for item in files]
    components = [_complete(item, component, depends_on) for item, component in read]
    members = read_head(document, _root_of(document, edges))
    texts = {text for item in components for text in _license_texts(item)}
    bill = Bill.model_validate(
        restored_bill(members, _carried_by(document))
        | {
            "format": found,
            "components": components,
            "named_licenses": only_used(named, texts),
        }
    )
    refs = {component.ref for component in components}
    return bill, [_unplaced(ref) for ref in depends_on if ref not in refs]


def read_head(document: dict[str, Any], root: str | None) -> dict[str, Any]:
    """The members of a bill that the document states of itself."""
    namespace = document["documentNamespace"]
    created = document["creationInfo"]["created"]
    return {
        "name": document["name"],
        "serial": None if namespace.startswith(OWN_NAMESPACE) else namespace,
        "created_at": None if created == UNKNOWN else created,
        "root": root,
    }


def read_package(package: dict[str, Any], named: NamedLicenses) -> Component:
    """A package, from its own members only."""
    purpose = package.get("primaryPackagePurpose", "LIBRARY")
    return Component(
        ref=ref_of_id(package["SPDXID"]),
        name=package["name"],
        kind=ComponentKind(purpose.lower().replace("_", "-")),
        version=package.get("versionInfo"),
        purl=_purl_of(package),
        supplier=supplier_of_agent(package.get("supplier")),
        hashes=_hashes_of(package),
        license_declared=read_expression(package.get("licenseDeclared"), named),
        license_concluded=read_expression(package.get("licenseConcluded"), named),
    )


def read_file(file: dict[str, Any], named: NamedLicenses) -> Component:
    """A file, from its own members only; what was found in it counts as declared."""
    found = [read_expression(text, named) for text in file.get("licenseInfoInFiles", [])]
    return Component(
        ref=ref_of_id(file["SPDXID"]),
        name=file["fileName"],
        kind=ComponentKind.FILE,
        hashes=_hashes_of(file),
        license_declared=joined([text for text in found if text is not None]),
        license_concluded=read_expression(file.get("licenseConcluded"), named),
    )


def _complete(
    element: dict[str, Any], component: Component, depends_on: dict[str, list[str]]
) -> Component:
    refs = depends_on.get(component.ref)
    if refs:
        component = component.model_copy(update={"depends_on": refs})
    carried = _carried_by(element)
    return restored_component(component, carried) if carried else component


def _edges_of(document: dict[str, Any]) -> Iterator[Edge]:
    for item in document.get("relationships", []):
        kind = item["relationshipType"].upper().replace("-", "_")
        yield item["spdxElementId"], kind, item["relatedSpdxElement"]
    for described in document.get("documentDescribes", []):
        yield DOCUMENT, "DESCRIBES", described


def _dependencies_in(edges: list[Edge]) -> dict[str, list[str]]:
    depends_on: dict[str, dict[str, None]] = {}
    for first, kind, second in edges:
        if kind in _DEPENDS and second not in _NOBODY:
            depends_on.setdefault(ref_of_id(first), {})[ref_of_id(second)] = None
        elif kind in _DEPENDED_ON and second not in _NOBODY:
            depends_on.setdefault(ref_of_id(second), {})[ref_of_id(first)] = None
    return {ref: list(refs) for ref, refs in depends_on.items()}


def _root_of(document: dict[str, Any], edges: list[Edge]) -> str | None:
    """What the document describes; None when that is nothing, or more than one thing."""
    described = {
        second for first, kind, second in edges if (first, kind) == (DOCUMENT, "DESCRIBES")
    }
    described |= {
        first for first, kind, second in edges if (kind, second) == ("DESCRIBED_BY", DOCUMENT)
    }
    packages = document.get("packages", [])
    if not described and len(packages) == 1:
        return ref_of_id(packages[0]["SPDXID"])
    described -= _NOBODY
    return ref_of_id(described.pop()) if len(described) == 1 else None


def _purl_of(package: dict[str, Any]) -> str | None:
    purls = {
        item["referenceLocator"]
        for item in package.get("externalRefs", [])
        if item["referenceType"] == "purl"
    }
    if len(purls) > 1:
        # Advisories are matched by one; whichever that is, the package may be the other.
        message = f"{package['SPDXID'][:200]} has several package URLs."
        raise refusal("SBOM_UNSUPPORTED", message)
    return next(iter(purls), None)


def _hashes_of(element: dict[str, Any]) -> dict[str, str]:
    hashes: dict[str, str] = {}
    for item in element.get("checksums", []):
        digest = item["checksumValue"].lower()
        if hashes.setdefault(algorithm_of(item["algorithm"]), digest) != digest:
            message = f"{element['SPDXID'][:200]} has two different {item['algorithm']} checksums."
            raise refusal("SBOM_UNSUPPORTED", message)
    return hashes


def _license_texts(component: Component) -> list[str]:
    return [text for text in (component.license_declared, component.license_concluded) if text]


def _carried_by(element: dict[str, Any]) -> dict[str, Any]:
    for annotation in element.get("annotations", []):
        mark, _, carried = annotation["comment"].partition(" ")
        if mark == MARK:
            return unpacked(carried)
    return {}


def _unplaced(ref: str) -> Reason:
    message = f"Dependencies are stated of {ref[:200]!r}, which is no package and no file."
    return reason("SBOM_DEPENDENCY_UNRESOLVED", message, severity=Severity.WARN, subject=ref)

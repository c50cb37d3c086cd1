"""From a valid CycloneDX document to a bill.

Reads the raw JSON: the vendor's model refuses some documents that its own validator accepts.
Assemblies are flattened: every component, wherever it is nested, is one of the bill's.
"""

from collections.abc import Iterator
from typing import Any

from infra.supply_chain.bills.carried import MARK, restored_bill, restored_component, unpacked
from infra.supply_chain.bills.cyclonedx_licenses import read_choices
from infra.supply_chain.bills.hashes import algorithm_of
from infra.supply_chain.bills.licenses import NamedLicenses
from infra.supply_chain.bills.refusal import refusal
from infra.supply_chain.bills.suppliers import supplier_of_entity
from schema.contracts.bill import Bill, BillFormat, Component, ComponentKind, NamedLicense
from schema.contracts.supply_chain import Reason, Severity
from schema.supply_chain.reasons import reason

LICENSE_PROPERTY = "spell-platform:license"
_NAMELESS = "bill of materials"


def read_cyclonedx(document: dict[str, Any], found: BillFormat) -> tuple[Bill, list[Reason]]:
    """The bill, and what it says that has no place in one.

    Raises:
        BillRefusedError: two of its elements have the same `bom-ref`.
    """
    metadata = document.get("metadata", {})
    named = NamedLicenses(_carried_licenses(metadata))
    root = metadata.get("component")
    elements = list(_elements(document, root))
    refs = _refs_of([element for element, _ in elements])
    edges = _edges_of(document)
    components = [
        _restored(
            element, read_element(element, ref, named, edges.get(ref, {}), is_service=service)
        )
        for (element, service), ref in zip(elements, refs, strict=True)
    ]
    members = read_head(document, None if root is None else refs[0])
    bill = Bill.model_validate(
        restored_bill(members, unpacked(property_of(metadata, MARK)))
        | {"format": found, "components": components, "named_licenses": list(named)}
    )
    known = set(refs)
    return bill, [_unplaced(ref) for ref in edges if ref not in known]


def read_head(document: dict[str, Any], root: str | None) -> dict[str, Any]:
    """The members of a bill that the document states of itself."""
    metadata = document.get("metadata", {})
    return {
        "name": metadata.get("component", {}).get("name") or _NAMELESS,
        "serial": document.get("serialNumber"),
        "created_at": metadata.get("timestamp"),
        "root": root,
    }


def read_element(
    element: dict[str, Any],
    ref: str,
    named: NamedLicenses,
    edges: dict[str, list[str]],
    *,
    is_service: bool = False,
) -> Component:
    """A component or service, from its own members only."""
    supplier = element.get("provider" if is_service else "supplier")
    return Component(
        ref=ref,
        name=element["name"],
        kind=ComponentKind.SERVICE if is_service else ComponentKind(element["type"]),
        group=element.get("group"),
        version=element.get("version"),
        purl=element.get("purl"),
        supplier=supplier_of_entity(supplier) if supplier else None,
        hashes=_hashes_of(element),
        depends_on=edges.get("dependsOn", []),
        provides=edges.get("provides", []),
        **read_choices(element.get("licenses", []), named),
    )


def property_of(element: dict[str, Any], name: str) -> Any:
    """The value of the first property of that name."""
    return next(
        (item.get("value") for item in element.get("properties", []) if item.get("name") == name),
        None,
    )


def _elements(
    document: dict[str, Any], root: dict[str, Any] | None
) -> Iterator[tuple[dict[str, Any], bool]]:
    """Every component, the root first, then every service, each with whether it is one."""
    components = document.get("components", [])
    yield from ((item, False) for item in _nested([root] if root else [], "components"))
    yield from ((item, False) for item in _nested(components, "components"))
    yield from ((item, True) for item in _nested(document.get("services", []), "services"))


def _nested(elements: list[dict[str, Any]], below: str) -> Iterator[dict[str, Any]]:
    waiting = list(reversed(elements))
    while waiting:
        element = waiting.pop()
        yield element
        waiting.extend(reversed(element.get(below, [])))


def _refs_of(elements: list[dict[str, Any]]) -> list[str]:
    """A ref for each; one without `bom-ref` gets its purl or name, with a number where needed."""
    stated = [element["bom-ref"] for element in elements if "bom-ref" in element]
    taken = set(stated)
    if len(taken) < len(stated):
        twice = next(ref for ref in stated if stated.count(ref) > 1)
        message = f"Two elements have the bom-ref {twice[:200]!r}; each needs its own."
        raise refusal("SBOM_INVALID", message, subject=twice)
    refs = []
    for number, element in enumerate(elements):
        ref = element.get("bom-ref")
        if ref is None:
            ref = element.get("purl") or f"{element['name']}@{element.get('version', '')}"
            # Until nobody has it: who shared the root's ref would be looked at by no check.
            while ref in taken:
                ref = f"{ref}#{number}"
            taken.add(ref)
        refs.append(ref)
    return refs


def _edges_of(document: dict[str, Any]) -> dict[str, dict[str, list[str]]]:
    edges: dict[str, dict[str, list[str]]] = {}
    for entry in document.get("dependencies", []):
        kept = edges.setdefault(entry["ref"], {"dependsOn": [], "provides": []})
        for kind, refs in kept.items():
            refs.extend(ref for ref in entry.get(kind, []) if ref not in refs)
    return edges


def _hashes_of(element: dict[str, Any]) -> dict[str, str]:
    hashes: dict[str, str] = {}
    for item in element.get("hashes", []):
        digest = item["content"].lower()
        if hashes.setdefault(algorithm_of(item["alg"]), digest) != digest:
            message = f"{element['name'][:200]!r} has two different {item['alg']} hashes."
            raise refusal("SBOM_UNSUPPORTED", message)
    return hashes


def _carried_licenses(metadata: dict[str, Any]) -> list[NamedLicense]:
    found = [
        unpacked(item.get("value"))
        for item in metadata.get("properties", [])
        if item.get("name") == LICENSE_PROPERTY
    ]
    return [NamedLicense.model_validate(item) for item in found if item]


def _restored(element: dict[str, Any], component: Component) -> Component:
    carried = unpacked(property_of(element, MARK))
    return restored_component(component, carried) if carried else component


def _unplaced(ref: str) -> Reason:
    message = f"Dependencies are stated of {ref[:200]!r}, which is no component."
    return reason("SBOM_DEPENDENCY_UNRESOLVED", message, severity=Severity.WARN, subject=ref)

"""From a bill to a CycloneDX document: the same bill, the same bytes.

Version 1.6, or 1.7 where only that can say it: both licenses as expressions, Streebog hashes.
"""

import re
from typing import Any

from infra.supply_chain.bills.carried import MARK, lost_bill, lost_component, packed
from infra.supply_chain.bills.cyclonedx_licenses import needs_1_7, write_choices
from infra.supply_chain.bills.cyclonedx_reading import LICENSE_PROPERTY, read_element, read_head
from infra.supply_chain.bills.hashes import CYCLONEDX_1_6, cyclonedx_hashes
from infra.supply_chain.bills.licenses import NamedLicenses
from infra.supply_chain.bills.suppliers import entity_of_supplier
from infra.supply_chain.bills.times import is_rfc_3339
from schema.contracts.bill import Bill, Component, ComponentKind

_SERIAL = re.compile(r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
# Kinds that are SPDX's alone, as the nearest type that CycloneDX has.
_TYPES = {
    ComponentKind.SOURCE: "file",
    ComponentKind.ARCHIVE: "file",
    ComponentKind.INSTALL: "application",
    ComponentKind.SERVICE: "application",
    ComponentKind.OTHER: "library",
}


def write_cyclonedx(bill: Bill) -> dict[str, Any]:
    """The document; valid whatever the bill says."""
    named = NamedLicenses(bill.named_licenses)
    root = [component for component in bill.components if component.ref == bill.root]
    others = [component for component in bill.components if component.ref != bill.root]
    services = [item for item in others if item.kind is ComponentKind.SERVICE]
    parts = [item for item in others if item.kind is not ComponentKind.SERVICE]
    document: dict[str, Any] = {
        "$schema": "",
        "bomFormat": "CycloneDX",
        "specVersion": "",
        "version": 1,
        "metadata": {},
        "components": [_component(item, named) for item in parts],
    }
    if bill.serial and _SERIAL.fullmatch(bill.serial):
        document["serialNumber"] = bill.serial
    if services:
        document["services"] = [_service(item, named) for item in services]
    document["dependencies"] = list(_dependencies(bill))
    document["metadata"] = _metadata(bill, document, [_component(item, named) for item in root])
    version = _version_of(document)
    document["specVersion"] = version
    document["$schema"] = f"http://cyclonedx.org/schema/bom-{version}.schema.json"
    return document


def _metadata(bill: Bill, document: dict[str, Any], root: list[dict[str, Any]]) -> dict[str, Any]:
    metadata: dict[str, Any] = {}
    if bill.created_at and is_rfc_3339(bill.created_at):
        metadata["timestamp"] = bill.created_at
    if root:
        metadata["component"] = root[0]
    seen = read_head(document | {"metadata": metadata}, bill.root if root else None)
    lost = lost_bill(bill, seen)
    properties = [{"name": MARK, "value": packed(lost)}] if lost else []
    properties += [
        {"name": LICENSE_PROPERTY, "value": packed(item.model_dump(exclude_defaults=True))}
        for item in bill.named_licenses
    ]
    return metadata | ({"properties": properties} if properties else {})


def _component(component: Component, named: NamedLicenses) -> dict[str, Any]:
    element: dict[str, Any] = {
        "type": _TYPES.get(component.kind, component.kind.value),
        "bom-ref": component.ref,
        "supplier": component.supplier and entity_of_supplier(component.supplier),
        "group": component.group,
        "name": component.name,
        "version": component.version,
        "hashes": cyclonedx_hashes(component.hashes) or None,
        "licenses": _choices(component, named) or None,
        "purl": component.purl,
    }
    return _with_lost(component, _stated(element), named)


def _service(component: Component, named: NamedLicenses) -> dict[str, Any]:
    element: dict[str, Any] = {
        "bom-ref": component.ref,
        "provider": component.supplier and entity_of_supplier(component.supplier),
        "group": component.group,
        "name": component.name,
        "version": component.version,
        "licenses": _choices(component, named) or None,
    }
    return _with_lost(component, _stated(element), named, is_service=True)


def _choices(component: Component, named: NamedLicenses) -> list[dict[str, Any]]:
    return write_choices(component.license_declared, component.license_concluded, named)


def _stated(element: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in element.items() if value is not None}


def _with_lost(
    component: Component,
    element: dict[str, Any],
    named: NamedLicenses,
    *,
    is_service: bool = False,
) -> dict[str, Any]:
    edges = {"dependsOn": component.depends_on, "provides": component.provides}
    seen = read_element(element, component.ref, named, edges, is_service=is_service)
    lost = lost_component(component, seen)
    return element | ({"properties": [{"name": MARK, "value": packed(lost)}]} if lost else {})


def _dependencies(bill: Bill) -> list[dict[str, Any]]:
    return [
        {"ref": component.ref}
        | ({"dependsOn": component.depends_on} if component.depends_on else {})
        | ({"provides": component.provides} if component.provides else {})
        for component in bill.components
        if component.depends_on or component.provides
    ]


def _version_of(document: dict[str, Any]) -> str:
    root = document["metadata"].get("component")
    elements = [*document["components"], *document.get("services", []), *([root] if root else [])]
    is_new = any(
        needs_1_7(element.get("licenses", []))
        or any(item["alg"] not in CYCLONEDX_1_6 for item in element.get("hashes", []))
        for element in elements
    )
    return "1.7" if is_new else "1.6"

"""A bill that we made, as CycloneDX 1.6 JSON, written by cyclonedx-python-lib.

Not by `bills/cyclonedx_writing.py`, which brings strangers' bills through a conversion without a
loss and says no more than they said. Ours are complete, and say so in CycloneDX's own members:
the document's supplier, and of each component without dependencies that it has none.
"""

import json
from typing import Any
from uuid import UUID

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component as CycloneComponent
from cyclonedx.model.component import ComponentType
from cyclonedx.model.contact import OrganizationalEntity
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL

from schema.contracts.bill import Bill, Component

_TYPES = {kind.value: kind for kind in ComponentType}
_ALGORITHMS = {algorithm.value.lower().replace("-", ""): algorithm for algorithm in HashAlgorithm}


def write_cyclonedx(bill: Bill) -> bytes:
    """The document, the same for the same bill: it has no time of its own.

    Args:
        bill: with a root, and a serial number of the form `urn:uuid:…`.
    """
    made = {component.ref: _component(component) for component in bill.components}
    root = made[bill.root or bill.components[0].ref]
    bom = Bom(
        serial_number=UUID(bill.serial),
        components=[component for component in made.values() if component is not root],
        metadata=BomMetaData(component=root, supplier=root.supplier),
    )
    for component in bill.components:
        bom.register_dependency(made[component.ref], [made[ref] for ref in component.depends_on])
    outputter = make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6)
    document: dict[str, Any] = json.loads(outputter.output_as_string())
    # The library always writes the clock's time.
    document["metadata"].pop("timestamp", None)
    return json.dumps(document, indent=1, ensure_ascii=False).encode("utf-8") + b"\n"


def _component(component: Component) -> CycloneComponent:
    licenses = LicenseFactory()
    return CycloneComponent(
        name=component.name,
        type=_TYPES.get(component.kind.value, ComponentType.LIBRARY),
        bom_ref=component.ref,
        version=component.version,
        purl=PackageURL.from_string(component.purl) if component.purl else None,
        supplier=OrganizationalEntity(name=component.supplier) if component.supplier else None,
        licenses=[licenses.make_from_string(component.license_declared)]
        if component.license_declared
        else None,
        hashes=[
            HashType(alg=_ALGORITHMS[name], content=digest)
            for name, digest in component.hashes.items()
        ],
        properties=[Property(name=name, value=text) for name, text in component.properties.items()],
    )

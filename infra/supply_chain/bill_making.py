"""A spell's bill of materials from what is in its package and what its lock files say.

The same folder gives the same bill: no clock, no chance, and the serial number is a digest.
"""

import hashlib
import uuid
from collections.abc import Iterable, Mapping

from packageurl import PackageURL

from infra.supply_chain.lockfiles.lock_file import COMPONENTS_MAX, Locked, LockFileError
from schema.canonical import canonical_json
from schema.contracts.bill import Bill, BillFormat, Component, ComponentKind
from schema.manifest import Manifest
from schema.packaging.names import SBOM_FILES


def make_bill(manifest: Manifest, files: Mapping[str, bytes], locked: Iterable[Locked]) -> Bill:
    """The bill of a spell.

    Args:
        manifest: the spell's own.
        files: of the package, by name; the bill itself is none of its own components.
        locked: what its lock files say; a component of several is listed once.

    Raises:
        LockFileError: there are more than `COMPONENTS_MAX` components.
    """
    found = list(locked)
    libraries = _merged(component for one in found for component in one.components)
    packed = [
        _file(manifest, name, files[name]) for name in sorted(files) if name not in SBOM_FILES
    ]
    direct = sorted({ref for one in found for ref in one.direct})
    _check_refs(libraries, direct)
    root = _root(manifest, [*(file.ref for file in packed), *direct])
    components = [root, *packed, *libraries]
    if len(components) > COMPONENTS_MAX:
        raise LockFileError("the folder", None, f"has more than {COMPONENTS_MAX:,} components")
    bill = Bill(
        format=BillFormat.CYCLONEDX_1_6,
        name=manifest.spell.key,
        root=root.ref,
        components=components,
    )
    return bill.model_copy(update={"serial": _serial(bill)})


def _check_refs(libraries: list[Component], direct: list[str]) -> None:
    """A lock file may say that something is for development only, and need it all the same."""
    known = {component.ref for component in libraries}
    needed = {ref for component in libraries for ref in component.depends_on}
    for ref in sorted({*needed, *direct} - known):
        raise LockFileError("a lock file", None, f"leaves out {ref}, which something in it needs")


def _merged(components: Iterable[Component]) -> list[Component]:
    """Sorted by name; what two lock files both have, once, with what both know."""
    merged: dict[str, Component] = {}
    for component in components:
        known = merged.get(component.ref)
        merged[component.ref] = component if known is None else _united(known, component)
    return [
        merged[ref].model_copy(update={"depends_on": sorted(merged[ref].depends_on)})
        for ref in sorted(merged)
    ]


def _united(one: Component, other: Component) -> Component:
    return one.model_copy(
        update={
            "hashes": {**other.hashes, **one.hashes},
            "properties": {**other.properties, **one.properties},
            "license_declared": one.license_declared or other.license_declared,
            "supplier": one.supplier or other.supplier,
            "depends_on": list({*one.depends_on, *other.depends_on}),
        }
    )


def _root(manifest: Manifest, depends_on: list[str]) -> Component:
    spell = manifest.spell
    purl = PackageURL("generic", None, spell.key, spell.version).to_string()
    return Component(
        ref=purl,
        name=spell.key,
        kind=ComponentKind.APPLICATION,
        version=spell.version,
        purl=purl,
        supplier=spell.author,
        license_declared=spell.license,
        depends_on=depends_on,
    )


def _file(manifest: Manifest, name: str, content: bytes) -> Component:
    return Component(
        ref=f"file:{name}",
        name=name,
        kind=ComponentKind.FILE,
        version=manifest.spell.version,
        supplier=manifest.spell.author,
        hashes={"sha256": hashlib.sha256(content).hexdigest()},
        license_declared=manifest.spell.license,
    )


def _serial(bill: Bill) -> str:
    """A version-8 UUID (RFC 9562) of the bill's digest."""
    content = canonical_json(bill.model_dump(mode="json", exclude={"serial"}))
    digest = bytearray(hashlib.sha256(content).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x80
    digest[8] = digest[8] & 0x3F | 0x80
    return uuid.UUID(bytes=bytes(digest)).urn

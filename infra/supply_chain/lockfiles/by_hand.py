"""`sbom.extra.toml`: what no lock file says, in the maker's own words.

A table with the purl of a locked component completes it: license, supplier, hashes. Any other adds
a component that the spell itself needs, such as copied sources or a compiler's library.
"""

from collections.abc import Sequence

from packageurl import PackageURL
from pydantic import BaseModel, ConfigDict, Field

from infra.supply_chain.lockfiles.lock_file import Hashes, Locked, LockFile, LockFileError
from schema.contracts.bill import Component, ComponentKind, Text

FILE_NAME = "sbom.extra.toml"


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid")

    purl: Text
    kind: ComponentKind = ComponentKind.LIBRARY
    license: Text | None = None
    supplier: Text | None = None
    hashes: Hashes = Field(default_factory=dict)


class _Extra(BaseModel):
    model_config = ConfigDict(extra="forbid")

    component: list[_Entry]


def with_extra(lock: LockFile, locked: Sequence[Locked]) -> list[Locked]:
    """What the lock files say, with what the maker adds.

    Raises:
        LockFileError: it is not in the form above, or a purl is none or has no version.
    """
    entries = {_purl(lock, entry).to_string(): entry for entry in lock.toml(_Extra).component}
    completed = [
        Locked(tuple(_complete(c, entries.get(c.ref)) for c in one.components), one.direct)
        for one in locked
    ]
    known = {component.ref for one in locked for component in one.components}
    added = [_added(ref, entry) for ref, entry in entries.items() if ref not in known]
    return [*completed, Locked(tuple(added), tuple(component.ref for component in added))]


def _purl(lock: LockFile, entry: _Entry) -> PackageURL:
    try:
        purl = PackageURL.from_string(entry.purl)
    except ValueError as error:
        raise _wrong(lock, entry, f"is no purl: {error}") from error
    if not purl.version:
        raise _wrong(lock, entry, "names no version")
    return purl


def _wrong(lock: LockFile, entry: _Entry, fault: str) -> LockFileError:
    return lock.error(lock.line_with(f'"{entry.purl}"'), f"{entry.purl!r} {fault}")


def _complete(component: Component, entry: _Entry | None) -> Component:
    if entry is None:
        return component
    return component.model_copy(
        update={
            "license_declared": entry.license or component.license_declared,
            "supplier": entry.supplier or component.supplier,
            "hashes": {**component.hashes, **entry.hashes},
        }
    )


def _added(ref: str, entry: _Entry) -> Component:
    purl = PackageURL.from_string(ref)
    component = Component(
        ref=ref,
        name=f"{purl.namespace}/{purl.name}" if purl.namespace else purl.name,
        kind=entry.kind,
        version=purl.version,
        purl=ref,
    )
    return _complete(component, entry)

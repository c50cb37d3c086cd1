"""`Cargo.lock`, versions 1 to 4: crates, checksums and the whole graph.

https://doc.rust-lang.org/cargo/reference/resolver.html; development dependencies are in it, and
cannot be told apart.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated

from pydantic import BaseModel, Field

from infra.supply_chain.lockfiles.lock_file import Locked, LockFile, component_of
from schema.contracts.bill import Component

# Both names of the one registry; without a scheme, since cargo has two ways to reach it.
_USUAL_REGISTRY = ("rust-lang/crates.io-index", "index.crates.io/")

Checksum = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Package(BaseModel):
    name: Annotated[str, Field(min_length=1, max_length=128)]
    version: Annotated[str, Field(min_length=1, max_length=128)]
    source: str | None = None
    checksum: Checksum | None = None
    dependencies: list[str] = Field(default_factory=list)


class _CargoLock(BaseModel):
    package: list[_Package] = Field(default_factory=list)
    metadata: dict[str, str] = Field(default_factory=dict)
    """Where version 1 has its checksums."""


@dataclass(frozen=True)
class _Reading:
    lock: LockFile
    content: _CargoLock

    def read(self) -> Locked:
        """Packages without a source are the maker's own; those that nobody uses, the spell."""
        own = [package for package in self.content.package if package.source is None]
        used = {
            id(found)
            for package in own
            for found in self._dependencies(package)
            if found is not package
        }
        spells = {id(package): package for package in own if id(package) not in used}
        direct = [ref for spell in spells.values() for ref in self._refs(spell)]
        components = (self._full(p) for p in self.content.package if id(p) not in spells)
        return Locked(tuple(components), tuple(dict.fromkeys(direct)))

    def _refs(self, package: _Package) -> list[str]:
        found = (_component(needed).ref for needed in self._dependencies(package))
        return list(dict.fromkeys(found))

    def _full(self, package: _Package) -> Component:
        checksum = package.checksum or self.content.metadata.get(
            f"checksum {package.name} {package.version} ({package.source})"
        )
        return _component(package).model_copy(
            update={
                "hashes": {"sha256": checksum} if checksum else {},
                "depends_on": self._refs(package),
            }
        )

    @cached_property
    def _by_name(self) -> dict[str, list[_Package]]:
        index: dict[str, list[_Package]] = defaultdict(list)
        for package in self.content.package:
            index[package.name].append(package)
        return index

    def _dependencies(self, package: _Package) -> Iterable[_Package]:
        return (self._find(text) for text in package.dependencies)

    def _find(self, text: str) -> _Package:
        """`name`, `name version` or `name version (source)`: as much as tells it from others."""
        name, _, rest = text.partition(" ")
        version, _, source = rest.partition(" ")
        fitting = [
            package
            for package in self._by_name.get(name, [])
            if version in ("", package.version) and source in ("", f"({package.source})")
        ]
        if len(fitting) != 1:
            line = self.lock.line_with(f'"{text}"')
            raise self.lock.error(line, f"the dependency {text!r} is no single package of it")
        return fitting[0]


def read_cargo_lock(lock: LockFile) -> Locked:
    """The crates of a `Cargo.lock`.

    Raises:
        LockFileError: it is none.
    """
    return _Reading(lock, lock.toml(_CargoLock)).read()


def _component(package: _Package) -> Component:
    source = package.source
    if source is None:
        return component_of("generic", package.name, package.version)
    return component_of("cargo", package.name, package.version, qualifiers=_origin(source))


def _origin(source: str) -> dict[str, str]:
    kind, _, address = source.partition("+")
    if kind == "git":
        place, _, commit = address.partition("#")
        return {"vcs_url": f"git+{place.partition('?')[0]}@{commit}"}
    if address.endswith(_USUAL_REGISTRY):
        return {}
    return {"repository_url": address}

"""`pylock.toml` of PEP 751: packages with their files' hashes, and the graph where it has one.

https://packaging.python.org/en/latest/specifications/pylock-toml/.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

from packaging.utils import canonicalize_name
from pydantic import BaseModel, Field

from infra.supply_chain.lockfiles.lock_file import (
    Locked,
    LockFile,
    component_of,
    nobody_asks_for,
)
from schema.contracts.bill import Component

_SEVERAL_HASHES = "spell:pypi:hashes"
_HERE = {".", "./", ""}


class _File(BaseModel):
    name: str | None = None
    url: str | None = None
    path: str | None = None
    hashes: dict[str, str] = Field(default_factory=dict)

    @property
    def file_name(self) -> str:
        return self.name or (self.path or self.url or "").rpartition("/")[2]


class _Repository(BaseModel):
    type: str
    url: str | None = None
    commit: Annotated[str, Field(alias="commit-id")]


class _Folder(BaseModel):
    path: str


class _Package(BaseModel):
    name: Annotated[str, Field(min_length=1, max_length=256)]
    version: Annotated[str, Field(max_length=128)] | None = None
    dependencies: list[dict[str, Any]] = Field(default_factory=list)
    vcs: _Repository | None = None
    directory: _Folder | None = None
    archive: _File | None = None
    sdist: _File | None = None
    wheels: list[_File] = Field(default_factory=list)


class _PyLock(BaseModel):
    version: Annotated[str, Field(alias="lock-version", pattern=r"^1\.\d+$")]
    packages: list[_Package]


@dataclass(frozen=True)
class _Reading:
    lock: LockFile
    packages: list[_Package]

    def read(self) -> Locked:
        components = [self._full(package) for package in self.packages if not _is_spell(package)]
        return Locked(tuple(components), nobody_asks_for(components))

    def _full(self, package: _Package) -> Component:
        hashes, properties = _hashes(package)
        needed = (found for item in package.dependencies for found in self._find(item))
        return self._component(package).model_copy(
            update={
                "hashes": hashes,
                "properties": properties,
                "depends_on": list(dict.fromkeys(self._component(p).ref for p in needed)),
            }
        )

    def _component(self, package: _Package) -> Component:
        version = package.version or (package.vcs.commit if package.vcs else None)
        if version is None:
            line = self.lock.line_with(f'"{package.name}"')
            raise self.lock.error(line, f"{package.name} has no version")
        return component_of(
            "generic" if package.directory else "pypi",
            canonicalize_name(package.name),
            version,
            qualifiers=_origin(package),
        )

    @cached_property
    def _by_name(self) -> dict[str, list[_Package]]:
        index: dict[str, list[_Package]] = defaultdict(list)
        for package in self.packages:
            index[canonicalize_name(package.name)].append(package)
        return index

    def _find(self, wanted: dict[str, Any]) -> Iterable[_Package]:
        """The packages that an entry of `dependencies` means: its members are some of theirs."""
        name = canonicalize_name(str(wanted.get("name", "")))
        version = wanted.get("version")
        found = [p for p in self._by_name.get(name, []) if version in (None, p.version)]
        if not found:
            raise self.lock.error(
                self.lock.line_with(f'"{wanted.get("name")}"'),
                f"the dependency {name!r} is not among its packages",
            )
        return found


def read_pylock(lock: LockFile) -> Locked:
    """The packages of a `pylock.toml`.

    Raises:
        LockFileError: it is none, or of another version than 1.
    """
    return _Reading(lock, lock.toml(_PyLock).packages).read()


def _is_spell(package: _Package) -> bool:
    """The folder itself, which some tools list as well."""
    return package.directory is not None and package.directory.path in _HERE


def _origin(package: _Package) -> dict[str, str]:
    if package.vcs is not None and package.vcs.url:
        return {"vcs_url": f"{package.vcs.type}+{package.vcs.url}@{package.vcs.commit}"}
    if package.archive is not None and package.archive.url:
        return {"download_url": package.archive.url}
    return {}


def _hashes(package: _Package) -> tuple[dict[str, str], dict[str, str]]:
    """Those of the one file that can have been taken; of several, a note of all.

    A spell runs on no machine that wheels are built for, so it can only hold pure ones.
    """
    files = [file for file in (package.archive, package.sdist, *package.wheels) if file]
    pure = [file for file in package.wheels if file.file_name.endswith("-none-any.whl")]
    taken = files if len(files) == 1 else pure
    if len(taken) == 1 and "sha256" in taken[0].hashes:
        return {"sha256": taken[0].hashes["sha256"].lower()}, {}
    every = [f"{name}:{digest}" for file in files for name, digest in file.hashes.items()]
    return {}, {_SEVERAL_HASHES: " ".join(every)} if every else {}

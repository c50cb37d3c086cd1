"""`package-lock.json` and `npm-shrinkwrap.json`, lockfileVersion 2 and 3.

npm documents it under `package-lock.json`. What only development needs is left
out; what is built into the module must stand under `dependencies`.
"""

import base64
import binascii
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, Field

from infra.supply_chain.lockfiles.lock_file import Locked, LockFile, component_of
from schema.contracts.bill import Component

_MODULES = "node_modules/"
# Looking for a dependency walks up the path.
_PATH_CHARS_MAX = 1_024
_DIGEST_BYTES = {"sha512": 64, "sha384": 48, "sha256": 32, "sha1": 20}

Names = dict[str, str]


class _Package(BaseModel):
    name: str | None = None
    version: Annotated[str, Field(max_length=256)] | None = None
    resolved: str | bool | None = None
    integrity: str | None = None
    license: object = None
    """A text; in old packages also an object or a list, which say nothing in SPDX."""
    link: bool = False
    dev: bool = False
    extraneous: bool = False
    dependencies: Names = Field(default_factory=dict)
    optional_dependencies: Annotated[Names, Field(alias="optionalDependencies")] = Field(
        default_factory=dict
    )
    peer_dependencies: Annotated[Names, Field(alias="peerDependencies")] = Field(
        default_factory=dict
    )


class _PackageLock(BaseModel):
    version: Annotated[int, Field(alias="lockfileVersion")]
    packages: dict[Annotated[str, Field(max_length=_PATH_CHARS_MAX)], _Package] = Field(
        default_factory=dict
    )


@dataclass(frozen=True)
class _Reading:
    lock: LockFile
    packages: dict[str, _Package]

    def read(self) -> Locked:
        installed = [
            path
            for path, package in self.packages.items()
            if path and not (package.link or package.dev or package.extraneous)
        ]
        components: dict[str, Component] = {}
        for path in installed:
            component = self._full(path)
            components.setdefault(component.ref, component)
        return Locked(tuple(components.values()), tuple(self._needs("")))

    def _full(self, path: str) -> Component:
        package, base = self.packages[path], self._component(path)
        license_text = package.license if isinstance(package.license, str) else None
        return base.model_copy(
            update={
                "hashes": self._hashes(path, package.integrity),
                "license_declared": license_text,
                "depends_on": [ref for ref in self._needs(path) if ref != base.ref],
            }
        )

    def _component(self, path: str) -> Component:
        package = self.packages[path]
        name = package.name or path.rpartition(_MODULES)[2]
        if not package.version:
            raise self.lock.error(self._line(path), f"{name} has no version")
        scope, slash, rest = name.rpartition("/")
        return component_of(
            "npm" if _MODULES in path else "generic",
            rest,
            package.version,
            namespace=scope if slash else None,
            qualifiers=_origin(package.resolved),
        )

    def _needs(self, path: str) -> list[str]:
        package = self.packages.get(path, _Package())
        optional = {**package.optional_dependencies, **package.peer_dependencies}
        found: dict[str, None] = {}
        for name in {**package.dependencies, **optional}:
            target = self._resolve(path, name)
            if target is not None:
                found[self._component(target).ref] = None
            elif name not in optional:
                message = f"{name}, which {path or 'the spell'} needs, is not in it: `npm install`"
                raise self.lock.error(self._line(path), message)
        return list(found)

    def _resolve(self, path: str, name: str) -> str | None:
        """Node's own way: in the package's folder, then in each one above it."""
        while True:
            candidate = f"{path}/{_MODULES}{name}" if path else f"{_MODULES}{name}"
            package = self.packages.get(candidate)
            if package is not None:
                return self._target(candidate, package)
            if not path:
                return None
            path = path.rpartition("/")[0]

    def _target(self, path: str, package: _Package) -> str:
        if not package.link:
            return path
        if not isinstance(package.resolved, str) or package.resolved not in self.packages:
            raise self.lock.error(self._line(path), f"{path} links to what is not in it")
        return package.resolved

    def _hashes(self, path: str, integrity: str | None) -> dict[str, str]:
        """Subresource integrity: algorithm, hyphen, base64; several with blanks between them."""
        hashes: dict[str, str] = {}
        for entry in (integrity or "").split():
            algorithm, _, text = entry.partition("?")[0].partition("-")
            try:
                digest = base64.b64decode(text, validate=True)
            except binascii.Error:
                digest = b""
            if len(digest) != _DIGEST_BYTES.get(algorithm, -1):
                message = f"the integrity of {path} is no digest: {entry[:80]!r}"
                raise self.lock.error(self.lock.line_with(entry), message)
            hashes.setdefault(algorithm, digest.hex())
        return hashes

    def _line(self, path: str) -> int | None:
        return self.lock.line_with(f'"{path}"')


def read_package_lock(lock: LockFile) -> Locked:
    """The packages of a `package-lock.json` that are not for development only.

    Raises:
        LockFileError: it is none, or of lockfileVersion 1.
    """
    content = lock.json(_PackageLock)
    if content.version not in (2, 3):
        raise lock.error(
            lock.line_with('"lockfileVersion"'),
            f"lockfileVersion {content.version} is not read: "
            "`npm install --package-lock-only --lockfile-version 3` makes one that is",
        )
    return _Reading(lock, content.packages).read()


def _origin(resolved: str | bool | None) -> dict[str, str]:
    """Registries have `/-/` in the addresses of their archives, whichever mirror it is."""
    if not isinstance(resolved, str):
        return {}
    if resolved.startswith("git"):
        address, _, commit = resolved.partition("#")
        return {"vcs_url": f"{address}@{commit}"}
    if resolved.startswith(("http:", "https:")) and "/-/" not in resolved:
        return {"download_url": resolved}
    return {}

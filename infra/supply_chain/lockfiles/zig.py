"""`build.zig.zon`: the packages that a Zig or C program is built with.

Dependencies given by `path` are the maker's own folders and no components. A `hash` is one of a
tree of files and not of a file, so it is a property.
"""

import re
from typing import Annotated

from pydantic import BaseModel, Field, ValidationError

from infra.supply_chain.lockfiles.lock_file import Locked, LockFile, component_of
from infra.supply_chain.lockfiles.zon import ZonError, parse_zon
from schema.contracts.bill import Component, Text

_TREE_HASH = "spell:zig:hash"
# name-version-rest since Zig 0.14; before, a multihash in hexadecimal, which names no version.
_NAMED_HASH = re.compile(r"(?P<name>[A-Za-z_]\w*)-(?P<version>\d+\.\d+\.\d+\S*)-[A-Za-z0-9_-]{44}")
_GITHUB = re.compile(
    r"(?:git\+)?https://github\.com/(?P<owner>[^/]+)/(?P<name>[^/?#]+)(?P<rest>.*)"
)
_COMMIT = re.compile(r"#([0-9a-f]{40})$")
_ARCHIVE = re.compile(r"/archive/(?:refs/tags/)?(?P<ref>[^/]+?)\.(?:tar\.gz|tar\.xz|zip)$")
_RELEASE = re.compile(r"/releases/download/(?P<ref>[^/]+)/")


class _Dependency(BaseModel):
    url: Text | None = None
    hash: Text | None = None
    path: Text | None = None


class _BuildZon(BaseModel):
    dependencies: dict[str, _Dependency] | Annotated[list[str], Field(max_length=0)] = Field(
        default_factory=dict
    )


def read_build_zon(lock: LockFile) -> Locked:
    """The packages of a `build.zig.zon`. It has no graph: each of them may have more of its own.

    Raises:
        LockFileError: it is none, or a dependency has no hash or no version.
    """
    try:
        content = _BuildZon.model_validate(parse_zon(lock.text))
    except ZonError as error:
        raise lock.error(error.line, str(error)) from error
    except ValidationError as error:
        place = [str(part) for part in error.errors()[0]["loc"]]
        line = lock.line_with(f".{place[-1]}") if place else 1
        message = f"{'.'.join(place)}: {error.errors()[0]['msg']}"
        raise lock.error(line, message) from error
    given = content.dependencies if isinstance(content.dependencies, dict) else {}
    components = [_read(lock, name, item) for name, item in given.items() if item.path is None]
    return Locked(tuple(components), tuple(component.ref for component in components))


def _read(lock: LockFile, name: str, item: _Dependency) -> Component:
    if not item.url or not item.hash:
        raise lock.error(
            lock.line_with(f".{name}"), f"{name} needs url and hash: `zig fetch --save`"
        )
    kind, namespace, plain_name, version = _identity(lock, name, item.url, item.hash)
    qualifiers = {} if kind == "github" else {"download_url": item.url}
    return component_of(
        kind,
        plain_name,
        version,
        namespace=namespace,
        qualifiers=qualifiers,
        properties={_TREE_HASH: item.hash},
    )


def _identity(lock: LockFile, name: str, url: str, tree: str) -> tuple[str, str | None, str, str]:
    """Type, namespace, name and version of the purl."""
    named, hosted = _NAMED_HASH.fullmatch(tree), _GITHUB.fullmatch(url)
    ref = _ref(url)
    if hosted is not None and ref is not None:
        return "github", hosted["owner"], hosted["name"].removesuffix(".git"), ref
    version = named["version"] if named else ref
    if version is None:
        raise lock.error(
            lock.line_with(url), f"neither url nor hash of {name} names a version: pin a commit"
        )
    return "generic", None, named["name"] if named else name, version


def _ref(url: str) -> str | None:
    for pattern in (_COMMIT, _ARCHIVE, _RELEASE):
        match = pattern.search(url)
        if match is not None:
            return match[1]
    return None

"""`requirements*.txt` as pip reads them, where each line pins one version.

https://pip.pypa.io/en/stable/reference/requirements-file-format/. A line that pins nothing cannot
be told from the outside, and is an error.
"""

import re
from collections.abc import Iterator

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from infra.supply_chain.lockfiles.lock_file import Locked, LockFile, component_of
from schema.contracts.bill import Component

_COMMENT = re.compile(r"(?:^|\s)#.*$")
_HASH = re.compile(r"\s--hash[= ](?P<algorithm>sha256|sha384|sha512):(?P<digest>[0-9a-f]+)\b")
_OPTION = re.compile(r"\s--(?P<name>[a-z-]+)")
_HEX_DIGITS = {"sha256": 64, "sha384": 96, "sha512": 128}
# Other files and places of code; all further options say only how to install.
_MORE_CODE = ("-r", "--requirement", "-e", "--editable")
_SEVERAL_HASHES = "spell:pypi:hashes"


def read_requirements(lock: LockFile) -> Locked:
    """The packages of a requirements file. It has no graph: the spell asks for each of them.

    Raises:
        LockFileError: a line is not `name==version`, maybe with extras, marker and hashes.
    """
    components = {c.ref: c for c in (_read(lock, *line) for line in _lines(lock)) if c is not None}
    return Locked(tuple(components.values()), tuple(components))


def _lines(lock: LockFile) -> Iterator[tuple[int, str]]:
    """Logical lines, with the number of their first one."""
    begun, parts = 0, list[str]()
    for number, line in enumerate(lock.text.split("\n"), start=1):
        begun = begun if parts else number
        if line.endswith("\\") and not line.lstrip().startswith("#"):
            parts.append(line[:-1])
            continue
        text = _COMMENT.sub("", " ".join([*parts, line])).strip()
        parts = []
        if text:
            yield begun, text
    if parts:
        yield begun, " ".join(parts)


def _read(lock: LockFile, number: int, line: str) -> Component | None:
    if line.startswith("-"):
        if line.split("=", 1)[0].split(maxsplit=1)[0] in _MORE_CODE:
            message = f"{line[:80]!r} names more code: list its packages here, pinned"
            raise lock.error(number, message)
        return None
    text = _OPTION.split(line, maxsplit=1)[0]
    try:
        requirement = Requirement(text)
    except InvalidRequirement as error:
        raise lock.error(number, f"{text[:80]!r} is no requirement") from error
    hashes, properties = _hashes(lock, number, line)
    return component_of(
        "pypi",
        canonicalize_name(requirement.name),
        _version(lock, number, requirement),
        hashes=hashes,
        properties=properties,
    )


def _version(lock: LockFile, number: int, requirement: Requirement) -> str:
    pins = list(requirement.specifier)
    if len(pins) == 1 and pins[0].operator in ("==", "===") and "*" not in pins[0].version:
        return pins[0].version
    raise lock.error(number, f"{requirement.name} is not pinned to one version by ==")


def _hashes(lock: LockFile, number: int, line: str) -> tuple[dict[str, str], dict[str, str]]:
    """The hash, if there is one; pip takes any of several files, and we cannot tell which."""
    found = [(match["algorithm"], match["digest"]) for match in _HASH.finditer(line)]
    if len(found) != line.count("--hash") or any(
        len(digest) != _HEX_DIGITS[algorithm] for algorithm, digest in found
    ):
        raise lock.error(number, "a --hash is not algorithm:hexdigest")
    if len(found) == 1:
        return dict(found), {}
    if not found:
        return {}, {}
    return {}, {_SEVERAL_HASHES: " ".join(f"{name}:{digest}" for name, digest in found)}

"""`go.mod` with `go.sum`: modules, the standard library, and the checksums of their trees.

https://go.dev/ref/mod. From Go 1.17 on, go.mod names every module of the build; before, or without
one, go.sum does, with versions that may not have been chosen. An `h1:` is the hash of a list of
files and not of a file, so it is a property.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from infra.supply_chain.lockfiles.lock_file import Locked, LockFile, component_of
from schema.contracts.bill import Component

_TREE_HASH = "spell:golang:h1"
_SUM_LINE = re.compile(
    r"(?P<path>\S+) (?P<version>v\S+?)(?P<only_mod>/go\.mod)? (?P<hash>h1:\S{44})"
)
_COMPLETE_SINCE = (1, 17)
_VERSION = re.compile(r"v\d+\.\d+\.\d+(?:[-+.][0-9A-Za-z.+-]*)?")
_RELEASE = re.compile(r"(\d+)\.(\d+)\S*")

Module = tuple[str, str]
"""Path and version."""


@dataclass
class _GoMod:
    required: dict[Module, bool] = field(default_factory=dict)
    """Whether the spell asks for it itself."""
    replaced: dict[str, Module | None] = field(default_factory=dict)
    """By path, or `path version`; None is a folder, whose modules are the maker's own."""
    release: str | None = None
    """Of Go, whose standard library is in the module."""

    def is_complete(self) -> bool:
        numbers = _RELEASE.match(self.release or "")
        return numbers is not None and (int(numbers[1]), int(numbers[2])) >= _COMPLETE_SINCE

    def chosen(self, module: Module) -> Module | None:
        path, version = module
        return self.replaced.get(f"{path} {version}", self.replaced.get(path, module))


def read_go(mod: LockFile | None, sums: LockFile | None) -> Locked:
    """The modules of a Go program.

    Args:
        mod: its `go.mod`, if there is one.
        sums: its `go.sum`; there is none without dependencies.

    Raises:
        LockFileError: a line of one of them is not as it should be, or a checksum is missing.
    """
    read = _read_mod(mod) if mod is not None else _GoMod()
    hashes = _read_sums(sums) if sums is not None else {}
    wanted = dict(read.required)
    if not read.is_complete():
        wanted |= {module: False for module in hashes if module not in wanted}
    components: dict[str, Component] = {}
    direct: dict[str, None] = {}
    for module, is_direct in wanted.items():
        chosen = read.chosen(module)
        if chosen is None:
            continue
        component = _component(chosen, hashes.get(chosen))
        components[component.ref] = component
        if is_direct or mod is None:
            direct[component.ref] = None
    if read.release:
        library = component_of("golang", "stdlib", read.release)
        components[library.ref] = library
        direct[library.ref] = None
    return Locked(tuple(components.values()), tuple(direct))


def _component(module: Module, tree_hash: str | None) -> Component:
    path, version = module
    namespace, slash, name = path.rpartition("/")
    properties = {_TREE_HASH: tree_hash} if tree_hash else {}
    return component_of(
        "golang", name, version, namespace=namespace if slash else None, properties=properties
    )


def _read_sums(lock: LockFile) -> dict[Module, str]:
    """Checksums of whole modules; those of a go.mod alone say that its module is not in use."""
    hashes: dict[Module, str] = {}
    for number, line in enumerate(lock.text.split("\n"), start=1):
        if not line.strip():
            continue
        match = _SUM_LINE.fullmatch(line.strip())
        if match is None:
            raise lock.error(number, "should read: module version h1:checksum")
        if not match["only_mod"]:
            hashes[match["path"], match["version"]] = match["hash"]
    return hashes


def _read_mod(lock: LockFile) -> _GoMod:
    mod = _GoMod()
    toolchain = None
    for number, verb, words, is_indirect in _directives(lock):
        if verb == "require":
            mod.required[_module(lock, number, words)] = not is_indirect
        elif verb == "replace":
            _replace(lock, number, words, mod)
        elif verb == "go" and words:
            mod.release = words[0]
        elif verb == "toolchain" and words:
            toolchain = words[0].removeprefix("go")
    if toolchain and toolchain != "default":
        mod.release = toolchain
    return mod


def _directives(lock: LockFile) -> Iterator[tuple[int, str, list[str], bool]]:
    """Line, verb, words and whether it ends with `// indirect`; blocks in parentheses unfolded."""
    block: str | None = None
    for number, line in enumerate(lock.text.split("\n"), start=1):
        code, _, comment = line.partition("//")
        words = [word.strip('"`') for word in code.split()]
        if not words:
            continue
        if block is None and words[-1] == "(":
            block = words[0]
        elif block is not None and words == [")"]:
            block = None
        else:
            verb, rest = (words[0], words[1:]) if block is None else (block, words)
            yield number, verb, rest, comment.split()[:1] == ["indirect"]


def _module(lock: LockFile, number: int, words: list[str]) -> Module:
    if len(words) != 2 or _VERSION.fullmatch(words[1]) is None:  # noqa: PLR2004
        raise lock.error(number, "should read: module version")
    return words[0], words[1]


def _replace(lock: LockFile, number: int, words: list[str], mod: _GoMod) -> None:
    if "=>" not in words:
        raise lock.error(number, "should read: module => module version")
    arrow = words.index("=>")
    old, new = words[:arrow], words[arrow + 1 :]
    if not old or not new:
        raise lock.error(number, "should read: module => module version")
    is_folder = new[0].startswith((".", "/"))
    mod.replaced[" ".join(old)] = None if is_folder else _module(lock, number, new)

"""Rules on the files of a package as a set: sizes, names that collide, what each mode needs."""

from collections.abc import Iterable, Iterator, Mapping

from schema.contracts.plans import Mode
from schema.contracts.run import Target
from schema.limits import (
    BILL_BYTES_MAX,
    COMPONENT_BYTES_MAX,
    MANIFEST_BYTES_MAX,
    MODULE_BYTES_MAX,
    PACKAGE_ENTRIES_MAX,
    RESOURCES_BYTES_MAX,
    SCHEMA_BYTES_MAX,
    TEXT_FILE_BYTES_MAX,
)
from schema.manifest import Manifest
from schema.packaging.names import (
    LICENSE_FILE,
    MANIFEST_FILE,
    MODULE_FILE,
    README_FILE,
    SBOM_FILES,
    SCHEMA_FILE,
    folded,
)
from schema.packaging.resources import granted, is_granted_by
from schema.packaging.tar_writing import write_tar

Fault = tuple[str | None, str]
"""The file, or None for the whole, and what is wrong with it."""

_BYTES_MAX = {
    MANIFEST_FILE: MANIFEST_BYTES_MAX,
    MODULE_FILE: COMPONENT_BYTES_MAX,
    SCHEMA_FILE: SCHEMA_BYTES_MAX,
    README_FILE: TEXT_FILE_BYTES_MAX,
    LICENSE_FILE: TEXT_FILE_BYTES_MAX,
} | dict.fromkeys(SBOM_FILES, BILL_BYTES_MAX)

# The first eight bytes: of a module, whose format is at version 1, and of a component.
_PREAMBLES = {Target.CORE: b"\0asm\x01\0\0\0", Target.COMPONENT: b"\0asm\x0d\0\x01\0"}
_MODULE_BYTES_MAX = {Target.CORE: MODULE_BYTES_MAX, Target.COMPONENT: COMPONENT_BYTES_MAX}
_KIND = {Target.CORE: "core module", Target.COMPONENT: "component"}

_REQUIRED = {
    Mode.SERVICE: (MODULE_FILE, SCHEMA_FILE),
    Mode.WORKFLOW: (SCHEMA_FILE,),
    Mode.CLONE: (),
}


def set_faults(files: Mapping[str, bytes]) -> Iterator[Fault]:
    """What is wrong with the files whatever the manifest says."""
    if len(files) > PACKAGE_ENTRIES_MAX:
        yield None, f"has more than {PACKAGE_ENTRIES_MAX} files: put small ones together"
    if MANIFEST_FILE not in files:
        yield MANIFEST_FILE, "is missing: every package has one at its top"
    for name, bytes_max in _BYTES_MAX.items():
        if len(files.get(name, b"")) > bytes_max:
            yield name, f"is larger than {bytes_max} bytes: make it smaller"
    if all(name in files for name in SBOM_FILES):
        yield SBOM_FILES[1], f"stands beside {SBOM_FILES[0]}: keep one of the two"
    yield from _collisions(files)


def manifest_faults(files: Mapping[str, bytes], manifest: Manifest) -> Iterator[Fault]:
    """What the manifest asks for and is not there, or is there and must not be."""
    yield from _mode_faults(files, manifest.modes())
    if manifest.runtime is not None:
        yield from _target_faults(files.get(MODULE_FILE, b""), manifest.runtime.target)
    named = {
        "supply_chain.sbom": manifest.supply_chain.sbom,
        "spell.icon": manifest.spell.icon,
    }
    for member, name in named.items():
        if name is not None and name not in files:
            yield name, f"is missing: {member} in manifest.toml names it"
    if manifest.runtime is not None:
        yield from _resource_faults(files, manifest.runtime.policy.fs_read)


def _mode_faults(files: Mapping[str, bytes], modes: list[Mode]) -> Iterator[Fault]:
    """What the offered modes need, and what none of them has a use for."""
    for required, mode in {name: by for by in modes for name in _REQUIRED[by]}.items():
        if required not in files:
            yield required, f"is missing: mode {mode} needs it"
    if MODULE_FILE in files and Mode.SERVICE not in modes:
        yield MODULE_FILE, f"does not go with mode {modes[0]}: remove it"


def _resource_faults(files: Mapping[str, bytes], entries: list[str]) -> Iterator[Fault]:
    """Entries of `fs_read` that open nothing, or together too much."""
    for entry in entries:
        if not any(is_granted_by(entry, name) for name in files):
            yield entry, "is missing: runtime.policy.fs_read in manifest.toml names it"
    size = len(write_tar(granted(files, entries))) if entries else 0
    if size > RESOURCES_BYTES_MAX:
        message = (
            f"is opened by fs_read as a tar of {size} bytes, over {RESOURCES_BYTES_MAX}: "
            "name only what the module reads"
        )
        yield "resources", message


def _target_faults(module: bytes, target: Target) -> Iterator[Fault]:
    """Whether the module is of the kind that the manifest says, and fits its limit."""
    bytes_max = _MODULE_BYTES_MAX[target]
    if len(module) > bytes_max:
        yield MODULE_FILE, f"is larger than {bytes_max} bytes: make it smaller"
    for kind, preamble in _PREAMBLES.items():
        if kind is not target and module.startswith(preamble):
            message = f"is a {_KIND[kind]}: runtime.target in manifest.toml must be {kind}"
            yield MODULE_FILE, message


def _collisions(names: Iterable[str]) -> Iterator[Fault]:
    """Files or folders that a machine which ignores case could not keep apart."""
    seen: dict[str, tuple[str, bool]] = {}
    for name in names:
        parts = name.split("/")
        for depth in range(1, len(parts) + 1):
            path = "/".join(parts[:depth])
            is_file = depth == len(parts)
            other, other_is_file = seen.setdefault(folded(path), (path, is_file))
            if other != path:
                yield name, f"differs only in case from {other!r}: rename one"
            elif is_file != other_is_file:
                yield name, f"makes {path!r} both a file and a folder: rename one"

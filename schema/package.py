"""The canonical package: the same files give the same bytes and digest on every machine.

    archive = build_package({"manifest.toml": …, "spell.wasm": …, "schema.json": …})
    package = read_package(archive)        # SpellError(PACKAGE_INVALID) names the entry

Both work on bytes in memory; collecting files from a folder is the caller's work, and
`is_package_path` says which to take. The format is described in docs/package.md. The signature
(`SIGNATURE.sigstore`) signs the archive's digest and travels beside it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from schema.ids import sha256_digest
from schema.limits import PACKAGE_BYTES_MAX
from schema.manifest import Manifest, parse_manifest
from schema.packaging.files import Fault, manifest_faults, set_faults
from schema.packaging.names import (
    MANIFEST_FILE,
    MODULE_FILE,
    SBOM_FILES,
    SCHEMA_FILE,
    SIGNATURE_FILE,
    is_package_path,
    name_fault,
)
from schema.packaging.refusal import package_invalid
from schema.packaging.tar_reading import read_tar
from schema.packaging.tar_writing import write_tar

__all__ = [
    "MANIFEST_FILE",
    "MODULE_FILE",
    "SBOM_FILES",
    "SCHEMA_FILE",
    "SIGNATURE_FILE",
    "Package",
    "build_package",
    "is_package_path",
    "read_package",
]


@dataclass(frozen=True)
class Package:
    """A package that fits every rule of form."""

    digest: str
    """`sha256:<hex>` of the archive: what is signed, cached, revoked and receipted."""
    files: dict[str, bytes]
    manifest: Manifest


def build_package(files: Mapping[str, bytes]) -> bytes:
    """The canonical archive of the files; their order does not matter.

    Raises:
        SpellError: PACKAGE_INVALID or MANIFEST_INVALID, as `read_package` would.
    """
    for name in files:
        fault = name_fault(name)
        if fault is not None:
            raise package_invalid(fault, entry=name)
    _check_files(files, {})
    archive = write_tar(files)
    _check_size(len(archive))
    return archive


def read_package(archive: bytes) -> Package:
    """Read an archive that nobody vouches for.

    Raises:
        SpellError: PACKAGE_INVALID, with `details.entry` and `details.offset`, when a single byte
            is not canonical; MANIFEST_INVALID when manifest.toml has errors.
    """
    _check_size(len(archive))
    entries = read_tar(archive)
    files = {name: content for name, (_, content) in entries.items()}
    manifest = _check_files(files, {name: offset for name, (offset, _) in entries.items()})
    return Package(digest=sha256_digest(archive), files=files, manifest=manifest)


def _check_files(files: Mapping[str, bytes], offsets: Mapping[str, int]) -> Manifest:
    _refuse_first(set_faults(files), offsets)
    manifest = parse_manifest(files[MANIFEST_FILE])
    _refuse_first(manifest_faults(files, manifest), offsets)
    return manifest


def _refuse_first(faults: Iterable[Fault], offsets: Mapping[str, int]) -> None:
    for entry, message in faults:
        offset = None if entry is None else offsets.get(entry)
        raise package_invalid(message, entry=entry, offset=offset)


def _check_size(size: int) -> None:
    if size > PACKAGE_BYTES_MAX:
        raise package_invalid(
            f"is larger than {PACKAGE_BYTES_MAX} bytes: leave out resources that can be smaller"
        )

"""What a module may read of its package: the granted resources, as one archive under one digest.

    archive = write_tar(granted(package.files, policy.fs_read))     # at publish
    files = read_resources(archive)                                 # in the runner

The archive has the canonical form of a package, so equal grants of equal files share a digest.
"""

from collections.abc import Collection, Mapping

from schema.errors import SpellError
from schema.limits import RESOURCES_BYTES_MAX
from schema.packaging.names import RESOURCES_FOLDER
from schema.packaging.tar_reading import read_tar


def granted(files: Mapping[str, bytes], entries: Collection[str]) -> dict[str, bytes]:
    """The package's files that the entries of `fs_read` name, each a file or a folder."""
    return {
        name: content
        for name, content in files.items()
        if any(is_granted_by(entry, name) for entry in entries)
    }


def is_granted_by(entry: str, name: str) -> bool:
    """Whether an entry of `fs_read` opens the file of this name."""
    return name == entry or name.startswith(f"{entry}/")


def read_resources(archive: bytes) -> dict[str, bytes]:
    """The files of an archive of resources by their names in the package, `resources/…`.

    Raises:
        ValueError: it is larger than `RESOURCES_BYTES_MAX`, not canonical, or holds other files.
    """
    if len(archive) > RESOURCES_BYTES_MAX:
        raise ValueError(f"the resources are larger than {RESOURCES_BYTES_MAX} bytes")
    try:
        entries = read_tar(archive)
    except SpellError as error:
        raise ValueError(f"the archive of resources is damaged: {error.message}") from error
    for name in entries:
        if not name.startswith(RESOURCES_FOLDER):
            raise ValueError(f"{name!r} is not a resource")
    return {name: content for name, (_, content) in entries.items()}

"""What a run leaves besides its output, as one archive on its way from the runner to the platform.

    archive = write_artifacts(files)                   # in the sandbox
    files = read_artifacts(archive, bytes_max)         # in the worker

The archive has the canonical form of a package: equal files make equal bytes.
"""

from collections.abc import Mapping

from schema.artifact_names import is_artifact_name
from schema.limits import ARTIFACTS_PER_CAST_MAX
from schema.packaging.names import split_for_header
from schema.packaging.tar_header import (
    BLOCK_BYTES,
    END,
    NAME,
    PREFIX,
    SIZE,
    padding_of,
)
from schema.packaging.tar_writing import write_tar


def fits_archive(name: str) -> bool:
    """Whether a file of this name may become an artifact, and fits the archive's header."""
    return is_artifact_name(name) and split_for_header(name.encode("ascii")) is not None


def archive_bytes_max(bytes_max: int) -> int:
    """How large the archive of files can be that have so many bytes together."""
    return bytes_max + ARTIFACTS_PER_CAST_MAX * (2 * BLOCK_BYTES) + len(END)


def write_artifacts(files: Mapping[str, bytes]) -> bytes:
    """The archive of files whose names have passed `fits_archive`; nothing for none."""
    return write_tar(files) if files else b""


def read_artifacts(archive: bytes, bytes_max: int) -> dict[str, bytes]:
    """The files of an archive by name; it comes from a runner, which is not trusted with its form.

    Args:
        archive: nothing is an archive without files.
        bytes_max: what the files may have together.

    Raises:
        ValueError: it is larger than its run may make it, or not what `write_artifacts` writes.
    """
    if not archive:
        return {}
    if len(archive) > archive_bytes_max(bytes_max):
        raise ValueError("the archive of artifacts is too large")
    files = _files_of(archive)
    if sum(map(len, files.values())) > bytes_max:
        raise ValueError("the artifacts are too large together")
    # Reading is writing again: links, folders, other orders and hidden bytes come out otherwise.
    if write_artifacts(files) != archive:
        raise ValueError("the archive of artifacts is not canonical")
    return files


def _files_of(archive: bytes) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    offset = 0
    while not archive.startswith(bytes(BLOCK_BYTES), offset) and offset < len(archive):
        header = archive[offset : offset + BLOCK_BYTES]
        size = int(SIZE.of(header)[:-1], 8)
        if size < 0 or len(files) == ARTIFACTS_PER_CAST_MAX:
            raise ValueError("the archive of artifacts has a negative size, or too many files")
        start = offset + BLOCK_BYTES
        files[_name_in(header)] = archive[start : start + size]
        offset = start + size + padding_of(size)
    return files


def _name_in(header: bytes) -> str:
    parts = (field.of(header).rstrip(b"\0") for field in (PREFIX, NAME))
    name = b"/".join(part for part in parts if part).decode("ascii")
    if not fits_archive(name):
        raise ValueError("the archive of artifacts has a name that artifacts cannot have")
    return name

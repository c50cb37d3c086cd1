"""The logs of an Actions run as one text: GitHub gives an archive with a file for each job."""

from schema.packaging.zip_reading import ZipLimits, ZipRefusedError, files_of_zip

PACKED_BYTES_MAX = 32 * 1024 * 1024
_LIMITS = ZipLimits(entries_max=5_000, bytes_max=64 * 1024 * 1024)


def text_of(archive: bytes, bytes_max: int) -> bytes:
    """The end of the logs, where failures are: whole jobs one after the other.

    Folders hold the same lines again, by step: they count only where no job has a file. What
    cannot be read is left out, since nobody's money depends on it.
    """
    jobs, steps = bytearray(), bytearray()
    try:
        for name, content in files_of_zip(archive, _LIMITS):
            if name.endswith(".txt"):
                kept = steps if "/" in name else jobs
                kept += content if content.endswith(b"\n") else content + b"\n"
                del kept[:-bytes_max]
    except ZipRefusedError as error:
        jobs += f"[the archive of the logs {error}]\n".encode()
    return bytes(jobs or steps)[-bytes_max:]

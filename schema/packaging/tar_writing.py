"""Write a canonical tar: the same files give the same bytes on every machine."""

from collections.abc import Mapping

from schema.packaging.tar_header import END, header_of, padding_of


def write_tar(files: Mapping[str, bytes]) -> bytes:
    """The canonical tar of files whose names have passed `name_fault`; their order is of no matter.

    Nothing is bounded here: what may go into an archive is its own format's rule.
    """
    archive = bytearray()
    for encoded, content in sorted((name.encode("utf-8"), files[name]) for name in files):
        archive += header_of(encoded, len(content))
        archive += content
        archive += bytes(padding_of(len(content)))
    archive += END
    return bytes(archive)

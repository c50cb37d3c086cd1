"""Read a canonical tar, and refuse any other with the entry named and what to do.

One pass over bytes in memory, nothing is written anywhere. Every byte is accounted for: headers
equal the ones that `tar_header` writes, padding is zero, the end is exactly the end.
"""

from schema.limits import PACKAGE_ENTRIES_MAX
from schema.packaging.names import name_fault
from schema.packaging.refusal import package_invalid
from schema.packaging.tar_header import (
    BLOCK_BYTES,
    CHECKSUM,
    END,
    FIELDS,
    MAGIC,
    MODE,
    NAME,
    PREFIX,
    SIZE,
    TYPE,
    Field,
    checksum_of,
    header_of,
    padding_of,
)

_REBUILD = "build it with `spell publish` or by the recipe in docs/package.md"
_MADE_BY_OTHERS = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\0": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"PK\x03\x04": "zip",
    b"PK\x05\x06": "zip",
    b"7z\xbc\xaf\x27\x1c": "7z",
    b"\0asm": "a bare WebAssembly module",
}
_TYPES = {
    b"\0": "an old-style file",
    b"1": "a hard link",
    b"2": "a symbolic link",
    b"3": "a character device",
    b"4": "a block device",
    b"5": "a folder",
    b"6": "a named pipe",
    b"7": "a contiguous file",
    b"x": "a pax header",
    b"g": "a global pax header",
    b"L": "a GNU long name",
    b"K": "a GNU long link name",
    b"S": "a sparse file",
    b"M": "a part of a multi-volume file",
    b"V": "a volume label",
}
_TYPE_REMEDIES = {
    b"1": "pack a copy of the file instead",
    b"2": "pack a copy of the file instead",
    b"5": "only files are entries: leave folders out",
    b"x": "write plain ustar headers; no name needs more",
    b"g": "write plain ustar headers; no name needs more",
}


def read_tar(archive: bytes) -> dict[str, tuple[int, bytes]]:
    """The files of a canonical tar by name, each with the offset of its header.

    Raises:
        SpellError: PACKAGE_INVALID at the first byte that deviates.
    """
    _refuse_other_formats(archive)
    files: dict[str, tuple[int, bytes]] = {}
    previous: str | None = None
    offset = 0
    while not archive.startswith(bytes(BLOCK_BYTES), offset):
        name, size = _read_header(archive, offset)
        _check_order(name, previous, offset)
        if len(files) == PACKAGE_ENTRIES_MAX:
            raise package_invalid(
                f"is one more than the {PACKAGE_ENTRIES_MAX} files that a package may hold",
                entry=name,
                offset=offset,
            )
        content_at = offset + BLOCK_BYTES
        files[name] = (offset, _read_content(archive, content_at, size, name))
        previous = name
        offset = content_at + size + padding_of(size)
    _check_end(archive, offset)
    return files


def _refuse_other_formats(archive: bytes) -> None:
    for magic, kind in _MADE_BY_OTHERS.items():
        if archive.startswith(magic):
            raise package_invalid(
                f"is {kind}: a package is a tar that is not compressed; {_REBUILD}", offset=0
            )


def _read_header(archive: bytes, offset: int) -> tuple[str, int]:
    """Name and size of the file whose header stands at the offset."""
    header = archive[offset : offset + BLOCK_BYTES]
    if len(header) < BLOCK_BYTES:
        raise package_invalid(
            "is cut off: it must end with two blocks of zeros; send all of it", offset=offset
        )
    raw_name = _raw_name(header)
    entry = raw_name.decode("utf-8", "backslashreplace")
    fault = _form_fault(header) or _name_fault(raw_name) or _size_fault(header)
    if fault is None:
        size = int(SIZE.of(header)[:-1], 8)
        fault = _field_fault(header, header_of(raw_name, size))
    if fault is not None:
        raise package_invalid(fault, entry=entry, offset=offset)
    return entry, size


def _raw_name(header: bytes) -> bytes:
    prefix, name = (field.of(header).split(b"\0", 1)[0] for field in (PREFIX, NAME))
    return prefix + b"/" + name if prefix else name


def _form_fault(header: bytes) -> str | None:
    """Whether this is a whole ustar header of a plain file at all."""
    magic = MAGIC.of(header)
    if magic.startswith(b"ustar "):
        return "has a GNU tar header: write plain ustar (tar --format=ustar)"
    if magic != b"ustar\x0000":
        return f"has no ustar header: {_REBUILD}"
    if CHECKSUM.of(header) != b"%06o\0 " % checksum_of(header):
        return "has a header with a wrong checksum: it was damaged or changed; send it again"
    kind = TYPE.of(header)
    if kind != b"0":
        known = _TYPES.get(kind, f"of the unknown type {kind!r}")
        return f"is {known}: {_TYPE_REMEDIES.get(kind, _REBUILD)}"
    return None


def _name_fault(raw_name: bytes) -> str | None:
    try:
        return name_fault(raw_name.decode("utf-8"))
    except UnicodeDecodeError:
        return "has a name that is not UTF-8: rename it"


def _size_fault(header: bytes) -> str | None:
    digits, end = SIZE.of(header)[:-1], SIZE.of(header)[-1:]
    if end == b"\0" and all(digit in b"01234567" for digit in digits):
        return None
    return f"has a size that is not 11 octal digits and a zero byte: {_REBUILD}"


def _field_fault(header: bytes, expected: bytes) -> str | None:
    """The first field that another tool wrote otherwise, although it may mean the same."""
    for field in FIELDS:
        if field.of(header) != field.of(expected):
            found, wanted = _shown(field, header), _shown(field, expected)
            return f"has {field.name} {found} where a package has {wanted}: {_remedy(field)}"
    return None


def _shown(field: Field, header: bytes) -> str:
    text = field.of(header).rstrip(b"\0").decode("ascii", "backslashreplace")
    return repr(text[:32])


def _remedy(field: Field) -> str:
    return "executable or not, files have one mode" if field is MODE else _REBUILD


def _check_order(name: str, previous: str | None, offset: int) -> None:
    if previous is None or name.encode("utf-8") > previous.encode("utf-8"):
        return
    if name == previous:
        fault = "is there twice: keep one"
    else:
        fault = f"stands after {previous!r}: entries are sorted by the bytes of their names"
    raise package_invalid(fault, entry=name, offset=offset)


def _read_content(archive: bytes, start: int, size: int, name: str) -> bytes:
    end = start + size
    padding = archive[end : end + padding_of(size)]
    if len(archive) < end + padding_of(size):
        raise package_invalid(
            "is cut off: the archive ends inside it; send all of it",
            entry=name,
            offset=len(archive),
        )
    if padding.strip(b"\0"):
        raise package_invalid(
            f"is followed by bytes that are not zero up to the next block: {_REBUILD}",
            entry=name,
            offset=end,
        )
    return archive[start:end]


def _check_end(archive: bytes, offset: int) -> None:
    if len(archive) == offset + len(END) and archive.endswith(END):
        return
    rest = archive[offset:]
    if rest.strip(b"\0"):
        fault = "goes on after its end: remove what follows the first block of zeros"
    elif len(rest) < len(END):
        fault = "is cut off: it must end with two blocks of zeros; send all of it"
    else:
        surplus = len(rest) - len(END)
        fault = f"has {surplus} zero bytes too many at its end: write blocks of 512 (tar -b 1)"
    raise package_invalid(fault, offset=offset)

"""The one header that a canonical package writes for a file, field by field.

Reading is writing again: a header is right when it equals the one written here for its name and
size, so no field has a second reading that some other tool might take.
"""

from dataclasses import dataclass

from schema.packaging.names import split_for_header

BLOCK_BYTES = 512
END = bytes(2 * BLOCK_BYTES)
"""What follows the last file: two zero blocks and nothing more."""


@dataclass(frozen=True)
class Field:
    """One field of the POSIX ustar header."""

    name: str
    start: int
    length: int

    def of(self, header: bytes) -> bytes:
        """The field's bytes in a header."""
        return header[self.start : self.start + self.length]


NAME = Field("name", 0, 100)
MODE = Field("mode", 100, 8)
UID = Field("uid", 108, 8)
GID = Field("gid", 116, 8)
SIZE = Field("size", 124, 12)
MTIME = Field("mtime", 136, 12)
CHECKSUM = Field("checksum", 148, 8)
TYPE = Field("type", 156, 1)
LINK_NAME = Field("link name", 157, 100)
MAGIC = Field("magic", 257, 8)
USER_NAME = Field("user name", 265, 32)
GROUP_NAME = Field("group name", 297, 32)
DEVICE_MAJOR = Field("device major", 329, 8)
DEVICE_MINOR = Field("device minor", 337, 8)
PREFIX = Field("prefix", 345, 155)
UNUSED = Field("unused", 500, 12)

_FIXED = {
    MODE: b"0000644\0",
    UID: b"0000000\0",
    GID: b"0000000\0",
    MTIME: b"00000000000\0",
    TYPE: b"0",
    LINK_NAME: b"",
    # The version "00" stands right behind the magic.
    MAGIC: b"ustar\x0000",
    USER_NAME: b"",
    GROUP_NAME: b"",
    DEVICE_MAJOR: b"0000000\0",
    DEVICE_MINOR: b"0000000\0",
    UNUSED: b"",
}
FIELDS = (NAME, PREFIX, SIZE, *_FIXED)


def header_of(name: bytes, size: int) -> bytes:
    """The header block of a file whose name has passed `name_fault`."""
    fields = split_for_header(name)
    assert fields is not None, "names are checked before they are written"
    prefix, last = fields
    block = bytearray(BLOCK_BYTES)
    values = {**_FIXED, NAME: last, PREFIX: prefix, SIZE: b"%011o\0" % size}
    for field, value in values.items():
        block[field.start : field.start + len(value)] = value
    checksum = b"%06o\0 " % checksum_of(block)
    block[CHECKSUM.start : CHECKSUM.start + CHECKSUM.length] = checksum
    return bytes(block)


def checksum_of(header: bytes | bytearray) -> int:
    """Sum of the header's bytes, its checksum field taken as blanks."""
    return sum(header) - sum(CHECKSUM.of(bytes(header))) + CHECKSUM.length * ord(" ")


def padding_of(size: int) -> int:
    """Zero bytes between a file's content and the next block."""
    return -size % BLOCK_BYTES

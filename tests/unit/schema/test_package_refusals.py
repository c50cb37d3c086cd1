"""Archives that are not canonical, each by one defect: the entry and the cause are named.

Method: defects are made in the raw bytes of a canonical archive, or by Python's tarfile, so that
the checker is not tested against itself.
"""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile

import pytest

from schema.errors import SpellError
from schema.limits import PACKAGE_BYTES_MAX
from schema.package import build_package, read_package

MANIFEST = b"""\
manifest_version = 1
[spell]
key = "com.acme.defects"
name = "Defects"
version = "1.0.0"
description = "One at a time."
author = "Acme"
license = "MIT"
[execution]
mode = "service"
[runtime]
language = "C"
target = "wasm32-wasip1"
timeout_ms = 1000
max_memory_mb = 16
max_output_mb = 1
fuel = 1000000
[pricing]
model = "free"
"""
FILES = {
    "manifest.toml": MANIFEST,
    "resources/data.txt": b"data",
    "schema.json": b"{}",
    "spell.wasm": b"\0asm",
}
# manifest.toml fills one header and one block: the entry after it stands here.
SECOND = 1024
GOOD = build_package(FILES)


def refusal(archive: bytes) -> SpellError:
    with pytest.raises(SpellError) as caught:
        read_package(archive)
    assert caught.value.code == "PACKAGE_INVALID"
    assert set(caught.value.details) == {"entry", "offset"}
    return caught.value


def summed(header: bytearray) -> bytearray:
    """The header with the checksum that belongs to it (POSIX ustar)."""
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return header


def with_field(start: int, content: bytes, length: int | None = None) -> bytes:
    """GOOD with a field of the second entry's header replaced and the checksum made right."""
    header = bytearray(GOOD[SECOND : SECOND + 512])
    size = length if length is not None else len(content)
    header[start : start + size] = content.ljust(size, b"\0")
    return GOOD[:SECOND] + bytes(summed(header)) + GOOD[SECOND + 512 :]


def with_name(name: bytes) -> bytes:
    return with_field(0, name, 100)


def by_python(name: str, kind: bytes, link_name: str = "") -> bytes:
    """GOOD with a header that Python's tarfile wrote before the second entry."""
    member = tarfile.TarInfo(name)
    member.type = kind
    member.linkname = link_name
    header = member.tobuf(tarfile.USTAR_FORMAT)
    return GOOD[:SECOND] + header + GOOD[SECOND:]


def inserted(header_name: bytes, kind: bytes, body: bytes = b"") -> bytes:
    """GOOD with one more entry before the second."""
    header = bytearray(GOOD[SECOND : SECOND + 512])
    header[0:100] = header_name.ljust(100, b"\0")
    header[124:136] = b"%011o\0" % len(body)
    header[156:157] = kind
    block = body.ljust(-(-len(body) // 512) * 512, b"\0")
    return GOOD[:SECOND] + bytes(summed(header)) + block + GOOD[SECOND:]


def zipped() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("manifest.toml", MANIFEST)
    return stream.getvalue()


def test_the_untouched_archive_is_accepted() -> None:
    assert read_package(GOOD).files == FILES
    assert GOOD[SECOND : SECOND + 9] == b"resources"


IN_SECOND = [
    # Names.
    ("absolute path", with_name(b"/resources/data.txt"), "absolute"),
    ("dot dot", with_name(b"resources/../data.txt"), "'..'"),
    ("dot", with_name(b"./resources/data.txt"), "'.'"),
    ("empty part", with_name(b"resources//data.txt"), "empty part"),
    ("backslash", with_name(b"resources\\data.txt"), "backslash"),
    ("control character", with_name(b"resources/\x1b[2J"), "U+001B"),
    ("decomposed", with_name("resources/e\u0301".encode()), "normal form C"),
    ("not utf-8", with_name(b"resources/\xff"), "not UTF-8"),
    ("new character", with_name("resources/\U0001f600".encode()), "U+1F600"),
    ("hidden", with_name(b"resources/.data"), "hidden"),
    ("unknown at the top", with_name(b"other.txt"), "does not belong"),
    ("signature inside", with_name(b"SIGNATURE.sigstore"), "does not belong"),
    ("empty name", with_name(b""), "empty part"),
    ("bytes behind the name", with_field(0, b"resources/data.txt\0x", 100), "has name"),
    ("needless prefix", with_field(345, b"resources", 155), "resources/resources"),
    ("duplicate", with_name(b"manifest.toml"), "is there twice"),
    ("wrong order", with_name(b"README.md"), "stands after 'manifest.toml'"),
    # Types.
    ("hard link", by_python("resources/a", tarfile.LNKTYPE, "manifest.toml"), "a hard link"),
    (
        "symbolic link",
        by_python("resources/a", tarfile.SYMTYPE, "../../etc/passwd"),
        "a symbolic link",
    ),
    ("character device", by_python("resources/a", tarfile.CHRTYPE), "a character device"),
    ("block device", by_python("resources/a", tarfile.BLKTYPE), "a block device"),
    ("named pipe", by_python("resources/a", tarfile.FIFOTYPE), "a named pipe"),
    ("contiguous", with_field(156, b"7"), "a contiguous file"),
    ("old-style file", with_field(156, b"\0"), "an old-style file"),
    ("sparse", with_field(156, b"S"), "a sparse file"),
    ("volume label", with_field(156, b"V"), "a volume label"),
    ("unknown type", with_field(156, b"Z"), "unknown type"),
    ("folder", inserted(b"resources/", b"5"), "a folder"),
    ("pax header", inserted(b"PaxHeader", b"x", b"12 path=a/b\n"), "a pax header"),
    ("global pax header", inserted(b"PaxHeader", b"g", b"9 a=b\n"), "a global pax header"),
    ("GNU long name", inserted(b"././@LongLink", b"L", b"a" * 120), "a GNU long name"),
    # Metadata.
    ("mode", with_field(100, b"0000755\0"), "has mode '0000755'"),
    ("set-uid", with_field(100, b"0004644\0"), "has mode"),
    ("mode written otherwise", with_field(100, b"   644 \0"), "has mode"),
    ("owner", with_field(108, b"0001750\0"), "has uid '0001750'"),
    ("group", with_field(116, b"0001750\0"), "has gid"),
    ("time", with_field(136, b"14371235013\0"), "has mtime '14371235013'"),
    ("user name", with_field(265, b"root"), "has user name 'root'"),
    ("group name", with_field(297, b"wheel"), "has group name 'wheel'"),
    ("link name of a file", with_field(157, b"x"), "has link name"),
    ("device numbers of a file", with_field(329, b"0000001\0"), "has device major"),
    ("no device numbers", by_python("resources/a", tarfile.REGTYPE), "has device major"),
    ("bytes in the unused part", with_field(500, b"hidden"), "has unused 'hidden'"),
    ("size in base 256", with_field(124, b"\x80" + bytes(10) + b"\x04"), "11 octal digits"),
    ("size with blanks", with_field(124, b"         4 \0"), "11 octal digits"),
    ("size that lies", with_field(124, b"00000000001\0"), "not zero"),
    ("size beyond the end", with_field(124, b"77777777777\0"), "cut off"),
    # Headers.
    ("GNU magic", with_field(257, b"ustar  \0"), "GNU tar header"),
    ("no magic", with_field(257, b"", 8), "no ustar header"),
    ("other version", with_field(263, b"99"), "no ustar header"),
    ("checksum", GOOD[: SECOND + 150] + b"7" + GOOD[SECOND + 151 :], "wrong checksum"),
]


@pytest.mark.parametrize(
    ("archive", "part"),
    [row[1:] for row in IN_SECOND],
    ids=[row[0] for row in IN_SECOND],
)
def test_a_defect_in_an_entry_names_the_entry_and_its_place(archive: bytes, part: str) -> None:
    error = refusal(archive)
    assert part in error.message
    assert error.details["entry"] is not None
    if part in ("not zero", "cut off"):
        assert error.details["offset"] > SECOND
    else:
        assert error.details["offset"] == SECOND


WHOLE = [
    ("empty", b"", "cut off"),
    ("gzip", gzip.compress(GOOD), "gzip"),
    ("bzip2", bz2.compress(GOOD), "bzip2"),
    ("xz", lzma.compress(GOOD), "xz"),
    ("zstd", b"\x28\xb5\x2f\xfd" + GOOD, "zstd"),
    ("zip", zipped(), "zip"),
    ("bare module", b"\0asm\x01\0\0\0", "bare WebAssembly module"),
    ("no end", GOOD[:-1024], "cut off"),
    ("half an end", GOOD[:-512], "cut off"),
    ("end not whole", GOOD[:-1], "cut off"),
    ("record padding", GOOD + bytes(8192), "8192 zero bytes too many"),
    ("one byte too many", GOOD + b"\0", "1 zero bytes too many"),
    ("second archive behind", GOOD + GOOD, "goes on after its end"),
    ("data behind", GOOD + b"x", "goes on after its end"),
    ("data in the end", GOOD[:-1] + b"x", "goes on after its end"),
    ("too large", bytes(PACKAGE_BYTES_MAX + 1), "larger than"),
]


@pytest.mark.parametrize(
    ("archive", "part"), [row[1:] for row in WHOLE], ids=[row[0] for row in WHOLE]
)
def test_a_defect_of_the_whole_says_what_to_do(archive: bytes, part: str) -> None:
    error = refusal(archive)
    assert part in error.message
    assert error.details["entry"] is None


def test_an_archive_of_nothing_lacks_its_manifest() -> None:
    assert refusal(bytes(1024)).details["entry"] == "manifest.toml"


def test_an_archive_cut_anywhere_is_refused() -> None:
    for length in range(0, len(GOOD), 64):
        refusal(GOOD[:length])


def test_padding_that_is_not_zero_is_refused() -> None:
    position = SECOND + 512 + len(FILES["resources/data.txt"])
    error = refusal(GOOD[:position] + b"x" + GOOD[position + 1 :])
    assert error.details == {"entry": "resources/data.txt", "offset": position}


def test_more_entries_than_allowed_are_refused_at_the_first_too_many() -> None:
    blocks = []
    for number in range(600):
        header = bytearray(GOOD[SECOND : SECOND + 512])
        header[0:100] = b"resources/%03d" % number + bytes(87)
        header[124:136] = b"%011o\0" % 0
        blocks.append(bytes(summed(header)))
    error = refusal(b"".join(blocks) + bytes(1024))
    assert error.details == {"entry": "resources/512", "offset": 512 * 512}


def test_a_hostile_name_is_shown_so_that_a_terminal_stays_calm() -> None:
    error = refusal(with_name(b"resources/\x1b[2J\x07"))
    assert error.details["entry"] == "resources/\\x1b[2J\\x07"
    assert "\x1b" not in error.message


def test_rules_on_the_set_of_files_name_the_offset_too() -> None:
    error = refusal(inserted(b"resources/DATA.txt", b"0"))
    assert error.details["entry"] == "resources/data.txt"
    assert error.details["offset"] == SECOND + 512

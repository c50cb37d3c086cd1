"""Which names a package may hold, and where each name belongs.

Names must mean the same file on every machine. Python's own Unicode tables differ between its
versions, so every question here is put to the one table that never changes: Unicode 3.2, which
Python carries for internet names. A character that is newer than that is refused.
"""

from unicodedata import ucd_3_2_0 as unicode_3_2

from schema.contracts.bill import BillFamily
from schema.limits import PACKAGE_NAME_BYTES_MAX

MANIFEST_FILE = "manifest.toml"
MODULE_FILE = "spell.wasm"
SCHEMA_FILE = "schema.json"
SBOM_FILES = ("sbom.spdx.json", "sbom.cdx.json")
SBOM_FAMILIES = dict(zip(SBOM_FILES, (BillFamily.SPDX, BillFamily.CYCLONEDX), strict=True))
README_FILE = "README.md"
LICENSE_FILE = "LICENSE"
SIGNATURE_FILE = "SIGNATURE.sigstore"
"""The package's signature, beside its files and never among them."""
RESOURCES_FOLDER = "resources/"

TOP_LEVEL_FILES = frozenset(
    {MANIFEST_FILE, MODULE_FILE, SCHEMA_FILE, *SBOM_FILES, README_FILE, LICENSE_FILE}
)

# The two name fields of a ustar header.
NAME_FIELD_BYTES = 100
PREFIX_FIELD_BYTES = 155


def is_package_path(name: str) -> bool:
    """Whether a file of a spell's folder belongs in its package; all others are left out.

    The name is relative, with `/` between its parts. Sources, tests, sample inputs, the signature
    and everything hidden stay outside.
    """
    if name in TOP_LEVEL_FILES:
        return True
    parts = name.split("/")
    is_hidden = any(part.startswith(".") for part in parts)
    return name.startswith(RESOURCES_FOLDER) and not is_hidden


def name_fault(name: str) -> str | None:
    """What is wrong with a name and what to do, or None when the name is good."""
    return _path_fault(name) or _character_fault(name) or _place_fault(name)


def split_for_header(name: bytes) -> tuple[bytes, bytes] | None:
    """The (prefix, name) fields of a ustar header; None when the name fits neither way.

    A name that fits the name field goes there whole; a longer one is cut at the last slash that
    leaves the prefix within its field, as GNU tar does.
    """
    if len(name) <= NAME_FIELD_BYTES:
        return b"", name
    cut = name.rfind(b"/", 0, PREFIX_FIELD_BYTES + 1)
    if cut < 1 or len(name) - cut - 1 > NAME_FIELD_BYTES:
        return None
    return name[:cut], name[cut + 1 :]


def folded(path: str) -> str:
    """What a machine that ignores case takes the path for."""
    return unicode_3_2.normalize("NFC", path.casefold())


def _path_fault(name: str) -> str | None:
    if "\\" in name:
        return "holds a backslash: write / between folders"
    if name.startswith("/"):
        return "is an absolute path: name it relative to the spell's folder"
    for part in name.split("/"):
        if part == "":
            return "has an empty part: folders are not entries, and // means nothing"
        if part in (".", ".."):
            return f"has the part {part!r}: name the file by its plain path"
    return None


def _character_fault(name: str) -> str | None:
    for character in name:
        category = unicode_3_2.category(character)
        # Controls, invisible and private characters, and every blank but the plain one.
        if category[0] in "CZ" and character != " ":
            return f"holds the character U+{ord(character):04X}: rename it without that"
    if unicode_3_2.normalize("NFC", name) != name:
        return "is not in Unicode normal form C: rename it (macOS file systems may decompose)"
    encoded = name.encode("utf-8")
    if len(encoded) > PACKAGE_NAME_BYTES_MAX:
        return f"is longer than {PACKAGE_NAME_BYTES_MAX} bytes: shorten it"
    if split_for_header(encoded) is None:
        return (
            f"does not fit a tar header: shorten its last {NAME_FIELD_BYTES} bytes "
            "or put a / among them"
        )
    return None


def _place_fault(name: str) -> str | None:
    if is_package_path(name):
        return None
    if name.startswith(RESOURCES_FOLDER):
        return "is hidden: remove it, or rename it without the leading dot"
    allowed = ", ".join(sorted(TOP_LEVEL_FILES))
    return f"does not belong in a package: move it under resources/ (at the top are {allowed})"

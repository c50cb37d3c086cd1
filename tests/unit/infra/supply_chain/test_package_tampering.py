"""Ways to tamper with a package on its way, each refused with a reason of its own.

Goal: no byte of a package can be changed unnoticed. Method: changes that leave the archive's one
form are refused when it is read, each in words that fit no other; changes that keep the form make
another digest, which no longer is the signed one. Every rule of form is in
`tests/unit/schema/test_package_refusals.py`.
"""

import gzip
import io
import re
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from infra.supply_chain.signatures.trusted_root import TrustedRoots
from infra.supply_chain.signatures.verifier import SigstoreVerifier
from schema.errors import SpellError
from schema.package import build_package, read_package
from schema.packaging.tar_header import END, header_of, padding_of
from tests.support.e2e_packages import files_of, says
from tests.support.reports import print_table
from tests.support.signing import shared_authority, sign, write_trusted_root

FILES = {
    **files_of("com.acme.words", says()),
    "LICENSE": b"MIT",
    "resources/words.txt": b"words",
}
PACKAGE = build_package(FILES)


def _tar(entries: list[tuple[str, bytes]]) -> bytes:
    """Entries just as they are given, in headers as packages have them."""
    return (
        b"".join(
            header_of(name.encode(), len(body)) + body + bytes(padding_of(len(body)))
            for name, body in entries
        )
        + END
    )


def _entries(**changes: Callable[[tarfile.TarInfo], object]) -> bytes:
    """The package, written again by Python's tarfile with a change to its first entry."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for number, (name, body) in enumerate(sorted(FILES.items())):
            entry = tarfile.TarInfo(name)
            entry.size = len(body)
            if number == 0:
                changes["first"](entry)
            archive.addfile(entry, io.BytesIO(body))
    return stream.getvalue()


def _set(member: str, value: object) -> Callable[[], bytes]:
    return lambda: _entries(first=lambda entry: setattr(entry, member, value))


def _field(start: int, content: bytes) -> Callable[[], bytes]:
    """A field of the first header overwritten, and the checksum made right again."""

    def tamper() -> bytes:
        header = bytearray(PACKAGE[:512])
        header[start : start + len(content)] = content
        header[148:156] = b" " * 8
        header[148:156] = b"%06o\0 " % sum(header)
        return bytes(header) + PACKAGE[512:]

    return tamper


def _with(name: str, body: bytes = b"added") -> Callable[[], bytes]:
    return lambda: _tar(sorted({**FILES, name: body}.items(), key=lambda item: item[0].encode()))


def _without(name: str) -> Callable[[], bytes]:
    return lambda: _tar(sorted((n, b) for n, b in FILES.items() if n != name))


MISSHAPEN: dict[str, Callable[[], bytes]] = {
    "compressed with gzip": lambda: gzip.compress(PACKAGE),
    "bytes behind its end": lambda: PACKAGE + b"more",
    "zeros behind its end": lambda: PACKAGE + bytes(512),
    "cut off": lambda: PACKAGE[:-512],
    "entries reordered": lambda: _tar(sorted(FILES.items(), reverse=True)),
    "a file twice": lambda: _tar([*sorted(FILES.items())[:1] * 2, *sorted(FILES.items())[1:]]),
    "modified at another time": _field(136, b"14371235013\0"),
    "executable": _field(100, b"0000755\0"),
    "of another owner": _field(108, b"0001750\0"),
    "of another group": _field(116, b"0001750\0"),
    "of a named user": _field(265, b"root"),
    "of a named group": _field(297, b"wheel"),
    "bytes hidden in a header": _field(500, b"hidden"),
    "a header damaged": lambda: b"M" + PACKAGE[1:],
    "a file made a symbolic link": _set("type", tarfile.SYMTYPE),
    "a file made a hard link": _set("type", tarfile.LNKTYPE),
    "a file made a folder": _set("type", tarfile.DIRTYPE),
    "a file made a device": _set("type", tarfile.CHRTYPE),
    "a file made a pipe": _set("type", tarfile.FIFOTYPE),
    "a pax header before a file": _field(156, b"x"),
    "bytes in the padding": lambda: PACKAGE[:515] + b"x" + PACKAGE[516:],
    "a path out of the package": _with("resources/../../etc/passwd"),
    "an absolute path": _with("/etc/passwd"),
    "a path of another system": _with("resources\\words.txt"),
    "a hidden file added": _with("resources/.bashrc"),
    "the signature added": _with("SIGNATURE.sigstore"),
    "a file that differs only in case": _with("resources/WORDS.txt"),
    "the module left out": _without("spell.wasm"),
    "the manifest left out": _without("manifest.toml"),
}
WELL_FORMED: dict[str, Callable[[], bytes]] = {
    "a file added": _with("resources/added.txt"),
    "a file left out": _without("LICENSE"),
    "a file renamed": lambda: build_package(
        {**{n: b for n, b in FILES.items() if n != "LICENSE"}, "README.md": FILES["LICENSE"]}
    ),
    "a bit of a file changed": lambda: build_package({**FILES, "LICENSE": b"MIU"}),
    "the module exchanged": lambda: build_package({**FILES, "spell.wasm": says(b"{ }")}),
    "the price changed": lambda: build_package(
        {**FILES, **files_of("com.acme.words", says(), pricing={"model": "free"})}
    ),
}


@pytest.fixture(scope="module")
def table(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    found: dict[str, str] = {}
    yield found
    lines = [f"{name:<36}{words}" for name, words in found.items()]
    print_table(request.config, [*lines, f"{len(lines)} ways to tamper with a package"])


def _words(error: SpellError) -> str:
    """The reason without the name of the file that it is about."""
    return re.sub(r"^(The archive|Entry '.*?') ", "", error.message)


def _refusal(archive: bytes) -> SpellError:
    with pytest.raises(SpellError) as caught:
        read_package(archive)
    return caught.value


@pytest.mark.parametrize("name", MISSHAPEN)
def test_a_package_in_another_form_is_refused(name: str, table: dict[str, str]) -> None:
    archive = MISSHAPEN[name]()
    assert archive != PACKAGE
    error = _refusal(archive)
    table[name] = f"{error.code}: {error.message}"
    assert error.code == "PACKAGE_INVALID"


def test_each_way_is_refused_in_words_of_its_own() -> None:
    words = [_words(_refusal(tamper())) for tamper in MISSHAPEN.values()]
    assert len(set(words)) == len(words) >= 25


@pytest.mark.parametrize("name", WELL_FORMED)
def test_a_package_of_the_right_form_with_other_content_is_not_the_signed_one(
    name: str, table: dict[str, str], tmp_path: Path
) -> None:
    verifier = SigstoreVerifier(TrustedRoots(write_trusted_root(shared_authority(), tmp_path)))
    bundle = sign(PACKAGE)
    assert verifier.check(read_package(PACKAGE).digest, bundle).signer is not None
    check = verifier.check(read_package(WELL_FORMED[name]()).digest, bundle)
    table[name] = ", ".join(reason.code for reason in check.reasons)
    assert check.signer is None
    assert check.reasons[0].code == "DIGEST_MISMATCH"


def test_the_untouched_package_is_read() -> None:
    assert read_package(PACKAGE).files == FILES

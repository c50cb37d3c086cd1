"""Building and reading canonical packages."""

import io
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from schema.errors import SpellError
from schema.ids import sha256_digest
from schema.limits import (
    BILL_BYTES_MAX,
    COMPONENT_BYTES_MAX,
    MANIFEST_BYTES_MAX,
    MODULE_BYTES_MAX,
    PACKAGE_BYTES_MAX,
    PACKAGE_ENTRIES_MAX,
    SCHEMA_BYTES_MAX,
    TEXT_FILE_BYTES_MAX,
)
from schema.package import build_package, read_package

MANIFEST = b"""\
manifest_version = 1
[spell]
key = "com.acme.golden"
name = "Golden"
version = "1.0.0"
description = "Never changes."
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
    "spell.wasm": b"\0asm\x01\0\0\0",
    "schema.json": b'{"input":{},"output":{}}',
    "README.md": b"# Golden\n",
    "LICENSE": b"",
    "resources/block.bin": bytes(range(256)) * 2,
    "resources/\u00e9t\u00e9/\u65e5\u672c.txt": b"x",
    "resources/" + "d" * 60 + "/" + "f" * 80 + ".txt": b"long name",
}

GOLDEN_DIGEST = "sha256:0ddefba2bc5b88c530d722c603885b88d1ad54c2f0d37244c9f54a3142df63e2"


def refusal(files: dict[str, bytes]) -> SpellError:
    with pytest.raises(SpellError) as caught:
        build_package(files)
    assert caught.value.code == "PACKAGE_INVALID"
    return caught.value


def test_the_golden_package_has_its_digest_on_every_machine() -> None:
    archive = build_package(FILES)
    assert sha256_digest(archive) == GOLDEN_DIGEST
    assert len(archive) % 512 == 0
    assert archive.endswith(bytes(1024))


def test_what_was_built_reads_back() -> None:
    archive = build_package(FILES)
    package = read_package(archive)
    assert package.files == FILES
    assert package.digest == GOLDEN_DIGEST
    assert package.manifest.spell.key == "com.acme.golden"


def test_the_order_of_the_files_does_not_matter() -> None:
    backwards = dict(reversed(FILES.items()))
    assert build_package(backwards) == build_package(FILES)


def test_names_are_sorted_by_their_bytes() -> None:
    with tarfile.open(fileobj=io.BytesIO(build_package(FILES))) as tar:
        names = tar.getnames()
    assert names == sorted(FILES, key=lambda name: name.encode())
    assert names[0] == "LICENSE"


def test_other_tools_read_the_same_files() -> None:
    with tarfile.open(fileobj=io.BytesIO(build_package(FILES))) as tar:
        for member in tar.getmembers():
            content = tar.extractfile(member)
            assert content is not None
            assert content.read() == FILES[member.name]
            assert (member.mode, member.uid, member.gid, member.mtime) == (0o644, 0, 0, 0)
            assert (member.uname, member.gname, member.type) == ("", "", tarfile.REGTYPE)


def has_gnu_tar() -> bool:
    tar = shutil.which("tar")
    if tar is None:
        return False
    version = subprocess.run([tar, "--version"], capture_output=True, text=True, check=False)
    return "GNU tar" in version.stdout


@pytest.mark.skipif(not has_gnu_tar(), reason="needs GNU tar")
def test_gnu_tar_writes_the_same_bytes_by_the_recipe_of_the_docs(tmp_path: Path) -> None:
    for name, content in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    names = sorted(FILES, key=lambda name: name.encode())
    recipe = (
        "tar --format=ustar --blocking-factor=1 --mtime=@0 --owner=0 --group=0 "
        "--numeric-owner --mode=0644 --no-recursion --create --file=-"
    )
    made = subprocess.run([*recipe.split(), *names], cwd=tmp_path, capture_output=True, check=True)
    assert made.stdout == build_package(FILES)


@pytest.mark.parametrize("missing", ["spell.wasm", "schema.json", "manifest.toml"])
def test_a_required_file_that_is_missing_is_named(missing: str) -> None:
    error = refusal({name: FILES[name] for name in FILES if name != missing})
    assert error.details["entry"] == missing
    assert "is missing" in error.message


@pytest.mark.parametrize(
    ("name", "bytes_max"),
    [
        ("manifest.toml", MANIFEST_BYTES_MAX),
        ("spell.wasm", MODULE_BYTES_MAX),
        ("schema.json", SCHEMA_BYTES_MAX),
        ("README.md", TEXT_FILE_BYTES_MAX),
        ("LICENSE", TEXT_FILE_BYTES_MAX),
        ("sbom.cdx.json", BILL_BYTES_MAX),
    ],
)
def test_a_file_over_its_size_is_named(name: str, bytes_max: int) -> None:
    error = refusal({**FILES, name: b" " * (bytes_max + 1)})
    assert error.details["entry"] == name
    assert str(bytes_max) in error.message


@pytest.mark.parametrize(
    ("target", "preamble", "words"),
    [
        ("wasm32-wasip1", b"\0asm\x0d\0\x01\0", "is a component: runtime.target in manifest.toml"),
        ("wasm32-wasip2", b"\0asm\x01\0\0\0", "is a core module: runtime.target in manifest.toml"),
    ],
)
def test_a_module_of_another_kind_than_its_target_is_named(
    target: str, preamble: bytes, words: str
) -> None:
    error = refusal({**_for_target(target), "spell.wasm": preamble})
    assert error.details["entry"] == "spell.wasm"
    assert words in error.message


def test_a_component_has_a_larger_limit_than_a_core_module() -> None:
    files = _for_target("wasm32-wasip2")
    assert build_package({**files, "spell.wasm": bytes(COMPONENT_BYTES_MAX)})
    error = refusal({**files, "spell.wasm": bytes(COMPONENT_BYTES_MAX + 1)})
    assert error.details["entry"] == "spell.wasm"
    assert str(COMPONENT_BYTES_MAX) in error.message


def _for_target(target: str) -> dict[str, bytes]:
    manifest = FILES["manifest.toml"].decode()
    line = f'entry = "cast"\ntarget = "{target}"'
    return {**FILES, "manifest.toml": manifest.replace('target = "wasm32-wasip1"', line).encode()}


def test_a_package_over_its_size_is_refused() -> None:
    error = refusal({**FILES, "resources/big": bytes(PACKAGE_BYTES_MAX)})
    assert str(PACKAGE_BYTES_MAX) in error.message


def test_more_files_than_allowed_are_refused() -> None:
    extra = {f"resources/{number}": b"" for number in range(PACKAGE_ENTRIES_MAX)}
    assert str(PACKAGE_ENTRIES_MAX) in refusal(FILES | extra).message


def test_the_largest_package_is_accepted() -> None:
    names = PACKAGE_ENTRIES_MAX - len(FILES)
    files = FILES | {f"resources/{number}": b"" for number in range(names)}
    empty = len(build_package(files | {"resources/0": b""}))
    files["resources/0"] = bytes(PACKAGE_BYTES_MAX - empty)
    archive = build_package(files)
    assert len(archive) == PACKAGE_BYTES_MAX
    assert read_package(archive).files == files


@pytest.mark.parametrize(
    ("one", "other", "part"),
    [
        ("resources/a.txt", "resources/A.txt", "differs only in case"),
        ("resources/Maße", "resources/masse", "differs only in case"),
        ("resources/dir/a", "resources/Dir/b", "differs only in case"),
        ("resources/a", "resources/a/b", "both a file and a folder"),
        ("resources/a", "resources/A/b", "differs only in case"),
    ],
)
def test_names_that_collide_on_some_machine_are_refused(one: str, other: str, part: str) -> None:
    error = refusal({**FILES, one: b"", other: b""})
    assert error.details["entry"] in (one, other)
    assert part in error.message


def test_two_bills_of_materials_are_refused() -> None:
    error = refusal({**FILES, "sbom.cdx.json": b"{}", "sbom.spdx.json": b"{}"})
    assert "keep one" in error.message


@pytest.mark.parametrize(
    ("section", "member", "entry"),
    [
        ("[supply_chain]", 'sbom = "sbom.cdx.json"', "sbom.cdx.json"),
        ("[spell]", 'icon = "resources/icon.png"', "resources/icon.png"),
    ],
)
def test_a_file_that_the_manifest_names_must_be_there(
    section: str, member: str, entry: str
) -> None:
    text = MANIFEST.decode()
    if section not in text:
        text += section + "\n"
    manifest = text.replace(section, f"{section}\n{member}").encode()
    error = refusal({**FILES, "manifest.toml": manifest})
    assert error.details["entry"] == entry
    build_package({**FILES, "manifest.toml": manifest, entry: b""})


def test_a_module_does_not_go_with_another_mode() -> None:
    head = MANIFEST[: MANIFEST.index(b"[execution]")]
    clone = (
        head
        + b'[execution]\nmode = "clone"\n[execution.clone]\ntemplate_repo = "a/b"\n'
        + b'license_url = "https://a.example"\n[pricing]\nmodel = "free"\n'
    )
    error = refusal({**FILES, "manifest.toml": clone})
    assert error.details["entry"] == "spell.wasm"
    assert read_package(build_package({"manifest.toml": clone})).files == {"manifest.toml": clone}


def test_a_bad_manifest_is_told_with_its_lines() -> None:
    with pytest.raises(SpellError) as caught:
        build_package({**FILES, "manifest.toml": b"x = 1\n" + MANIFEST})
    assert caught.value.code == "MANIFEST_INVALID"
    assert caught.value.details["errors"][0]["line"] == 1


def test_a_bad_name_is_refused_before_anything_is_built() -> None:
    assert refusal({**FILES, "resources/../x": b""}).details["entry"] == "resources/../x"

"""What holds for every package: one archive per set of files, and nothing else is accepted."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schema.errors import SpellError
from schema.ids import sha256_digest
from schema.package import build_package, is_package_path, read_package
from schema.packaging.names import name_fault

MANIFEST = b"""\
manifest_version = 1
[spell]
key = "com.acme.any"
name = "Any"
version = "1.0.0"
description = "Any files."
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

parts = st.text(st.sampled_from("abcxyzABC-_. éßñ日本Ωя"), min_size=1, max_size=60)
resources = st.lists(parts, min_size=1, max_size=4).map(
    lambda names: "/".join(["resources", *names])
)
contents = st.binary(max_size=1_100)


@st.composite
def file_sets(draw: st.DrawFn) -> dict[str, bytes]:
    files = {
        "manifest.toml": MANIFEST,
        "spell.wasm": draw(contents),
        "schema.json": draw(contents),
    }
    for name in draw(st.sets(st.sampled_from(["README.md", "LICENSE", "sbom.cdx.json"]))):
        files[name] = draw(contents)
    seen: set[str] = set()
    for name in draw(st.lists(resources, max_size=5)):
        # One folder each, so that case and files that are folders cannot collide.
        distinct = name.replace("resources/", f"resources/{len(seen)}/", 1)
        if name_fault(distinct) is None:
            seen.add(distinct)
            files[distinct] = draw(contents)
    return files


GOOD_FILES = {
    "LICENSE": b"MIT",
    "manifest.toml": MANIFEST,
    "resources/" + "d" * 80 + "/" + "n" * 40: b"x" * 511,
    "schema.json": b"{}",
    "spell.wasm": b"\0asm" + bytes(508),
}
GOOD = build_package(GOOD_FILES)


@given(file_sets())
@settings(deadline=None)
def test_what_is_built_reads_back(files: dict[str, bytes]) -> None:
    archive = build_package(files)
    package = read_package(archive)
    assert package.files == files
    assert package.digest == sha256_digest(archive)
    assert build_package(package.files) == archive


@given(file_sets(), st.randoms(use_true_random=False))
@settings(deadline=None)
def test_the_order_of_the_files_does_not_matter(files: dict[str, bytes], random: Random) -> None:
    shuffled = list(files.items())
    random.shuffle(shuffled)
    assert build_package(dict(shuffled)) == build_package(files)


@given(st.integers(0, len(GOOD) - 1), st.integers(1, 255))
@settings(max_examples=1_000, deadline=None)
def test_a_changed_byte_is_refused_or_changes_the_files(position: int, flip: int) -> None:
    changed = bytearray(GOOD)
    changed[position] ^= flip
    try:
        package = read_package(bytes(changed))
    except SpellError:
        return
    assert package.files != GOOD_FILES
    assert package.digest != sha256_digest(GOOD)
    assert build_package(package.files) == changed


@given(st.integers(0, len(GOOD)), st.binary(min_size=1, max_size=600))
@settings(deadline=None)
def test_inserted_bytes_are_refused_or_change_the_files(position: int, inserted: bytes) -> None:
    changed = GOOD[:position] + inserted + GOOD[position:]
    try:
        package = read_package(changed)
    except SpellError:
        return
    assert build_package(package.files) == changed


@given(st.integers(0, len(GOOD) - 1), st.integers(1, 2_000))
@settings(deadline=None)
def test_removed_bytes_are_refused_or_change_the_files(position: int, count: int) -> None:
    changed = GOOD[:position] + GOOD[position + count :]
    try:
        package = read_package(changed)
    except SpellError:
        return
    assert build_package(package.files) == changed


@given(st.binary(max_size=3_000))
@settings(deadline=None)
def test_arbitrary_bytes_are_only_ever_refused(archive: bytes) -> None:
    with pytest.raises(SpellError, match="PACKAGE_INVALID"):
        read_package(archive)


@given(st.text(max_size=250))
@settings(deadline=None)
def test_any_name_gets_a_verdict_and_a_good_one_belongs(name: str) -> None:
    if name_fault(name) is None:
        assert is_package_path(name)

"""Which names a package may hold."""

import pytest

from schema.package import is_package_path
from schema.packaging.names import folded, name_fault, split_for_header


@pytest.mark.parametrize(
    "name",
    [
        "manifest.toml",
        "spell.wasm",
        "schema.json",
        "sbom.spdx.json",
        "sbom.cdx.json",
        "README.md",
        "LICENSE",
        "resources/a",
        "resources/fonts/Sans Bold.ttf",
        "resources/été.txt",
        "resources/日本語/文.txt",
        "resources/" + "d" * 54 + "/" + "f" * 100,
        "resources/" + "n" * 90,
    ],
)
def test_these_names_are_good(name: str) -> None:
    assert is_package_path(name)
    assert name_fault(name) is None


@pytest.mark.parametrize(
    "name",
    [
        "",
        "resources",
        "resources/.DS_Store",
        "resources/.git/config",
        "src/main.c",
        "inputs.json",
        ".git/HEAD",
        ".gitignore",
        "SIGNATURE.sigstore",
        "manifest.toml~",
        "Manifest.toml",
        "readme.md",
        "sub/manifest.toml",
        "Resources/a",
        "sbom.json",
    ],
)
def test_these_files_of_a_folder_stay_outside(name: str) -> None:
    assert not is_package_path(name)
    assert name_fault(name) is not None


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("/etc/passwd", "absolute"),
        ("resources/../a", "'..'"),
        ("../a", "'..'"),
        ("./manifest.toml", "'.'"),
        ("resources//a", "empty part"),
        ("resources/", "empty part"),
        ("", "empty part"),
        ("resources\\a", "backslash"),
        ("C:\\a", "backslash"),
        ("resources/a\0b", "U+0000"),
        ("resources/a\nb", "U+000A"),
        ("resources/a\x7fb", "U+007F"),
        ("resources/a\x1b[2Jb", "U+001B"),
        ("resources/a\u202eb", "U+202E"),
        ("resources/a\u200bb", "U+200B"),
        ("resources/a\u2028b", "U+2028"),
        ("resources/a\u00a0b", "U+00A0"),
        ("resources/a\ue000b", "U+E000"),
        ("resources/a\ud800b", "U+D800"),
        ("resources/\U0001f600", "U+1F600"),
        ("resources/e\u0301", "normal form C"),
        ("resources/\u212b", "normal form C"),
        ("resources/" + "é/" * 64 + "longer", "longer than 200 bytes"),
        ("resources/" + "n" * 101, "does not fit"),
        ("resources/" + "d" * 50 + "/" + "e" * 100 + "/" + "f" * 20, "does not fit"),
        ("resources/.hidden", "hidden"),
        ("other.txt", "under resources/"),
    ],
)
def test_a_bad_name_is_told_with_its_fault(name: str, part: str) -> None:
    fault = name_fault(name)
    assert fault is not None
    assert part in fault


def test_a_name_is_cut_at_the_last_slash_that_fits_the_prefix() -> None:
    name = b"resources/" + b"d" * 40 + b"/" + b"e" * 40 + b"/" + b"f" * 30
    assert split_for_header(name) == (name[:91], b"f" * 30)


def test_a_name_of_a_hundred_bytes_is_not_cut() -> None:
    name = b"resources/" + b"n" * 90
    assert split_for_header(name) == (b"", name)


def test_case_is_folded_for_all_scripts() -> None:
    assert folded("resources/STRASSE") == folded("resources/straße")
    assert folded("ΣΑΣ") == folded("σας")

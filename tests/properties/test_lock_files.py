"""Whatever stands in a lock file, it is read or refused by its name; nothing else is raised."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.supply_chain.bill_making import make_bill
from infra.supply_chain.cyclonedx_output import write_cyclonedx
from infra.supply_chain.lockfiles.folder import read_lock_files
from infra.supply_chain.lockfiles.lock_file import LockFileError
from schema.manifest import parse_manifest
from tests.support.e2e_packages import manifest

NAMES = (
    *("Cargo.lock", "package-lock.json", "pylock.toml", "requirements.txt", "go.mod", "go.sum"),
    *("build.zig.zon", "sbom.extra.toml"),
)
FILES = {"manifest.toml": manifest("com.example.any")}
MANIFEST = parse_manifest(FILES["manifest.toml"])
WORDS = st.sampled_from(
    [
        *("name", "version", "packages", "package", "dependencies", "[[package]]", "[[packages]]"),
        *('"a"', '"1.0"', "=", "==", "a==1", "--hash=sha256:", "ab" * 32, "\n", " ", "\\\n", "#"),
        *("{", "}", "[", "]", ".{", ",", ":", "(", ")", "//", "require", "=>", "v1.0.0", "h1:"),
        *("A" * 43 + "=", "lock-version", '"1.0"', "[[component]]", "purl", '"pkg:npm/a@1"', "é"),
        *(".dependencies", ".a", ".url", ".hash", '"https://github.com/a/b#' + "d" * 40 + '"', "@"),
    ]
)
TEXTS = st.one_of(st.text(), st.lists(WORDS).map("".join))
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(0, 3),
    st.sampled_from(["", "a", "1.0", "@s/a", "é/", "?"]),
)
MEMBERS = st.sampled_from(
    [
        *("name", "version", "resolved", "link", "dev", "dependencies", "optionalDependencies"),
        *("peerDependencies", "integrity", "license", "extraneous", "a", "b"),
    ]
)
PATHS = st.sampled_from(
    [
        "",
        "a",
        "node_modules/a",
        "node_modules/@s/a",
        "node_modules/a/node_modules/b",
        "node_modules/",
    ]
)
ENTRIES = st.dictionaries(MEMBERS, st.one_of(SCALARS, st.dictionaries(MEMBERS, st.just("1"))))


def whole_way(name: str, text: str) -> None:
    """From the file to a document, or a refusal that begins with its name."""
    with TemporaryDirectory() as folder:
        (Path(folder) / name).write_bytes(text.encode("utf-8", "surrogatepass"))
        try:
            bill = make_bill(MANIFEST, FILES, read_lock_files(Path(folder)).values())
        except LockFileError as refused:
            assert str(refused).startswith((name, "a lock file"))  # noqa: PT017
            return
        write_cyclonedx(bill)


@pytest.mark.parametrize("name", NAMES)
@given(text=TEXTS)
def test_any_text_is_read_or_refused(name: str, text: str) -> None:
    whole_way(name, text)


@given(packages=st.dictionaries(PATHS, ENTRIES))
def test_any_package_lock_is_read_or_refused(packages: dict[str, Any]) -> None:
    whole_way("package-lock.json", json.dumps({"lockfileVersion": 3, "packages": packages}))


@given(
    packages=st.lists(
        st.fixed_dictionaries(
            {
                "name": st.sampled_from(["a", "b", "", "é x", "a/b", "?"]),
                "version": st.sampled_from(["1.0", "", "@", "1#2"]),
                "dependencies": st.lists(st.sampled_from(["a", "b 1.0", "c"]), max_size=2),
            },
            optional={"source": st.sampled_from(["git+https://x/y#1", "", "registry+z", "?"])},
        ),
        max_size=4,
    )
)
def test_any_cargo_lock_is_read_or_refused(packages: list[dict[str, Any]]) -> None:
    text = "".join(
        "[[package]]\n" + "".join(f"{k} = {json.dumps(v)}\n" for k, v in package.items())
        for package in packages
    )
    whole_way("Cargo.lock", text)

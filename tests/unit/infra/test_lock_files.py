"""Goal: what a lock file says is what the bill gets. Method: small files, and real ones."""

import textwrap
from importlib.util import find_spec
from pathlib import Path

import pytest

from infra.supply_chain.lockfiles.folder import read_lock_files
from infra.supply_chain.lockfiles.lock_file import Locked
from schema.contracts.bill import Component

# In two parts, because no file of this repository holds the address of an index.
CRATES = "registry+https:" + "//github.com/rust-lang/crates.io-index"
SHA256 = "c1" * 32
H1 = "h1:" + "A" * 43 + "="


def read(folder: Path, name: str, text: str) -> Locked:
    (folder / name).write_text(textwrap.dedent(text))
    return read_lock_files(folder)[name]


def by_name(locked: Locked) -> dict[str, Component]:
    found = {component.name: component for component in locked.components}
    assert len(found) == len(locked.components)
    return found


def test_cargo_gives_crates_checksums_and_the_graph(tmp_path: Path) -> None:
    locked = read(
        tmp_path,
        "Cargo.lock",
        f"""
        version = 4

        [[package]]
        name = "itoa"
        version = "1.0.11"
        source = "{CRATES}"
        checksum = "{SHA256}"

        [[package]]
        name = "json"
        version = "2.0.0"
        source = "git+https://example.com/json?rev=abc#{"a" * 40}"
        dependencies = ["itoa"]

        [[package]]
        name = "own-part"
        version = "0.1.0"
        dependencies = ["json"]

        [[package]]
        name = "resize"
        version = "1.0.0"
        dependencies = ["itoa 1.0.11", "own-part"]
        """,
    )
    found = by_name(locked)
    assert set(found) == {"itoa", "json", "own-part"}
    assert found["itoa"].purl == "pkg:cargo/itoa@1.0.11"
    assert found["itoa"].hashes == {"sha256": SHA256}
    git = f"git%2Bhttps://example.com/json%40{'a' * 40}"
    assert found["json"].purl == f"pkg:cargo/json@2.0.0?vcs_url={git}"
    assert found["json"].depends_on == [found["itoa"].ref]
    assert found["own-part"].purl == "pkg:generic/own-part@0.1.0"
    assert locked.direct == (found["itoa"].ref, found["own-part"].ref)


def test_cargo_of_version_1_has_its_checksums_at_the_end(tmp_path: Path) -> None:
    locked = read(
        tmp_path,
        "Cargo.lock",
        f"""
        [[package]]
        name = "itoa"
        version = "0.4.4"
        source = "{CRATES}"

        [metadata]
        "checksum itoa 0.4.4 ({CRATES})" = "{SHA256}"
        """,
    )
    assert by_name(locked)["itoa"].hashes == {"sha256": SHA256}


def test_npm_gives_what_is_not_for_development_with_the_graph(tmp_path: Path) -> None:
    locked = read(
        tmp_path,
        "package-lock.json",
        """
        {"name": "x", "lockfileVersion": 3, "packages": {
          "": {"dependencies": {"@acme/a": "^1"}, "devDependencies": {"tool": "1"}},
          "node_modules/@acme/a": {"version": "1.2.3", "license": "MIT",
            "integrity": "sha1-qqqqqqqqqqqqqqqqqqqqqqqqqqo=", "dependencies": {"b": "2"},
            "peerDependencies": {"absent": "1"}, "optionalDependencies": {"gone": "1"}},
          "node_modules/@acme/a/node_modules/b": {"version": "2.0.0", "dependencies": {"b": "1"}},
          "node_modules/b": {"version": "1.0.0", "resolved": "git+ssh://git@example.com/b#c0ffee"},
          "node_modules/tool": {"version": "1.0.0", "dev": true}
        }}
        """,
    )
    refs = {component.ref: component for component in locked.components}
    first = refs["pkg:npm/%40acme/a@1.2.3"]
    assert (first.name, first.license_declared) == ("@acme/a", "MIT")
    assert first.hashes == {"sha1": "aa" * 20}
    assert first.depends_on == ["pkg:npm/b@2.0.0"]
    assert "pkg:npm/b@1.0.0?vcs_url=git%2Bssh://git%40example.com/b%40c0ffee" in refs
    assert len(refs) == 3
    assert locked.direct == (first.ref,)


def test_a_package_of_an_npm_workspace_is_the_makers_own(tmp_path: Path) -> None:
    locked = read(
        tmp_path,
        "package-lock.json",
        """
        {"lockfileVersion": 3, "packages": {
          "": {"dependencies": {"part": "1"}},
          "node_modules/part": {"resolved": "packages/part", "link": true},
          "packages/part": {"name": "part", "version": "1.0.0", "dependencies": {"b": "1"}},
          "node_modules/b": {"version": "1.0.0"}
        }}
        """,
    )
    assert locked.direct == ("pkg:generic/part@1.0.0",)
    assert by_name(locked)["part"].depends_on == ["pkg:npm/b@1.0.0"]


def test_requirements_give_pinned_packages(tmp_path: Path) -> None:
    locked = read(
        tmp_path,
        "requirements.txt",
        f"""
        --only-binary :all:
        Ruamel_Yaml[x]==0.18.6 ; python_version < "3.14" \\
            --hash=sha256:{SHA256}
            # via something
        mpmath == 1.3.0 \\
            --hash=sha256:{SHA256} \\
            --hash=sha256:{"ab" * 32}   # two files
        plain==2
        """,
    )
    found = by_name(locked)
    assert found["ruamel-yaml"].purl == "pkg:pypi/ruamel-yaml@0.18.6"
    assert found["ruamel-yaml"].hashes == {"sha256": SHA256}
    # One of the two was installed, and the file does not say which.
    assert found["mpmath"].hashes == {}
    both = f"sha256:{SHA256} sha256:{'ab' * 32}"
    assert found["mpmath"].properties == {"spell:pypi:hashes": both}
    assert found["plain"].version == "2"
    assert len(locked.direct) == 3


def test_pylock_gives_the_pure_wheel_and_the_graph(tmp_path: Path) -> None:
    locked = read(
        tmp_path,
        "pylock.toml",
        f"""
        lock-version = "1.0"
        created-by = "a-tool"

        [[packages]]
        name = "attrs"
        version = "25.1.0"
        dependencies = [{{name = "Six"}}]
        sdist = {{name = "attrs.tar.gz", hashes = {{sha256 = "{"0" * 64}"}}}}
        wheels = [
          {{name = "attrs-25.1.0-py3-none-any.whl", url = "x", hashes = {{sha256 = "{SHA256}"}}}},
        ]

        [[packages]]
        name = "six"
        version = "1.17.0"

        [[packages]]
        name = "from-git"
        vcs = {{type = "git", url = "https://example.com/g", commit-id = "{"b" * 40}"}}

        [[packages]]
        name = "the-spell"
        version = "1"
        directory = {{path = "."}}
        """,
    )
    found = by_name(locked)
    assert set(found) == {"attrs", "six", "from-git"}
    assert found["attrs"].hashes == {"sha256": SHA256}
    assert found["attrs"].depends_on == ["pkg:pypi/six@1.17.0"]
    assert found["from-git"].version == "b" * 40
    assert locked.direct == (found["attrs"].ref, found["from-git"].ref)


def test_go_gives_modules_the_standard_library_and_hashes_of_trees(tmp_path: Path) -> None:
    (tmp_path / "go.sum").write_text(
        f"example.com/a v1.0.0 {H1}\nexample.com/a v1.0.0/go.mod {H1}\n"
        f"example.com/old v0.9.0 {H1}\nexample.com/fork v3.0.0 {H1}\n"
    )
    locked = read(
        tmp_path,
        "go.mod",
        """
        module example.com/me
        go 1.21
        toolchain go1.22.3
        require example.com/a v1.0.0 // a comment
        require (
            example.com/b/v2 v2.1.0+incompatible // indirect
            example.com/c v1.1.1
            example.com/mine v0.0.0
        )
        replace example.com/c => example.com/fork v3.0.0
        replace example.com/mine v0.0.0 => ../mine
        """,
    )
    found = by_name(locked)
    assert set(found) == {"example.com/a", "example.com/b/v2", "example.com/fork", "stdlib"}
    assert found["example.com/a"].hashes == {}
    assert found["example.com/a"].properties == {"spell:golang:h1": H1}
    assert found["example.com/b/v2"].purl == "pkg:golang/example.com/b/v2@v2.1.0%2Bincompatible"
    assert found["stdlib"].version == "1.22.3"
    asked = {"example.com/a", "example.com/fork", "stdlib"}
    assert set(locked.direct) == {found[name].ref for name in asked}


def test_a_go_sum_alone_gives_every_module_whose_tree_was_used(tmp_path: Path) -> None:
    locked = read(
        tmp_path,
        "go.sum",
        f"""
        example.com/a v1.0.0 {H1}
        example.com/a v1.0.0/go.mod {H1}
        example.com/b v1.0.0/go.mod {H1}
        """,
    )
    assert locked.direct == ("pkg:golang/example.com/a@v1.0.0",)


def test_zig_gives_packages_with_hashes_of_trees(tmp_path: Path) -> None:
    named = "known-1.4.0-" + "A" * 44
    locked = read(
        tmp_path,
        "build.zig.zon",
        f"""
        // A comment.
        .{{
            .name = .resize,
            .fingerprint = 0x1234,
            .dependencies = .{{
                .@"from-github" = .{{
                    .url = "git+https://github.com/acme/png?ref=v1#{"d" * 40}",
                    .hash = "1220{"0" * 64}",
                }},
                .known = .{{ .url = "https://x.example/k.zip", .hash = "{named}", .lazy = true }},
                .mine = .{{ .path = "../mine" }},
            }},
            .paths = .{{""}},
        }}
        """,
    )
    found = by_name(locked)
    assert found["acme/png"].purl == f"pkg:github/acme/png@{'d' * 40}"
    assert found["known"].version == "1.4.0"
    assert found["known"].properties == {"spell:zig:hash": named}
    assert found["known"].hashes == {}
    assert len(found) == 2


def test_a_zig_program_without_packages_has_none(tmp_path: Path) -> None:
    assert read(tmp_path, "build.zig.zon", ".{ .name = .x, .dependencies = .{} }") == Locked()


def test_what_a_maker_says_by_hand_completes_and_adds(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("six==1.17.0\n")
    added = read(
        tmp_path,
        "sbom.extra.toml",
        """
        [[component]]
        purl = "pkg:pypi/six@1.17.0"
        license = "MIT"

        [[component]]
        purl = "pkg:generic/wasi-libc@1"
        supplier = "Bytecode Alliance"
        """,
    )
    six = by_name(read_lock_files(tmp_path)["requirements.txt"])["six"]
    assert six.license_declared == "MIT"
    assert by_name(added)["wasi-libc"].supplier == "Bytecode Alliance"
    assert added.direct == ("pkg:generic/wasi-libc@1",)


def _bridge() -> Path:
    spec = find_spec("temporalio")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "bridge"


@pytest.mark.skipif(not (_bridge() / "Cargo.lock").is_file(), reason="no Cargo.lock here")
def test_a_real_cargo_lock_is_read_whole() -> None:
    locked = read_lock_files(_bridge())["Cargo.lock"]
    refs = [component.ref for component in locked.components]
    assert len(refs) == len(set(refs)) > 100
    known = set(refs)
    assert all(set(component.depends_on) <= known for component in locked.components)
    from_registry = [c for c in locked.components if c.ref.startswith("pkg:cargo/")]
    assert len([c for c in from_registry if c.hashes or "vcs_url" in c.ref]) == len(from_registry)

"""Goal: what cannot be read is named by file and line. Method: one thing wrong in each file."""

from pathlib import Path

import pytest

from infra.supply_chain.lockfiles.folder import read_lock_files
from infra.supply_chain.lockfiles.lock_file import LOCK_FILE_BYTES_MAX, LockFileError

BAD = [
    ("Cargo.lock", "version = 4\n[[package]\n", "Cargo.lock: is not TOML", "line 2"),
    (
        "Cargo.lock",
        '[[package]]\nname = "a"\nversion = "1"\nchecksum = "12"\n',
        "Cargo.lock:4: package.0.checksum",
        "pattern",
    ),
    (
        "Cargo.lock",
        '[[package]]\nname = "a"\nversion = "1"\ndependencies = [\n "b",\n]\n',
        "Cargo.lock:5:",
        "'b' is no single package",
    ),
    ("Cargo.lock", "x = " + "[" * 40, "Cargo.lock:1:", "too deep"),
    ("package-lock.json", '{"lockfileVersion": 3,\n oops', "package-lock.json:", "line 2"),
    ("package-lock.json", '{"a": 1, "a": 2}', "package-lock.json:", "twice"),
    ("package-lock.json", '{\n"lockfileVersion": 1}', "package-lock.json:2:", "npm install"),
    (
        "package-lock.json",
        '{"lockfileVersion": 3, "packages": {\n"": {},\n"node_modules/a": {"resolved": "x"}}}',
        "package-lock.json:3:",
        "no version",
    ),
    (
        "package-lock.json",
        '{"lockfileVersion": 3, "packages": {"": {},\n'
        '"node_modules/a": {"version": "1",\n"integrity": "sha512-abc"}}}',
        "package-lock.json:3:",
        "is no digest",
    ),
    (
        "package-lock.json",
        '{"lockfileVersion": 3, "packages": {\n"": {"dependencies": {"a": "1"}}}}',
        "package-lock.json:2:",
        "a, which the spell needs",
    ),
    (
        "package-lock.json",
        '{"lockfileVersion": 3, "packages": {\n"node_modules/a": {"resolved": "b",\n"link": true},'
        '\n"": {"dependencies": {"a": "1"}}}}',
        "package-lock.json:2:",
        "links to what is not in it",
    ),
    ("requirements.txt", "# hi\nsix>=1\n", "requirements.txt:2:", "not pinned"),
    ("requirements.txt", "six==1.*\n", "requirements.txt:1:", "not pinned"),
    ("requirements.txt", "six==1\n-r more.txt\n", "requirements.txt:2:", "names more code"),
    ("requirements.txt", "--editable=.\n", "requirements.txt:1:", "names more code"),
    ("requirements.txt", "a==1 \\\n  --hash=sha256:12\n", "requirements.txt:1:", "--hash"),
    ("requirements.txt", "a==1 --hash=md5:12\n", "requirements.txt:1:", "--hash"),
    ("requirements-build.txt", "six @ ../six\nx==1\n???\n", "requirements-build.txt:1:", "pinned"),
    ("requirements.txt", "???\n", "requirements.txt:1:", "no requirement"),
    ("pylock.toml", 'lock-version = "2.0"\npackages = []\n', "pylock.toml:1:", "lock-version"),
    ("pylock.toml", 'lock-version = "1.0"\n', "pylock.toml: packages:", "required"),
    (
        "pylock.toml",
        'lock-version = "1.0"\n[[packages]]\nname = "a"\n',
        "pylock.toml:3:",
        "a has no version",
    ),
    (
        "pylock.toml",
        'lock-version = "1.0"\n[[packages]]\nname = "a"\nversion = "1"\n'
        'dependencies = [{name = "b"}]\n',
        "pylock.toml:5:",
        "'b' is not among",
    ),
    ("go.sum", "example.com/a v1.0.0 h2:x\n", "go.sum:1:", "should read"),
    ("go.mod", "module x\nrequire example.com/a latest\n", "go.mod:2:", "module version"),
    ("go.mod", "module x\nreplace example.com/a\n", "go.mod:2:", "=>"),
    ("build.zig.zon", ".{\n.a = .{\n .b\n", "build.zig.zon:4:", "missing"),
    ("build.zig.zon", ".{} .{}", "build.zig.zon:1:", "after its end"),
    ("build.zig.zon", ".{" * 40, "build.zig.zon:1:", "too deep"),
    (
        "build.zig.zon",
        '.{ .dependencies = .{\n .a = .{ .url = "https://x/y" } } }',
        "build.zig.zon:2:",
        "zig fetch",
    ),
    (
        "build.zig.zon",
        '.{ .dependencies = .{\n .a = .{ .url = "https://x/y", .hash = "1220" } } }',
        "build.zig.zon:2:",
        "names a version",
    ),
    ("sbom.extra.toml", '[[component]]\npurl = "six"\n', "sbom.extra.toml:2:", "is no purl"),
    ("sbom.extra.toml", '[[component]]\npurl = "pkg:pypi/x"\n', "sbom.extra.toml:2:", "version"),
    (
        "sbom.extra.toml",
        '[[component]]\npurl = "pkg:pypi/x@1"\nlicence = "MIT"\n',
        "sbom.extra.toml:3:",
        "licence",
    ),
]


@pytest.mark.parametrize(("name", "text", "place", "words"), BAD)
def test_a_bad_lock_file_is_refused_by_file_and_line(
    tmp_path: Path, name: str, text: str, place: str, words: str
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(LockFileError) as refused:
        read_lock_files(tmp_path)
    assert str(refused.value).startswith(place)
    assert words in str(refused.value)


def test_what_is_no_text_is_refused_by_its_line(tmp_path: Path) -> None:
    (tmp_path / "go.sum").write_bytes(b"\n\xff\n")
    with pytest.raises(LockFileError, match=r"go\.sum:2: is not UTF-8"):
        read_lock_files(tmp_path)


def test_a_lock_file_has_a_size_limit(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_bytes(b"\n" * (LOCK_FILE_BYTES_MAX + 1))
    with pytest.raises(LockFileError, match="larger than"):
        read_lock_files(tmp_path)

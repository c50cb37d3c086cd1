"""Goal: a clean clone works anywhere. Method: look for what belongs to one machine or one index."""

import re
from pathlib import Path

import pytest

from tests.architecture.source import ROOT, relative, repository_files

# Put together here, so that this file does not find itself.
MACHINE_PATHS = re.compile("|".join(f"/{folder}/" for folder in ("work", "root")))
INDEX_HOSTS = (
    "pypi",
    "pythonhosted",
    "npmjs",
    "npmmirror",
    "crates.io",
    "proxy.golang",
    "registry",
)
INDEX_ADDRESSES = re.compile(
    r"https?://[^\s\"'<>)]*(?:" + "|".join(map(re.escape, INDEX_HOSTS)) + ")"
    r"|--(?:extra-)?index-" + r"url[= ]\S"
)
FILES_MAX_BYTES = 2_000_000
LOCK_FILES = ["requirements.lock", "requirements-dev.lock", "requirements-bench.lock"]


def _texts() -> list[tuple[Path, str]]:
    texts = []
    for path in repository_files():
        content = path.read_bytes()
        if b"\0" not in content:
            texts.append((path, content.decode("utf-8")))
    return texts


def _lines_with(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{relative(path)}:{number} {line.strip()[:100]}"
        for path, text in _texts()
        for number, line in enumerate(text.splitlines(), start=1)
        if pattern.search(line)
    ]


def test_no_file_names_a_folder_of_one_machine() -> None:
    assert _lines_with(MACHINE_PATHS) == []


def test_no_file_holds_the_address_of_a_package_index() -> None:
    assert _lines_with(INDEX_ADDRESSES) == []


def test_the_patterns_above_find_what_they_are_for() -> None:
    assert MACHINE_PATHS.search("see /" + "work/main/README.md")
    assert INDEX_ADDRESSES.search("https://regis" + "try.npmjs.org/left-pad")
    assert INDEX_ADDRESSES.search("pip install --index-" + "url=somewhere x")


@pytest.mark.parametrize("name", LOCK_FILES)
def test_every_package_of_a_lock_file_has_a_hash(name: str) -> None:
    text = (ROOT / name).read_text("utf-8").replace("\\\n", " ")
    pinned = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert pinned
    assert [line[:60] for line in pinned if "==" not in line or "--hash=sha256:" not in line] == []


def test_no_file_is_large() -> None:
    large = [relative(path) for path in repository_files() if path.stat().st_size > FILES_MAX_BYTES]
    assert large == []


def test_no_unfinished_work_is_left_in_the_code() -> None:
    unfinished = re.compile(r"\b(?:TO[D]O|FIX[M]E|XX[X])\b")
    code = {".py", ".md", ".toml", ".c", ".h", ".zig", ".ts"}
    found = [line for line in _lines_with(unfinished) if Path(line.split(":")[0]).suffix in code]
    assert found == []

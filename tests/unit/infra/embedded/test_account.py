import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from infra.embedded.account import Account, account_for, let_pass, let_read

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another account")

NOBODY = Account("nobody", 65534, 65534)


def passes(path: Path) -> bool:
    command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "cat", str(path)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.fixture
def file() -> Iterator[Path]:
    """A file that anybody may read, behind a folder that only root may enter."""
    # Not pytest's folder: other sessions close its parent again.
    with TemporaryDirectory() as closed:
        folder = Path(closed) / "inner"
        folder.mkdir(mode=0o755)
        path = folder / "file"
        path.write_text("")
        path.chmod(0o644)
        yield path


def test_an_account_is_let_through_closed_folders(file: Path) -> None:
    reports: list[str] = []
    assert not passes(file)
    let_pass(NOBODY, file, reports.append)
    assert passes(file)
    assert f"the account nobody may now pass through {file.parents[1]}" in reports


def test_others_are_not_let_through(file: Path) -> None:
    let_pass(Account("games", 5, 60), file, lambda _: None)
    assert not passes(file)
    assert file.parents[1].stat().st_mode & stat.S_IRWXO == 0


def test_letting_through_twice_changes_nothing(file: Path) -> None:
    reports: list[str] = []
    let_pass(NOBODY, file, lambda _: None)
    let_pass(NOBODY, file, reports.append)
    assert reports == []


def test_two_accounts_can_be_let_through(file: Path) -> None:
    let_pass(Account("games", 5, 60), file, lambda _: None)
    let_pass(NOBODY, file, lambda _: None)
    assert passes(file)


def test_without_access_lists_everybody_may_pass_but_not_list(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(os, "setxattr", unsupported)
    reports: list[str] = []
    let_pass(NOBODY, file, reports.append)
    assert passes(file)
    assert stat.S_IMODE(file.parents[1].stat().st_mode) == 0o701
    assert reports[-1].startswith("everybody may now pass through")


def test_programs_installed_under_a_strict_umask_become_readable(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    (tmp_path / "run").write_text("")
    (tmp_path / "run").chmod(0o700)
    (tmp_path / "read").write_text("")
    (tmp_path / "read").chmod(0o600)
    let_read(tmp_path)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {"run": 0o755, "read": 0o644}


def test_a_cluster_stays_with_the_account_that_made_it(tmp_path: Path) -> None:
    os.chown(tmp_path, 4321, 4322)
    assert account_for(tmp_path) == Account("uid 4321", 4321, 4322)


def test_a_new_cluster_gets_an_account_that_is_not_root(tmp_path: Path) -> None:
    account = account_for(tmp_path / "new")
    assert account is not None
    assert account.uid != 0

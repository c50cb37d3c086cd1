import json
import multiprocessing
import os
import stat
from pathlib import Path

import pytest

from infra.embedded.credentials import load_or_create
from infra.embedded.errors import DataDirectoryInUseError, EmbeddedPlatformError
from infra.embedded.layout import Layout
from infra.embedded.lock import DirectoryLock


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_data_directory_is_closed_to_others(tmp_path: Path) -> None:
    layout = Layout.create(tmp_path / "new" / "data")
    assert mode(layout.root) == 0o700
    assert {mode(folder) for folder in layout.root.iterdir()} == {0o700}


def test_an_open_data_directory_is_closed_again(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    assert mode(Layout.create(tmp_path).root) == 0o700


def test_a_data_directory_that_is_a_file_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(EmbeddedPlatformError, match="cannot be used: File exists"):
        Layout.create(tmp_path / "data")


def test_credentials_are_made_once_and_for_the_owner_alone(tmp_path: Path) -> None:
    layout = Layout.create(tmp_path)
    first = load_or_create(layout)
    assert mode(layout.credentials_file) == 0o600
    layout.credentials_file.chmod(0o644)
    assert load_or_create(layout) == first
    assert mode(layout.credentials_file) == 0o600


def test_every_credential_is_another_one(tmp_path: Path) -> None:
    load_or_create(Layout.create(tmp_path))
    stored = json.loads((tmp_path / "secrets.json").read_text())
    assert len(set(stored.values())) == len(stored) == 14


def test_credentials_do_not_show_when_printed(tmp_path: Path) -> None:
    credentials = load_or_create(Layout.create(tmp_path))
    stored = json.loads((tmp_path / "secrets.json").read_text())
    shown = [name for name, value in stored.items() if value in repr(credentials)]
    assert shown == ["runner_public_key"]


def test_an_older_data_directory_gets_the_credentials_that_it_lacks(tmp_path: Path) -> None:
    layout = Layout.create(tmp_path)
    first = load_or_create(layout)
    stored = json.loads(layout.credentials_file.read_text())
    del stored["sigstore_token_secret"]
    layout.credentials_file.write_text(json.dumps(stored))
    layout.postgres_cluster.mkdir()
    second = load_or_create(layout)
    assert second.master_key == first.master_key
    assert second.sigstore_token_secret not in ("", first.sigstore_token_secret)
    assert load_or_create(layout) == second
    assert mode(layout.credentials_file) == 0o600


def test_missing_credentials_of_existing_data_are_not_made_anew(tmp_path: Path) -> None:
    layout = Layout.create(tmp_path)
    layout.postgres_cluster.mkdir()
    with pytest.raises(EmbeddedPlatformError, match="only its keys can open"):
        load_or_create(layout)


@pytest.mark.parametrize("content", ["", "[]", '{"master_key": "of-old"}'])
def test_a_damaged_credentials_file_is_refused_without_quoting_it(
    tmp_path: Path, content: str
) -> None:
    layout = Layout.create(tmp_path)
    layout.credentials_file.write_text(content)
    with pytest.raises(EmbeddedPlatformError, match="cannot be read") as caught:
        load_or_create(layout)
    assert "of-old" not in str(caught.value)


def test_a_second_lock_is_refused_and_names_the_holder(tmp_path: Path) -> None:
    lock, second = DirectoryLock(tmp_path / "lock"), DirectoryLock(tmp_path / "lock")
    lock.acquire()
    with pytest.raises(DataDirectoryInUseError, match=f"in use by process {os.getpid()} "):
        second.acquire()
    lock.release()
    second.acquire()
    second.release()


def hold(path: Path) -> None:
    DirectoryLock(path).acquire()
    os._exit(9)


def test_the_lock_of_a_dead_process_is_free(tmp_path: Path) -> None:
    holder = multiprocessing.get_context("spawn").Process(target=hold, args=(tmp_path / "lock",))
    holder.start()
    holder.join()
    assert holder.exitcode == 9
    lock = DirectoryLock(tmp_path / "lock")
    lock.acquire()
    lock.release()

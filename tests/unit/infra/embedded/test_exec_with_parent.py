import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from infra.embedded import exec_with_parent

WRAPPER = [sys.executable, "-I", "-S", exec_with_parent.__file__]


def test_the_program_takes_the_place_of_the_wrapper() -> None:
    command = [*WRAPPER, str(os.getpid()), "9", "-", sys.executable, "-c"]
    with subprocess.Popen(
        [*command, "import os; print(os.getpid(), oct(os.umask(0)))"],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        printed, _ = process.communicate()
    assert printed.split() == [str(process.pid), "0o77"]


def test_it_does_not_start_for_a_parent_that_is_gone() -> None:
    command = [*WRAPPER, "999999999", "9", "-", sys.executable, "-c", "print('up')"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (127, "")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another account")
def test_the_account_is_taken_for_good() -> None:
    command = [*WRAPPER, str(os.getpid()), "9", "65534:65534", "/usr/bin/id"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("uid=65534")
    assert "uid=0" not in done.stdout
    assert "groups=65534" in done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has the death signal")
@pytest.mark.parametrize("account", ["-", "65534:65534"])
def test_the_program_dies_with_its_killed_parent(tmp_path: Path, account: str) -> None:
    if account != "-" and os.geteuid() != 0:
        pytest.skip("only root can become another account")
    note = tmp_path / "pid"
    parent_program = (
        "import os, subprocess, sys, time; "
        f"w = {WRAPPER!r}; "
        f"p = subprocess.Popen([*w, str(os.getpid()), '9', {account!r}, '/bin/sleep', '60']); "
        f"open({str(note)!r}, 'w').write(str(p.pid)); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", parent_program]) as parent:
        deadline = time.monotonic() + 10
        while not (note.exists() and note.read_text()) or not sleeps(int(note.read_text())):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        parent.send_signal(signal.SIGKILL)
    child = int(note.read_text())
    while psutil.pid_exists(child) and psutil.Process(child).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def sleeps(pid: int) -> bool:
    return psutil.Process(pid).name() == "sleep"

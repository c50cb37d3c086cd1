"""Run a program so that nothing of it outlives it, nor the process that asked for it.

    keeper.py PROGRAM [ARGUMENT …]

Adopts every orphan of the program (PR_SET_CHILD_SUBREAPER), so all that it ever started stays below
this process. Ends them when the program ends, on SIGTERM, and when standard input closes, which
the kernel does even when the server that holds the other end is killed.
Run as a file by a bare interpreter (`python -I -S`), so it imports nothing of ours.
"""

import ctypes
import os
import select
import signal
import subprocess
import sys
import time

_PR_SET_CHILD_SUBREAPER = 36
_GRACE_SECONDS = 1.0
_LOOK_SECONDS = 0.02
_STOPS: list[bool] = []


def main() -> int:
    """Start the program, wait, sweep; the program's exit code."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    signal.signal(signal.SIGTERM, lambda *_: _STOPS.append(True))
    program = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)  # noqa: S603  (ours)
    while program.poll() is None:
        if _told_to_stop():
            _ask(program)
            break
    sweep()
    return program.returncode if program.returncode is not None else 137


def sweep() -> None:
    """Kill every process below this one, until the kernel knows of none."""
    while True:
        for process in descendants(os.getpid()):
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                continue
        if not _reaped_all():
            time.sleep(_LOOK_SECONDS)
            continue
        return


def descendants(root: int) -> list[int]:
    """All processes below `root`, as /proc shows them now."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):  # noqa: PTH208  (half the time)
        parent = _parent_of(name) if name.isdigit() else None
        if parent is not None:
            children.setdefault(parent, []).append(int(name))
    found, waiting = [], [root]
    while waiting:
        below = children.get(waiting.pop(), [])
        found.extend(below)
        waiting.extend(below)
    return found


def _parent_of(process: str) -> int | None:
    try:
        with open(f"/proc/{process}/stat", "rb") as stat:  # noqa: PTH123  (half the time)
            # The name in brackets may hold anything, brackets and blanks too.
            return int(stat.read().rpartition(b")")[2].split()[1])
    except (OSError, IndexError, ValueError):
        return None


def _reaped_all() -> bool:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return True
    return False


def _told_to_stop() -> bool:
    try:
        ready, _, _ = select.select([0], [], [], _LOOK_SECONDS)
        return bool(_STOPS) or (bool(ready) and not os.read(0, 1))
    except OSError:
        return True


def _ask(program: "subprocess.Popen[bytes]") -> None:
    program.terminate()
    try:
        program.wait(_GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        return


if __name__ == "__main__":
    sys.exit(main())

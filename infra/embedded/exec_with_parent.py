"""Become another program that dies with the process which started us.

    exec_with_parent.py PARENT_PID DEATH_SIGNAL ACCOUNT PROGRAM [ARGUMENT …]

ACCOUNT is `uid:gid` to become, or `-`. Run as a file by a bare interpreter (`python -I -S`, about
15 ms), so it imports nothing of ours.

The kernel ties the death signal to the *thread* that forked: start it from a thread that lives as
long as the program should, such as the one that runs the event loop. Only Linux has this signal;
elsewhere a killed parent leaves its children behind.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
_CANNOT_RUN = 127


def become(account: str) -> None:
    """Drop from root to `uid:gid`, for good."""
    if account == "-":
        return
    uid, gid = (int(number) for number in account.split(":"))
    os.setgroups([gid])
    os.setgid(gid)
    os.setuid(uid)


def die_with_parent(parent: int, death_signal: int) -> None:
    """Ask the kernel for `death_signal` at the parent's death.

    Raises:
        SystemExit: the parent is already gone.
    """
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(_PR_SET_PDEATHSIG, death_signal, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:
        raise SystemExit(_CANNOT_RUN)


def main() -> None:
    """Prepare this process, then exec the program."""
    parent, death_signal, account, *program = sys.argv[1:]
    # A stop in the middle of this must end us, not print a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.umask(0o077)
    become(account)
    # After the change of account, which clears the death signal.
    die_with_parent(int(parent), int(death_signal))
    try:
        os.execvp(program[0], program)  # noqa: S606  (no shell is the point)
    except OSError as error:
        raise SystemExit(f"{program[0]} cannot be run: {error.strerror}") from None


if __name__ == "__main__":
    main()

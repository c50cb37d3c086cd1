"""Goal: a process that gave up its privileges really has none left, where the kernel can do it.

Method: a process confines itself as a sandbox process does, then plays the guest that broke out.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[3]

# Each attempt is a Python expression; what comes back is "allowed" or the error's name.
ATTEMPTS = {
    "read a file": "open('/etc/passwd')",
    "write a file": "open('/tmp/escaped', 'w')",
    "list a folder": "os.listdir('/')",
    "read the supervisor's environment": "open(f'/proc/{os.getppid()}/environ')",
    "fork": "os.fork()",
    "start a program": "os.execv('/bin/true', ['true'])",
    "open an internet socket": "socket.socket()",
    "open a local socket": "socket.socket(socket.AF_UNIX)",
    "signal the supervisor": "os.kill(os.getppid(), 0)",
    "trace the supervisor": "check(libc.ptrace(16, os.getppid(), 0, 0))",
    "enter another namespace": "check(libc.unshare(0x10000000))",
    "make an io_uring": "check(libc.syscall(425, 8, 0))",
    "clone by the newer call": "check(libc.syscall(435, 0, 0))",
    "keep others from a file in memory": "os.fchmod(memory_file, 0)",
    "give a file in memory away": "os.fchown(memory_file, 1, 1)",
    "mark a file in memory": "os.setxattr(memory_file, 'user.x', b'x')",
    "take more memory than allowed": "bytearray(3 << 30)",
    "write more than allowed": "os.write(memory_file, bytes(5 << 20)) < (5 << 20) and fail()",
    "raise its limits": "resource.setrlimit(resource.RLIMIT_DATA, (1 << 40, 1 << 40))",
    "open many files": "[os.dup(0) for _ in range(100)]",
}
STILL_ALLOWED = {
    "a thread": "threading.Thread(target=int).start()",
    "a file in memory": "open(f'/proc/self/fd/{memory_file}', 'w')",
    "a file made in memory": "os.memfd_create('x')",
}
SCRIPT = """
import ctypes, json, os, resource, socket, sys, threading
from runner.sandbox import confinement
layers = confinement.leave_shared_namespaces()
confinement.hide_memory()
libc = ctypes.CDLL(None, use_errno=True)
memory_file = os.memfd_create("m")
confinement.limit_resources()
layers += confinement.give_up_privileges()
def check(status):
    if status < 0:
        raise OSError(ctypes.get_errno(), "refused")
def fail():
    raise OSError("cut")
results = {}
for name, attempt in json.loads(sys.argv[1]).items():
    try:
        eval(attempt)
        results[name] = "allowed"
    except (OSError, ValueError, MemoryError) as error:
        results[name] = type(error).__name__
print(json.dumps({"layers": layers, "results": results}))
"""


@pytest.fixture(scope="module")
def broken_out() -> dict[str, str]:
    attempts = json.dumps(STILL_ALLOWED | ATTEMPTS)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, attempts], cwd=_ROOT, capture_output=True, check=True, env={}
    )
    answer = json.loads(done.stdout)
    missing = {"namespaces", "landlock", "seccomp"} - set(answer["layers"])
    if missing:
        pytest.skip(f"this kernel or container refuses {', '.join(sorted(missing))}")
    results: dict[str, str] = answer["results"]
    return results


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_a_confined_process_cannot(broken_out: dict[str, str], attempt: str) -> None:
    assert broken_out[attempt] != "allowed"


@pytest.mark.parametrize("need", STILL_ALLOWED)
def test_a_confined_process_can_still_have(broken_out: dict[str, str], need: str) -> None:
    assert broken_out[need] == "allowed"

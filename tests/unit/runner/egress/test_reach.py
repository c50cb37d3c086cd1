"""Goal: whoever takes over the egress process has connections to web servers, and nothing else.

Method: a process confines itself exactly as the egress process does, then plays the one taken over.
"""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[4]

# Each attempt is a Python expression; what comes back is "allowed" or the error's name.
ATTEMPTS = {
    "read a file": "open('/etc/passwd')",
    "read the code": f"open({str(_ROOT / 'pyproject.toml')!r})",
    "write a file": "open('/tmp/escaped', 'w')",
    "write the resolver's file": "open('/etc/resolv.conf', 'a')",
    "list a folder": "os.listdir('/')",
    "read the supervisor's environment": "open(f'/proc/{os.getppid()}/environ')",
    "fork": "os.fork()",
    "start a program": "os.execv('/bin/true', ['true'])",
    "signal the supervisor": "os.kill(os.getppid(), 0)",
    "trace the supervisor": "check(libc.ptrace(16, os.getppid(), 0, 0))",
    "mount": "check(libc.mount(b'x', b'/mnt', b'tmpfs', 0, None))",
    "enter another namespace": "check(libc.unshare(0x10000000))",
    "make an io_uring": "check(libc.syscall(425, 8, 0))",
    "open a local socket": "socket.socket(socket.AF_UNIX)",
    "open a socket to the kernel": "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
    "open a raw socket": "socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)",
    "open a raw socket, flags set": "socket.socket(2, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 6)",
    "open a packet socket": "socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM)",
    "speak another transport": "socket.socket(2, socket.SOCK_STREAM, 132)",
    "speak multipath TCP": "socket.socket(2, socket.SOCK_STREAM, 262)",
    "ping": "socket.socket(2, socket.SOCK_DGRAM, 1)",
    "take a port": "socket.socket().bind(('127.0.0.1', 0))",
    "listen": "socket.socket().listen()",
    "connect to another port": "socket.create_connection(('127.0.0.1', other_port))",
    "write more than allowed": "os.write(memory_file, bytes(5 << 20)) < (5 << 20) and fail()",
    "open many files": "[os.dup(0) for _ in range(1000)]",
}
STILL_ALLOWED = {
    "the resolver's files": "open('/etc/resolv.conf').read() and open('/etc/nsswitch.conf').read()",
    "a connection to a port of ours": "socket.create_connection(('127.0.0.1', port))",
    "a connection without waiting": "socket.socket(2, 1 | socket.SOCK_NONBLOCK).close()",
    "IPv6": "socket.socket(socket.AF_INET6)",
    "datagrams for lookups": "socket.socket(2, 2).connect(('127.0.0.1', 53))",
    "a thread": "threading.Thread(target=int).start()",
}
SCRIPT = """
import ctypes, json, os, socket, sys, threading
from runner.egress import child
from runner.egress.locating import Endpoint
from runner.sandbox import confinement
attempts, port, other_port = json.loads(sys.argv[1])
layers = confinement.leave_shared_namespaces(network=False)
confinement.hide_memory()
libc = ctypes.CDLL(None, use_errno=True)
memory_file = os.memfd_create("m")
child._prepare()
layers += child._give_up({"own.example": Endpoint("127.0.0.1", port)})
def check(status):
    if status < 0:
        raise OSError(ctypes.get_errno(), "refused")
def fail():
    raise OSError("cut")
results = {}
for name, attempt in attempts.items():
    try:
        eval(attempt)
        results[name] = "allowed"
    except (OSError, ValueError, MemoryError) as error:
        results[name] = type(error).__name__
print(json.dumps({"layers": layers, "results": results}))
"""


@pytest.fixture(scope="module")
def ports() -> Iterator[tuple[int, int]]:
    """Two ports with somebody behind: what is refused is not refused for want of a server."""
    with ExitStack() as stack:
        listeners = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(2)]
        first, second = (listener.getsockname()[1] for listener in listeners)
        yield first, second


@pytest.fixture(scope="module")
def taken_over(ports: tuple[int, int]) -> dict[str, str]:
    orders = json.dumps([STILL_ALLOWED | ATTEMPTS, *ports])
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, orders], cwd=_ROOT, capture_output=True, check=True, env={}
    )
    answer = json.loads(done.stdout)
    missing = {"namespaces", "landlock", "seccomp"} - set(answer["layers"])
    if missing:
        pytest.skip(f"this kernel or container refuses {', '.join(sorted(missing))}")
    results: dict[str, str] = answer["results"]
    return results


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_the_egress_process_cannot(taken_over: dict[str, str], attempt: str) -> None:
    assert taken_over[attempt] != "allowed"


@pytest.mark.parametrize("need", STILL_ALLOWED)
def test_the_egress_process_can_still_have(taken_over: dict[str, str], need: str) -> None:
    assert taken_over[need] == "allowed"

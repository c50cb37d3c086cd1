"""A sandbox process: takes one order at a time from the supervisor and answers it.

Run as `python -m runner.sandbox.child`, with the channel of orders and answers as standard input,
and a second one, over which it is handed descriptors of compiled code, as standard output. It is
trusted with nothing but the run in hand: no key, no credential, no file, no network.
"""

import os
import socket
import time
from typing import Any

from runner.refusals import ModuleRefusedError
from runner.sandbox import confinement
from runner.sandbox.endings import RunBounds
from runner.sandbox.engine import engine_name
from runner.sandbox.sandbox import Report, Sandbox, StaleCodeError
from runner.wire import Frame, read_frame, write_frame


def main() -> None:
    """Confine this process, then answer orders until the supervisor closes the channel."""
    layers = confinement.leave_shared_namespaces()
    confinement.die_with_parent()
    confinement.hide_memory()
    channel, code_channel = _take_channels()
    engine = engine_name()
    confinement.limit_resources()
    layers += confinement.give_up_privileges()
    # Only now: the engine starts threads, and they must be confined as well.
    sandbox = Sandbox()
    _send(channel, Frame({"engine": engine, "confinement": layers}))
    while (order := read_frame(channel)) is not None:
        _send(channel, _answer(sandbox, order, code_channel))


def _take_channels() -> tuple[int, socket.socket]:
    """Keep the channels for ourselves, so that no stray print can get into them."""
    channel, code_channel = os.dup(0), socket.socket(fileno=os.dup(1))
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    return channel, code_channel


def _send(channel: int, answer: Frame) -> None:
    # With this the supervisor can tell what a run took that it had to kill.
    answer.head["process_cpu_ms"] = int(time.process_time() * 1000)
    write_frame(channel, answer)


def _answer(sandbox: Sandbox, order: Frame, code_channel: socket.socket) -> Frame:
    try:
        match order.head:
            case {"do": "load", "digest": digest}:
                _load(sandbox, digest, code_channel)
                return Frame({"loaded": digest})
            case {"do": "drop", "digest": digest}:
                sandbox.drop(digest)
                return Frame({"dropped": digest})
            case {"do": "run", "digest": digest, "entry": entry, "bounds": bounds}:
                return _report_frame(sandbox.run(digest, entry, RunBounds(**bounds), order.first))
            case _:
                raise ValueError("an order that this process does not know")
    except ModuleRefusedError as refusal:
        return Frame({"refused": refusal.message, "details": refusal.details})
    except StaleCodeError:
        return Frame({"stale": True})


def _load(sandbox: Sandbox, digest: str, code_channel: socket.socket) -> None:
    _, (code,), _, _ = socket.recv_fds(code_channel, 1, 1)
    try:
        sandbox.load(digest, code)
    finally:
        os.close(code)  # the mapping stays


def _report_frame(report: Report) -> Frame:
    head: dict[str, Any] = {
        "code": report.ending.code,
        "details": report.ending.details,
        "fuel": report.fuel,
        "wall_ms": report.wall_ms,
        "cpu_ms": report.cpu_ms,
        "memory_bytes_peak": report.memory_bytes_peak,
        "output_bytes": report.output_bytes,
        "stderr_bytes": report.stderr_bytes,
    }
    return Frame({"report": head}, report.output, report.stderr)


if __name__ == "__main__":
    main()

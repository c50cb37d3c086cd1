"""A sandbox process: takes one order at a time from the supervisor and answers it.

Run as `python -m runner.sandbox.child`, with the channel of orders and answers as standard input,
and a second one, over which it is handed descriptors of compiled code, as standard output. It is
trusted with nothing but the run in hand: no key, no credential, no file, no network.
"""

import json
import os
import socket
import sys
import time
import traceback
from dataclasses import dataclass
from typing import Any

from runner.processes.wire import Frame, read_frame, take_channel, write_frame
from runner.refusals import ModuleRefusedError
from runner.sandbox import confinement
from runner.sandbox.channel_attendant import ChannelAttendant
from runner.sandbox.endings import RunBounds
from runner.sandbox.engine import engine_name
from runner.sandbox.sandbox import GuestOrder, Report, Sandbox, StaleCodeError
from schema.packaging.resources import read_resources

_FAULT_STATUS = 70


@dataclass(frozen=True)
class _Channels:
    orders: int
    """Orders in, answers out."""
    code: socket.socket
    """A descriptor of code comes here before the order to load it."""


def main() -> None:
    """Confine this process, then answer orders until the supervisor closes the channel."""
    layers = confinement.leave_shared_namespaces()
    confinement.die_with_parent()
    confinement.hide_memory()
    channels = _take_channels()
    engine = engine_name()
    confinement.limit_resources()
    layers += confinement.give_up_privileges()
    # Only now: the engine starts threads, and they must be confined as well.
    try:
        _serve(channels, Sandbox(), Frame({"engine": engine, "confinement": layers}))
    except Exception as fault:  # noqa: BLE001 - the last thing that this process does
        _tell_where(fault)
        sys.exit(_FAULT_STATUS)


def _serve(channels: _Channels, sandbox: Sandbox, hello: Frame) -> None:
    _send(channels.orders, hello)
    while (order := read_frame(channels.orders)) is not None:
        _send(channels.orders, _answer(channels, sandbox, order))


def _take_channels() -> _Channels:
    code = socket.socket(fileno=os.dup(1))
    return _Channels(take_channel(), code)


def _send(channel: int, answer: Frame) -> None:
    # With this the supervisor can tell what a run took that it had to kill.
    answer.head["process_cpu_ms"] = int(time.process_time() * 1000)
    write_frame(channel, answer)


def _answer(channels: _Channels, sandbox: Sandbox, order: Frame) -> Frame:
    try:
        if order.head["do"] == "run":
            return _run(channels, sandbox, order)
        _keep(channels, sandbox, order)
    except ModuleRefusedError as refusal:
        return Frame({"refused": refusal.message, "details": refusal.details})
    except StaleCodeError:
        return Frame({"stale": True})
    return Frame({"done": order.head["do"]})


def _run(channels: _Channels, sandbox: Sandbox, order: Frame) -> Frame:
    attendant = ChannelAttendant(channels.orders)
    report = sandbox.run(_guest_order(order), attendant)
    attendant.close()
    return _report_frame(report)


def _keep(channels: _Channels, sandbox: Sandbox, order: Frame) -> None:
    """Take in, or let go, what runs need. The supervisor alone decides what is here."""
    match order.head:
        case {"do": "load", "digest": digest}:
            _load(channels.code, sandbox, digest)
        case {"do": "drop", "digest": digest}:
            sandbox.drop(digest)
        case {"do": "provide", "name": name}:
            sandbox.provide(name, _files_of(order.first))
        case {"do": "withdraw", "name": name}:
            sandbox.withdraw(name)
        case _:
            raise ValueError("an order that this process does not know")


def _load(channel: socket.socket, sandbox: Sandbox, digest: str) -> None:
    _, (code,), _, _ = socket.recv_fds(channel, 1, 1)
    try:
        sandbox.load(digest, code)
    finally:
        os.close(code)  # the mapping stays


def _guest_order(order: Frame) -> GuestOrder:
    head = order.head
    return GuestOrder(
        digest=head["digest"],
        entry=head["entry"],
        bounds=RunBounds(**head["bounds"]),
        stdin=order.first,
        environment=json.loads(order.second) if order.second else {},
        deterministic=head["deterministic"],
        seed=bytes.fromhex(head["seed"]),
        clock_unix_ms=head["clock_unix_ms"],
        resources=head["resources"],
        network=head["network"],
    )


def _files_of(archive: bytes) -> dict[str, bytes]:
    """What is below `resources/` in an archive of resources, by path from there."""
    return {
        name.removeprefix("resources/"): content
        for name, content in read_resources(archive).items()
    }


def _report_frame(report: Report) -> Frame:
    head: dict[str, Any] = {
        "code": report.ending.code,
        "details": report.ending.details,
        "fuel": report.fuel,
        "wall_ms": report.wall_ms,
        "cpu_ms": report.cpu_ms,
        "waited_ms": report.waited_ms,
        "memory_bytes_peak": report.memory_bytes_peak,
        "output_bytes": report.output_bytes,
        "stderr_bytes": report.stderr_bytes,
        "host_calls": report.host_calls,
        "scratch_bytes_peak": report.scratch_bytes_peak,
        "artifact_bytes": report.artifact_bytes,
        "violations": [
            {"kind": kind, "subject": subject, "count": count}
            for (kind, subject), count in report.violations.items()
        ],
    }
    return Frame({"report": head}, report.output, report.stderr, report.artifacts)


def _tell_where(fault: Exception) -> None:
    """Say which lines failed and how, but no value: it could be a guest's secret."""
    places = traceback.extract_tb(fault.__traceback__)
    lines = [f"{place.filename}:{place.lineno} {place.name}" for place in places]
    sys.stderr.write("\n".join([*lines, type(fault).__name__]) + "\n")


if __name__ == "__main__":
    main()

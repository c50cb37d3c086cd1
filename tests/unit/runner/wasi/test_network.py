"""Requests to other hosts, from the text of a guest to what the supervisor is asked."""

import json
from typing import Any

import pytest

from runner.processes.wire import Frame, FrameReader, encode
from runner.sandbox.wasi.abi import Errno, WasiError
from runner.sandbox.wasi.network import RelayedNetwork
from schema.violations import ViolationKind

_HEAD_BYTES_MAX = 16 * 1024


class Supervisor:
    """Takes requests as the real one does: in a frame."""

    def __init__(self) -> None:
        self.heads: list[dict[str, Any]] = []
        self.network = RelayedNetwork(self.ask, 10, self.note)

    def ask(self, request: dict[str, Any], body: bytes) -> tuple[dict[str, Any], bytes]:
        frame = FrameReader(10).feed(encode(Frame({"fetch": request}, body)))
        assert frame is not None
        self.heads.append(frame.head)
        return {"refusal": "unreachable"}, b""

    def note(self, kind: ViolationKind, subject: str) -> None:
        raise AssertionError((kind, subject))


@pytest.mark.parametrize(
    "request_", [{"url": ["\x7f" * 16_000]}, {"url": 1}, {"url": "a", "headers": [["a", {}]]}]
)
def test_what_is_no_text_is_refused_before_it_is_sent(request_: dict[str, Any]) -> None:
    """As a text, such a list has five times its bytes: more than a frame, and the run was free."""
    head = json.dumps({"method": "GET", **request_}, ensure_ascii=False).encode()
    assert len(head) < _HEAD_BYTES_MAX
    supervisor = Supervisor()
    with pytest.raises(WasiError) as refused:
        supervisor.network.fetch(head, b"")
    assert refused.value.errno is Errno.INVAL
    assert supervisor.heads == []


@pytest.mark.parametrize("character", ["a", "\x7f", "\x80", "é", "€", "\U0001f600", '\\"', "\\\\"])
def test_the_longest_head_fits_a_frame_whatever_it_is_made_of(character: str) -> None:
    around = b'{"method":"GET","url":"%s"}'
    count = (_HEAD_BYTES_MAX - len(around)) // len(character.encode())
    supervisor = Supervisor()
    with pytest.raises(WasiError) as refused:
        supervisor.network.fetch(around % (character * count).encode(), b"")
    assert refused.value.errno is Errno.HOSTUNREACH
    assert len(supervisor.heads) == 1

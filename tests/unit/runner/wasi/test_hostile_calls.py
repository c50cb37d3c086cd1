"""Nothing that a guest may pass makes a function do anything but answer.

Goal: an exception other than `WasiError` and `GuestEnd` would be taken for a bug of ours and end
the sandbox process, so none may get out, whatever the arguments. Method: any sequence of any
functions with arguments around every border, on a memory with anything in it, in a world with one
descriptor of each kind.
"""

import contextlib
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.sandbox.wasi.abi import Errno, WasiError
from runner.sandbox.wasi.calls_network import http_fetch
from runner.sandbox.wasi.files import read_only_tree
from runner.sandbox.wasi.linking import WASI_CALLS
from tests.support.wasi_calls import CREAT, MEMORY_BYTES, READ, WRITE, Caller, Direct
from tests.support.wasi_stage import world_of

_QUOTA = 50_000
_PATHS = (b".", b"..", b"file", b"folder", b"folder/file", b"link", b"/etc", b"new", b"x" * 256)
_U32 = st.sampled_from([0, 1, 2, 3, 4, 5, 6, 7, 8, 64, 2**31 - 1, 2**31, 2**32 - 1]) | st.integers(
    0, 2**32 - 1
)
_PLACES = st.sampled_from(
    [0, 64, 1024, 1032, 8192, MEMORY_BYTES - 8, MEMORY_BYTES - 1, MEMORY_BYTES, MEMORY_BYTES + 1]
)
_U64 = st.sampled_from([0, 1, 100, 2**31, 2**63 - 1, 2**63, 2**64 - 1]) | st.integers(0, 2**64 - 1)
_S64 = st.sampled_from([0, 1, -1, 100, 2**63 - 1, -(2**63)]) | st.integers(-(2**63), 2**63 - 1)
_ARGUMENT = {"i": _U32 | _PLACES, "I": _U64, "S": _S64}


def _calls() -> st.SearchStrategy[tuple[str, tuple[int, ...]]]:
    return st.sampled_from(sorted(WASI_CALLS)).flatmap(
        lambda name: st.tuples(
            st.just(name), st.tuples(*(_ARGUMENT[letter] for letter in WASI_CALLS[name][0]))
        )
    )


def _hostile_way() -> Direct:
    resources = read_only_tree({"a/b": b"read", "c": b"only"})
    way = Direct(world_of(stdin=b"{}", resources=resources, scratch_bytes_max=_QUOTA))
    guest = Caller(way)
    guest.open(4, b"file", CREAT, READ | WRITE)
    guest.call("path_create_directory", 4, b"folder")
    guest.call("path_symlink", b"folder/file", 4, b"link")
    guest.open(4, b"folder")
    guest.open(3, b"c")
    return way


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    calls=st.lists(_calls(), max_size=20),
    filler=st.binary(max_size=200),
    path=st.sampled_from(_PATHS),
)
def test_any_calls_with_any_arguments_are_answered(
    calls: list[tuple[str, tuple[int, ...]]], filler: bytes, path: bytes
) -> None:
    way = _hostile_way()
    way.memory[64 : 64 + len(filler)] = filler
    way.memory[1024 : 1024 + len(path)] = path
    for name, arguments in calls:
        assert way.invoke(name, *arguments) in set(Errno)
    scratch = way.guest.world.scratch
    assert scratch is not None
    assert 0 <= scratch.bytes_held <= scratch.bytes_peak <= _QUOTA


@settings(max_examples=200, deadline=None)
@given(arguments=st.tuples(*[_U32 | _PLACES] * 5), head=st.binary(max_size=60))
def test_any_request_is_answered(arguments: tuple[int, ...], head: bytes) -> None:
    way = _hostile_way()
    way.guest.world.network = _Nowhere()
    way.memory[64 : 64 + len(head)] = head
    with contextlib.suppress(WasiError):
        http_fetch(way.guest, *arguments)


def test_every_function_answers_on_every_kind_of_descriptor() -> None:
    # 0..2 are streams, 3..4 folders, 5 and 7 files, 6 a folder, 8 nothing.
    for signature, function in WASI_CALLS.values():
        for fd in range(9):
            way = _hostile_way()
            arguments: list[Any] = [fd, *[0] * (len(signature) - 1)][: len(signature)]
            with contextlib.suppress(WasiError):
                function(way.guest, *arguments)


class _Nowhere:
    requests = bytes_used = waited_ns = 0

    def fetch(self, head: bytes, body: bytes) -> bytes:
        del head, body
        raise WasiError(Errno.HOSTUNREACH)

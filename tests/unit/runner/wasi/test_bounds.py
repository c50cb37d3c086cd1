"""What one call may cost is bounded, and a world is gone when its run is over.

Costs are counted in steps of the interpreter and in bytes, never in seconds.
"""

import gc
import json
import subprocess
import sys
import weakref
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from runner.sandbox.wasi.abi import Errno
from runner.sandbox.wasi.files import NODE_BYTES, Folder, Scratch
from runner.sandbox.wasi.paths import Finder
from runner.sandbox.wasi.world import World
from schema.limits import MIB
from tests.support.wasi_calls import CREAT, WRITE, Caller, Direct
from tests.support.wasi_stage import world_of

_ROOT = Path(__file__).parents[4]
# Each kind of end, with the worlds that are still there after it.
_RUNS = r"""
import gc, json, os, wasmtime
from runner.sandbox.endings import RunBounds
from runner.sandbox.sandbox import GuestOrder, Sandbox
from runner.sandbox.wasi.world import World
from tests.support.attendants import Bystander

TEXT = r'''(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 2) (data (i32.const 4) "\ff\ff")
  (func (export "returns"))
  (func (export "exits") (call $exit (i32.const 3)))
  (func (export "floods")
    (loop (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))) (br 0)))
  (func (export "traps") unreachable))'''

sandbox = Sandbox()
code = os.memfd_create("code")
module = wasmtime.Module(sandbox._modules.engine, bytes(wasmtime.wat2wasm(TEXT)))
os.write(code, bytes(module.serialize()))
sandbox.load("d", code)
bounds = RunBounds(10**9, 5000, 1 << 20, 1 << 20, 100, 5000, 10**6, 1 << 20, 0, 0)
gc.disable()
ends = {}
for entry in ("returns", "exits", "floods", "traps"):
    report = sandbox.run(GuestOrder("d", entry, bounds), Bystander())
    worlds = sum(isinstance(thing, World) for thing in gc.get_objects())
    ends[entry] = [report.ending.code, worlds]
print(json.dumps(ends))
"""


def test_reading_on_in_a_folder_costs_what_it_answers() -> None:
    # With positions that are counted from the start each time, this would be quadratic.
    costs = []
    for entries in (100, 1_000):
        guest = Caller(Direct(world_of(scratch_bytes_max=MIB)))
        for number in range(entries):
            assert guest.open(3, b"%d" % number, CREAT, WRITE) is Errno.SUCCESS
            guest.call("fd_close", guest.number)
        assert guest.readdir(3, 0, 64) is Errno.SUCCESS
        costs.append(_steps_of(partial(guest.readdir, 3, 50, 64)))
    assert costs[0] == costs[1]


def test_links_of_many_parts_are_walked_once_each() -> None:
    # The worst there is: 40 links of 4,096 bytes, each as many parts as fit.
    scratch = Scratch(MIB, lambda: 0, on_full=lambda: None)
    detour = b"./" * 2040
    for number in range(39):
        scratch.new_link(scratch.top, b"%d" % number, detour + b"%d" % (number + 1))
    scratch.new_folder(scratch.top, b"39")
    finder = Finder(lambda _path: None)

    def walk() -> None:
        assert finder.find(scratch.top, detour + b"0", follow=True).name == b"39"

    assert _steps_of(walk) < 40 * 2041 * 12


def test_a_tree_as_deep_as_the_quota_is_made_moved_and_dropped() -> None:
    scratch = Scratch(MIB, lambda: 0, on_full=lambda: None)
    folder, depth = scratch.top, MIB // (NODE_BYTES + 1)
    for _ in range(depth):
        scratch.new_folder(folder, b"d")
        below = folder.entries[b"d"]
        assert isinstance(below, Folder)
        folder = below
    gone = weakref.ref(folder)
    del folder, below
    scratch.remove(scratch.top, b"d")
    assert gone() is None


def test_a_world_goes_without_the_garbage_collector() -> None:
    # A collector does not see that a few objects hold 64 MiB: children would grow and grow.
    gc.disable()
    try:
        world: World | None = world_of(scratch_bytes_max=MIB, artifacts_bytes_max=MIB)
        assert world is not None
        guest = Caller(Direct(world))
        guest.call("path_create_directory", 3, b"folder")
        guest.open(3, b"folder/file", CREAT, WRITE)
        guest.write(5, b"content")
        guest.open(4, b"kept", CREAT, WRITE)
        guest.readdir(3, 0, 30)
        guest.stat(3, b"../escape")
        assert world.scratch is not None
        assert world.artifacts is not None
        assert list(world.artifacts.files()) == ["kept"]
        tops = [weakref.ref(tree.top) for tree in world.trees.values()]
        gone = [weakref.ref(world)]
        del world, guest
        assert [reference() for reference in gone] == [None]
        assert [reference() for reference in tops] == [None, None]
    finally:
        gc.enable()


def test_no_run_leaves_its_world_to_the_garbage_collector() -> None:
    # In a process of its own: a sandbox takes over the signals of its process.
    found = subprocess.run(
        [sys.executable, "-c", _RUNS], cwd=_ROOT, capture_output=True, text=True, check=False
    )
    assert (found.returncode, found.stderr) == (0, "")
    assert json.loads(found.stdout) == {
        "returns": [None, 0],
        "exits": ["SPELL_FAILED", 0],
        "floods": ["OUTPUT_TOO_LARGE", 0],
        "traps": ["SPELL_TRAPPED", 0],
    }


def _steps_of(call: Callable[[], object]) -> int:
    steps = 0

    def count(_frame: FrameType, event: str, _argument: Any) -> Any:
        nonlocal steps
        steps += event == "line"
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        call()
    finally:
        sys.settrace(before)
    return steps

"""The callbacks under wasmtime: whatever happens in one, the guest goes on or ends as it must."""

import pytest
import wasmtime

from runner.sandbox.wasi import calls_process
from runner.sandbox.wasi.linking import WASI_CALLS
from runner.sandbox.wasi.world import World
from schema.limits import MIB
from tests.support.wasi_stage import End, Stage, world_of

_IMPORTS = """
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
"""
_REPORT = """
  (memory (export "memory") 1 3)
  (data (i32.const 0) "\\10\\00\\00\\00\\15\\00\\00\\00")
  (data (i32.const 16) "::progress {\\"a\\":[1]}\\0a")
"""


def _run(text: str, world: World) -> tuple[End, Stage]:
    """Run a module with these functions and data beside its imports."""
    stage = Stage()
    wasm = bytes(wasmtime.wat2wasm(f"(module {_IMPORTS} {text})"))
    return stage.run(wasmtime.Module(stage.engine, wasm), world), stage


def test_calls_at_every_depth_of_the_stack_have_room() -> None:
    # A guest uses up its own 512 KiB; what we do in a call is on the rest of the thread's stack.
    reports: list[object] = []
    world = world_of(on_progress=reports.append)
    text = f"""{_REPORT}
      (func $deeper
        (drop (call $write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 8)))
        (call $deeper) (drop (call $yield)))
      (func (export "_start") (call $deeper))"""
    end, _ = _run(text, world)
    assert isinstance(end.error, wasmtime.Trap)
    assert end.error.trap_code is wasmtime.TrapCode.STACK_OVERFLOW
    assert len(reports) > 1_000


def test_calls_see_the_memory_as_it_has_grown() -> None:
    text = """
      (memory (export "memory") 0 2)
      (func $fill (param i32) (result i32) (call $random (local.get 0) (i32.const 4)))
      (func (export "_start")
        (if (i32.ne (call $fill (i32.const 0)) (i32.const 21)) (then unreachable))
        (drop (memory.grow (i32.const 1)))
        (if (call $fill (i32.const 65532)) (then unreachable))
        (if (i32.eqz (i32.load (i32.const 65532))) (then unreachable))
        (if (i32.ne (call $fill (i32.const 65533)) (i32.const 21)) (then unreachable))
        (drop (memory.grow (i32.const 1)))
        (if (call $fill (i32.const 65534)) (then unreachable)))"""
    assert _run(text, world_of())[0].exit_code == 0


def test_no_view_of_a_memory_outlives_its_run() -> None:
    _, stage = _run(f'{_REPORT} (func (export "_start"))', world_of())
    assert len(stage.memories.view()) == 0
    assert stage.memories.limit_bytes == 512 * MIB


def test_a_guest_that_exits_runs_no_further() -> None:
    world = world_of()
    text = f"""{_REPORT}
      (func (export "_start") (call $exit (i32.const 7))
        (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))"""
    assert _run(text, world)[0].exit_code == 7
    assert not world.stdout.content


@pytest.mark.parametrize("fault", [KeyboardInterrupt, MemoryError, RecursionError, ValueError])
def test_a_fault_of_ours_ends_the_guest_and_is_told(
    monkeypatch: pytest.MonkeyPatch, fault: type[BaseException]
) -> None:
    def fail(_guest: object) -> None:
        raise fault

    monkeypatch.setitem(WASI_CALLS, "sched_yield", ("", fail))
    world = world_of()
    text = f"""{_REPORT}
      (func (export "_start") (drop (call $yield))
        (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))"""
    with pytest.raises(fault):
        _run(text, world)
    assert not world.stdout.content


def test_every_function_of_the_standard_is_there() -> None:
    assert len(WASI_CALLS) + len({"proc_exit"}) == 46
    assert WASI_CALLS["sched_yield"] == ("", calls_process.sched_yield)

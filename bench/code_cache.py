"""What it takes to make a module warm whose code is in memory: `python -m bench.code_cache`.

A hit is the whole way: a descriptor of the frozen code handed to a sandbox process, mapped and
linked there, and the answer back. Its floor is `Module.deserialize_file` on the same file in this
process, in the same run, alternating. The goal is 0.2 ms for a module of 1 MB.
"""

import hashlib
import random
import statistics
import time
from dataclasses import dataclass

import uvloop
import wasmtime

from runner.compiling.frozen_code import FrozenCode
from runner.compiling.local_compiler import compile_locally
from runner.processes.sandbox_process import SandboxProcess
from runner.sandbox.engine import build_engine
from runner.sandbox.guest_memory import GuestMemories

HIT_MS_MAX = 0.2
# What a program that reads and writes imports.
_IMPORTS = """
  (import "wasi_snapshot_preview1" "fd_read" (func (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func (param i32)))
"""
_FUNCTIONS = 1200
_STEPS = 60


@dataclass(frozen=True)
class CodeCacheFigures:
    """Medians and 90th percentiles of one run."""

    module_bytes: int
    code_bytes: int
    hit_ms_p50: float
    hit_ms_p90: float
    floor_ms_p50: float
    floor_ms_p90: float

    def lines(self) -> list[str]:
        """The figures for a person, and whether the goal is met."""
        verdict = "met" if self.hit_ms_p50 <= HIT_MS_MAX else "missed"
        return [
            f"module of {self.module_bytes:,} bytes, {self.code_bytes:,} bytes of code",
            f"hit in memory     p50 {self.hit_ms_p50:.3f} ms  p90 {self.hit_ms_p90:.3f} ms",
            f"deserialize_file  p50 {self.floor_ms_p50:.3f} ms  p90 {self.floor_ms_p90:.3f} ms",
            f"goal p50 <= {HIT_MS_MAX} ms: {verdict}",
        ]


def large_module() -> bytes:
    """About 1 MB of functions, no two alike, the same bytes each time."""
    dice = random.Random(1)  # noqa: S311 - must be the same each time
    functions = "".join(_function(number, dice) for number in range(_FUNCTIONS))
    return bytes(
        wasmtime.wat2wasm(
            f'(module {_IMPORTS} (memory (export "memory") 1)'
            f'{functions} (func (export "_start") (drop (call $f0 (i32.const 1)))))'
        )
    )


async def measure_code_cache(rounds: int = 500) -> CodeCacheFigures:
    """Load and drop one module again and again, in a sandbox process and in this one."""
    module = large_module()
    digest = f"sha256:{hashlib.sha256(module).hexdigest()}"
    code = await compile_locally(module)
    engine = build_engine(GuestMemories())
    process = await SandboxProcess.start()
    try:
        hits, floors = [], []
        for _ in range(rounds):
            floors.append(_deserialized_ms(engine, code))
            hits.append(await _loaded_ms(process, digest, code))
            await process.drop(digest)
    finally:
        await process.close()
    return CodeCacheFigures(
        len(module), code.size_bytes, *_percentiles(hits), *_percentiles(floors)
    )


async def _loaded_ms(process: SandboxProcess, digest: str, code: FrozenCode) -> float:
    began = time.perf_counter()
    await process.load(digest, code)
    return (time.perf_counter() - began) * 1000


def _deserialized_ms(engine: wasmtime.Engine, code: FrozenCode) -> float:
    with code.lent() as descriptor:
        began = time.perf_counter()
        module = wasmtime.Module.deserialize_file(engine, f"/proc/self/fd/{descriptor}")
        elapsed = time.perf_counter() - began
        module.close()
    return elapsed * 1000


def _percentiles(samples: list[float]) -> tuple[float, float]:
    tenths = statistics.quantiles(samples, n=10)
    return statistics.median(samples), tenths[-1]


def _function(number: int, dice: random.Random) -> str:
    steps = "".join(
        f"(local.set 0 (i32.rotl (i32.add (local.get 0) (i32.const {dice.randrange(1 << 30)}))"
        f" (i32.const {dice.randrange(1, 31)})))"
        for _ in range(_STEPS)
    )
    return f"(func $f{number} (param i32) (result i32) {steps} (local.get 0))"


async def _main() -> None:
    print("\n".join((await measure_code_cache()).lines()))


if __name__ == "__main__":
    uvloop.run(_main())

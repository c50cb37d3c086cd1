"""Ways to run one small program in a fresh sandbox, each in a process of its own.

`python -m bench.runner_contenders <name>` prints `ready`, then reads how often to run, runs, and
prints the seconds that it took; `bench.runner` lets the contenders take turns.

Each call is in a new instance, with nothing kept but compiled code, and its output is compared.
Most run `programs/hello.wasm`: C, 2.7 KB, the C library's output. Extism drops what a WASI program
writes, so a second pair compares small programs that do the same by each host's own functions:
`hello_wasi.wat` here, `hello_extism.wat` there. Extism's plugins have no fuel here.
"""

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvloop
import wasmtime

from runner.compiling.frozen_code import FrozenCode
from runner.processes.guest_run import Finished, GuestRun
from runner.processes.sandbox_process import SandboxProcess
from runner.sandbox.endings import RunBounds
from runner.sandbox.engine import build_engine
from runner.sandbox.guest_memory import GuestMemories
from runner.sandbox.sandbox import GuestOrder, Sandbox
from schema import limits
from schema.contracts.run import RunLimits

PROGRAMS = Path(__file__).parent / "programs"
OUTPUT = b'{"hello":"world"}'
LIMITS = RunLimits(
    fuel=100_000_000,
    timeout_ms=10_000,
    memory_bytes_max=64 * limits.MIB,
    output_bytes_max=limits.MIB,
)
Run = Callable[[int], None]


def hello() -> bytes:
    """The program that is measured."""
    return (PROGRAMS / "hello.wasm").read_bytes()


def sandbox(wasm: bytes) -> Run:
    """Our sandbox, in process."""
    inside = Sandbox()
    with _compiled(wasm).lent() as code:
        inside.load("hello", code)
    order = GuestOrder("hello", "_start", RunBounds(**LIMITS.model_dump()))
    return _repeat(lambda: inside.run(order, _Nobody()).output)


def direct() -> Run:
    """The same loop on the public API of wasmtime-py, with the same three kinds of limits."""
    config = wasmtime.Config()
    config.consume_fuel = True
    config.epoch_interruption = True
    engine = wasmtime.Engine(config)
    linker = wasmtime.Linker(engine)
    linker.define_wasi()
    instance_pre = linker.instantiate_pre(wasmtime.Module(engine, hello()))
    folder = tempfile.TemporaryDirectory(dir="/dev/shm")
    handle = os.open(f"{folder.name}/stdout", os.O_RDONLY | os.O_CREAT)

    def call() -> bytes:
        with wasmtime.Store(engine) as store:
            store.set_limits(
                memory_size=LIMITS.memory_bytes_max, instances=1, tables=16, memories=1
            )
            store.set_fuel(LIMITS.fuel)
            store.set_epoch_deadline(1)
            wasi = wasmtime.WasiConfig()
            wasi.argv = ["spell"]
            wasi.stdout_file = f"{folder.name}/stdout"  # is emptied when it is opened
            store.set_wasi(wasi)
            start = instance_pre.instantiate(store).exports(store)["_start"]
            assert isinstance(start, wasmtime.Func)
            start(store)
        return os.pread(handle, len(OUTPUT) + 1, 0)

    return _repeat(call)


def extism(wasm: bytes, entry: str, output: bytes, *, wasi: bool) -> Run:
    """A new Extism plugin for each call, from a module that it has compiled."""
    from extism import Plugin  # noqa: PLC0415 - only this process needs it
    from extism.extism import CompiledPlugin  # noqa: PLC0415

    compiled = CompiledPlugin(wasm, wasi=wasi, functions=[])
    return _repeat(lambda: bytes(Plugin(compiled, wasi=wasi).call(entry, b"")), output)


def command_line() -> Run:
    """A new process of the wasmtime CLI for each call, with code compiled before."""
    folder = tempfile.TemporaryDirectory()
    program = _wasmtime_cli(Path(folder.name))
    compile_once: list[str | Path] = [
        program,
        "compile",
        PROGRAMS / "hello.wasm",
        "-o",
        f"{folder.name}/hello",
    ]
    subprocess.run(compile_once, check=True)  # noqa: S603

    def call() -> bytes:
        command: list[str | Path] = [program, "run", "--allow-precompiled", f"{folder.name}/hello"]
        return subprocess.run(command, check=True, capture_output=True).stdout  # noqa: S603

    return _repeat(call)


def supervised(children: int, wasm: bytes, output: bytes) -> Run:
    """Sandbox processes through the supervisor's protocol, each kept busy."""
    loop = asyncio.Runner(loop_factory=uvloop.new_event_loop)

    async def start() -> list[SandboxProcess]:
        processes = [await SandboxProcess.start() for _ in range(children)]
        for process in processes:
            await process.load("program", _compiled(wasm))
        return processes

    processes = loop.run(start())
    guest = GuestRun(module_digest="program", entry="_start", bounds=LIMITS)

    async def lane(process: SandboxProcess, count: int) -> None:
        for _ in range(count):
            end = await process.run(guest, _Nobody())
            assert isinstance(end, Finished)
            assert end.output == output

    async def lanes(count: int) -> None:
        await asyncio.gather(*(lane(process, count // children) for process in processes))

    return lambda count: loop.run(lanes(count))


CONTENDERS: dict[str, Callable[[], Run]] = {
    "sandbox": lambda: sandbox(hello()),
    "sandbox, second": lambda: sandbox(hello()),
    "sandbox, small": lambda: sandbox(_text("hello_wasi")),
    "wasmtime-py": direct,
    "extism": lambda: extism(hello(), "_start", b"", wasi=True),
    "extism, small": lambda: extism(_text("hello_extism"), "hello", OUTPUT, wasi=False),
    "command line": command_line,
    "protocol, 1 child": lambda: supervised(1, hello(), OUTPUT),
    "protocol, 2 children": lambda: supervised(2, hello(), OUTPUT),
    "busy, 1 child": lambda: supervised(1, _text("busy"), b""),
    "busy, 2 children": lambda: supervised(2, _text("busy"), b""),
}


class _Nobody:
    """An attendant whom no guest here turns to."""

    def report_progress(self, report: dict[str, Any]) -> None:
        raise AssertionError(report)

    def fetch(self, request: dict[str, Any], body: bytes) -> Any:
        raise AssertionError(request, body)


def _repeat(call: Callable[[], bytes], wanted: bytes = OUTPUT) -> Run:
    def run(count: int) -> None:
        for _ in range(count):
            output = call()
            assert output == wanted, output

    return run


def _text(name: str) -> bytes:
    return bytes(wasmtime.wat2wasm((PROGRAMS / f"{name}.wat").read_text("utf-8")))


def _compiled(wasm: bytes) -> FrozenCode:
    return FrozenCode.of(bytes(wasmtime.Module(build_engine(GuestMemories()), wasm).serialize()))


def _wasmtime_cli(folder: Path) -> Path:
    """The binary of the wheel, which is not executable there."""
    import wasmtime_cli  # noqa: PLC0415 - only this process needs it

    copy = folder / "wasmtime"
    shutil.copy(Path(wasmtime_cli.__file__).parent / "wasmtime", copy)
    copy.chmod(0o755)
    return copy


def main() -> None:
    """Take turns as the parent says."""
    run = CONTENDERS[sys.argv[1]]()
    run(10)
    print("ready", flush=True)
    for line in sys.stdin:
        began = time.perf_counter()
        run(int(line))
        print(time.perf_counter() - began, flush=True)


if __name__ == "__main__":
    main()

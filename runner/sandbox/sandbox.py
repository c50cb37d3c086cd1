"""Runs guests: a fresh store, memory and instance for each; only compiled code is shared."""

import ctypes
import math
import resource
import time
from dataclasses import dataclass, field

import wasmtime
from wasmtime import _ffi as ffi

from runner.sandbox.alarm import Alarm
from runner.sandbox.captures import Capture
from runner.sandbox.endings import Ending, RunBounds, ending_of
from runner.sandbox.engine import build_engine
from runner.sandbox.guest_memory import GuestMemories
from runner.sandbox.module_checks import check_entry, check_imports
from schema import limits

_CPU_SLACK_SECONDS = 5


class StaleCodeError(Exception):
    """The compiled code is of another engine or processor; compile it again."""


@dataclass(frozen=True)
class Report:
    """What one run did. Times are rounded up; fuel and memory are exact."""

    ending: Ending
    fuel: int
    wall_ms: int
    cpu_ms: int
    memory_bytes_peak: int
    output_bytes: int
    stderr_bytes: int
    output: bytes
    stderr: bytes


@dataclass(frozen=True)
class _Loaded:
    module: wasmtime.Module
    instance_pre: wasmtime.InstancePre
    checked_entries: set[str] = field(default_factory=set)


class Sandbox:
    """One engine, its warm modules, and the way to run a guest.

    There is one per process: output limits, the alarm and memory accounting are the process's.
    """

    def __init__(self) -> None:
        self._memories = GuestMemories()
        self._engine = build_engine(self._memories)
        self._linker = wasmtime.Linker(self._engine)
        self._linker.define_wasi()
        self._loaded: dict[str, _Loaded] = {}
        self._output = Capture("stdout")
        self._stderr = Capture("stderr")
        self._alarm = Alarm(self._engine.increment_epoch)

    def load(self, digest: str, code: int) -> None:
        """Make a module warm.

        Args:
            digest: what `run` will call it.
            code: descriptor of a sealed file with code compiled by the same engine settings. It is
                mapped, and trusted: whoever hands it over has checked where it came from.

        Raises:
            StaleCodeError: the code does not fit this engine.
            ModuleRefusedError: the module imports what the sandbox does not offer.
        """
        try:
            module = wasmtime.Module.deserialize_file(self._engine, f"/proc/self/fd/{code}")
        except wasmtime.WasmtimeError as error:
            raise StaleCodeError(str(error)) from error
        self._loaded[digest] = _Loaded(module, check_imports(self._linker, module))

    def drop(self, digest: str) -> None:
        """Forget a module."""
        self._loaded.pop(digest, None)

    def run(self, digest: str, entry: str, bounds: RunBounds, stdin: bytes) -> Report:
        """Run a loaded module's entry point in a fresh instance.

        Raises:
            ModuleRefusedError: the entry point is not there; nothing ran.
        """
        loaded = self._loaded[digest]
        if entry not in loaded.checked_entries:
            check_entry(loaded.module, entry)
            loaded.checked_entries.add(entry)
        _limit_process(bounds)
        self._memories.begin_run(bounds.memory_bytes_max)
        with wasmtime.Store(self._engine) as store:
            self._prepare(store, bounds, stdin)
            wall, cpu = time.monotonic_ns(), time.process_time_ns()
            error = self._call(loaded.instance_pre, store, entry, bounds)
            cpu, wall = time.process_time_ns() - cpu, time.monotonic_ns() - wall
            fuel = bounds.fuel - store.get_fuel()
        try:
            return self._report(error, bounds, fuel, wall, cpu)
        finally:
            self._output.clear()
            self._stderr.clear()

    def _prepare(self, store: wasmtime.Store, bounds: RunBounds, stdin: bytes) -> None:
        # Memory has no limit here: GuestMemories holds it, and knows of every growth it denies.
        store.set_limits(
            table_elements=limits.TABLE_ELEMENTS_MAX, instances=1, tables=16, memories=1
        )
        store.set_fuel(bounds.fuel)
        store.set_epoch_deadline(1)
        wasi = wasmtime.WasiConfig()
        wasi.argv = ["spell"]
        wasi.stdout_file = self._output.path
        wasi.stderr_file = self._stderr.path
        _set_stdin(wasi, stdin)
        store.set_wasi(wasi)

    def _call(
        self, pre: wasmtime.InstancePre, store: wasmtime.Store, entry: str, bounds: RunBounds
    ) -> Exception | None:
        try:
            with self._alarm.armed(bounds.timeout_ms / 1000):
                # Instantiation is guest code too: start functions run in it.
                function = pre.instantiate(store).exports(store)[entry]
                assert isinstance(function, wasmtime.Func)
                function(store)
        except (wasmtime.WasmtimeError, wasmtime.Trap) as error:
            return error
        return None

    def _report(
        self, error: Exception | None, bounds: RunBounds, fuel: int, wall_ns: int, cpu_ns: int
    ) -> Report:
        written = self._output.size_bytes()
        stderr = self._stderr.read(bounds.stderr_bytes_max)
        ending = ending_of(error, bounds, memory_denied=self._memories.denied, output_bytes=written)
        return Report(
            ending=ending,
            fuel=fuel,
            wall_ms=_milliseconds(wall_ns),
            cpu_ms=_milliseconds(cpu_ns),
            memory_bytes_peak=self._memories.peak_bytes,
            output_bytes=min(written, bounds.output_bytes_max),
            stderr_bytes=len(stderr),
            output=b"" if ending.code else self._output.read(bounds.output_bytes_max),
            stderr=stderr,
        )


def _limit_process(bounds: RunBounds) -> None:
    """Bound by the kernel what this run may write, and the processor time of this process.

    The file size limit is one byte more than allowed, which shows that the guest wanted more.
    stdout and stderr share it, so the larger counts here; `_report` cuts to each one's own. The
    processor time only ends a process that has lost its alarm and its supervisor.
    """
    _set_soft_limit(
        resource.RLIMIT_FSIZE, max(bounds.output_bytes_max, bounds.stderr_bytes_max) + 1
    )
    spent_seconds = time.process_time() + bounds.timeout_ms / 1000
    _set_soft_limit(resource.RLIMIT_CPU, math.ceil(spent_seconds) + _CPU_SLACK_SECONDS)


def _set_soft_limit(kind: int, value: int) -> None:
    _, hard = resource.getrlimit(kind)
    resource.setrlimit(kind, (value, hard))


def _set_stdin(wasi: wasmtime.WasiConfig, content: bytes) -> None:
    """Give the guest these bytes to read.

    The public API takes a file only, and reads it on another thread: 225 us a run against 140.
    """
    content_vector = ffi.wasm_byte_vec_t()
    buffer = (ctypes.c_uint8 * len(content)).from_buffer_copy(content)
    ffi.wasm_byte_vec_new(ctypes.byref(content_vector), len(content), buffer)
    ffi.wasi_config_set_stdin_bytes(wasi.ptr(), ctypes.byref(content_vector))


def _milliseconds(nanoseconds: int) -> int:
    return -(-nanoseconds // 1_000_000)

"""Runs guests: a fresh store, memory, instance and world for each; only code is shared."""

import math
import resource
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import wasmtime

from runner.sandbox.alarm import Alarm
from runner.sandbox.endings import Ending, RunBounds, ending_of
from runner.sandbox.engine import build_engine
from runner.sandbox.entry_call import call_entry
from runner.sandbox.guest_memory import GuestMemories
from runner.sandbox.module_checks import check_entry, check_imports
from runner.sandbox.wasi.clocks import (
    Chance,
    Clock,
    RealChance,
    RealClock,
    SeededChance,
    SeededClock,
)
from runner.sandbox.wasi.files import Folder, read_only_tree
from runner.sandbox.wasi.guest import Guest
from runner.sandbox.wasi.linking import HostFunctions
from runner.sandbox.wasi.memory import GuestMemory
from runner.sandbox.wasi.network import RelayedNetwork
from runner.sandbox.wasi.world import World
from schema import limits
from schema.violations import ViolationKind

_CPU_SLACK_SECONDS = 5
_STORE_LIMITS = {
    "table_elements": limits.TABLE_ELEMENTS_MAX,
    "instances": 1,
    "tables": 16,
    "memories": 1,
}
_RESOURCES_KEPT_MAX = 8


class StaleCodeError(Exception):
    """The compiled code is of another engine or processor; compile it again."""


class Attendant(Protocol):
    """Whoever the guest can turn to while it runs."""

    def report_progress(self, report: dict[str, Any]) -> None:
        """Take a progress report."""

    def fetch(self, request: dict[str, Any], body: bytes) -> tuple[dict[str, Any], bytes]:
        """Send a request to another host and wait for the answer."""


@dataclass(frozen=True)
class GuestOrder:
    """One run: what to call, under which limits, with what in reach."""

    digest: str
    entry: str
    bounds: RunBounds
    stdin: bytes = b""
    environment: Mapping[str, str] = field(default_factory=dict)
    deterministic: bool = True
    seed: bytes = bytes(32)
    clock_unix_ms: int = 0
    resources: str | None = None
    """Name of a tree that was provided."""
    network: bool = False


@dataclass(frozen=True)
class Report:
    """What one run did. Times are rounded up; all else is exact."""

    ending: Ending
    fuel: int
    wall_ms: int
    cpu_ms: int
    waited_ms: int
    """Part of the wall time in which the guest slept or waited for the network."""
    memory_bytes_peak: int
    output_bytes: int
    stderr_bytes: int
    host_calls: int
    scratch_bytes_peak: int
    net_requests: int
    net_bytes: int
    violations: dict[tuple[ViolationKind, str], int]
    output: bytes
    stderr: bytes


@dataclass(frozen=True)
class _Loaded:
    module: wasmtime.Module
    instance_pre: wasmtime.InstancePre
    checked_entries: set[str] = field(default_factory=set)


class Sandbox:
    """One engine, its warm modules, and the way to run a guest.

    There is one per process: the alarm and memory accounting are the process's.
    """

    def __init__(self) -> None:
        self._memories = GuestMemories()
        self._engine = build_engine(self._memories)
        self._guest = Guest(GuestMemory(self._memories.view))
        self._functions = HostFunctions(self._guest)
        self._linker = wasmtime.Linker(self._engine)
        self._functions.define(self._linker)
        self._loaded: dict[str, _Loaded] = {}
        self._trees: dict[str, Folder] = {}
        self._alarm = Alarm(self._engine.increment_epoch)

    def load(self, digest: str, code: int) -> None:
        """Make a module warm.

        Args:
            digest: what `run` will call it.
            code: descriptor of a frozen file with code compiled by the same engine settings. It is
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

    def provide(self, name: str, files: Mapping[str, bytes]) -> None:
        """Keep a tree of resources for the runs that name it; the oldest make room."""
        self._trees[name] = read_only_tree(files)
        if len(self._trees) > _RESOURCES_KEPT_MAX:
            del self._trees[next(iter(self._trees))]

    def run(self, order: GuestOrder, attendant: Attendant) -> Report:
        """Run a loaded module's entry point in a fresh instance.

        Raises:
            ModuleRefusedError: the entry point is not there; nothing ran.
        """
        loaded, bounds = self._loaded[order.digest], order.bounds
        if order.entry not in loaded.checked_entries:
            check_entry(loaded.module, order.entry)
            loaded.checked_entries.add(order.entry)
        _limit_processor_time(bounds)
        self._memories.begin_run(bounds.memory_bytes_max)
        self._functions.counter.begin_run(bounds.host_calls_max)
        world = self._guest.world = self._world(order, attendant)
        with wasmtime.Store(self._engine) as store:
            # Memory has no limit here: GuestMemories holds it, and knows of every denied growth.
            store.set_limits(**_STORE_LIMITS)
            store.set_fuel(bounds.fuel)
            store.set_epoch_deadline(1)
            wall, cpu = time.monotonic_ns(), time.process_time_ns()
            error = self._call(loaded.instance_pre, store, order)
            cpu, wall = time.process_time_ns() - cpu, time.monotonic_ns() - wall
            fuel = bounds.fuel - store.get_fuel()
        return self._report(error, world, bounds, fuel, wall, cpu)

    def _world(self, order: GuestOrder, attendant: Attendant) -> World:
        clock: Clock = RealClock(self._alarm.pause)
        chance: Chance = RealChance()
        if order.deterministic:
            clock, chance = SeededClock(order.clock_unix_ms), SeededChance(order.seed)
        world = World(
            stdin=order.stdin,
            output_bytes_max=order.bounds.output_bytes_max,
            stderr_bytes_max=order.bounds.stderr_bytes_max,
            environment=order.environment,
            clock=clock,
            chance=chance,
            resources=self._trees[order.resources] if order.resources else None,
            scratch_bytes_max=order.bounds.scratch_bytes_max,
            on_progress=attendant.report_progress,
        )
        if order.network:
            world.network = RelayedNetwork(
                attendant.fetch, order.bounds.net_requests_max, world.violations.note
            )
        return world

    def _call(
        self, pre: wasmtime.InstancePre, store: wasmtime.Store, order: GuestOrder
    ) -> Exception | None:
        bounds = order.bounds
        processor_seconds = (
            bounds.cpu_ms_max / 1000 if bounds.cpu_ms_max < bounds.timeout_ms else None
        )
        try:
            with self._alarm.armed(bounds.timeout_ms / 1000, processor_seconds):
                # Instantiation is guest code too: start functions run in it.
                call_entry(store, pre.instantiate(store), order.entry)
        except (wasmtime.WasmtimeError, wasmtime.Trap) as error:
            return error
        return None

    def _report(
        self,
        error: Exception | None,
        world: World,
        bounds: RunBounds,
        fuel: int,
        wall_ns: int,
        cpu_ns: int,
    ) -> Report:
        counter = self._functions.counter
        if counter.fault is not None:
            raise counter.fault
        world.stderr.close()
        if self._memories.denied:
            world.violations.note(ViolationKind.MEMORY_DENIED)
        if counter.calls > counter.calls_max:
            world.violations.note(ViolationKind.HOST_CALLS)
        violations = world.violations.counts
        ending = ending_of(error, counter.end, self._alarm.reason, bounds, violations)
        network, scratch = world.network, world.scratch
        waited_ns = world.clock.waited_ns + (network.waited_ns if network else 0)
        return Report(
            ending=ending,
            fuel=fuel,
            wall_ms=_milliseconds(wall_ns),
            cpu_ms=_milliseconds(cpu_ns),
            waited_ms=_milliseconds(waited_ns),
            memory_bytes_peak=self._memories.peak_bytes,
            output_bytes=len(world.stdout.content),
            stderr_bytes=len(world.stderr.content),
            host_calls=min(counter.calls, counter.calls_max),
            scratch_bytes_peak=scratch.bytes_peak if scratch else 0,
            net_requests=network.requests if network else 0,
            net_bytes=network.bytes_used if network else 0,
            violations=violations,
            output=b"" if ending.code else bytes(world.stdout.content),
            stderr=bytes(world.stderr.content),
        )


def _limit_processor_time(bounds: RunBounds) -> None:
    """Let the kernel end a process that has lost its alarm and its supervisor."""
    spent_seconds = time.process_time() + bounds.timeout_ms / 1000
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    soft = math.ceil(spent_seconds) + _CPU_SLACK_SECONDS
    resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


def _milliseconds(nanoseconds: int) -> int:
    return -(-nanoseconds // 1_000_000)

"""Runs guests: a fresh store, memory, instance and world for each; only code is shared."""

import math
import resource
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import wasmtime

from runner.sandbox.alarm import Alarm
from runner.sandbox.components import Components, is_component_code
from runner.sandbox.core_modules import CoreModules
from runner.sandbox.endings import Ending, RunBounds, ending_of
from runner.sandbox.guest_memory import GuestMemories
from runner.sandbox.wasi.abi import GuestEnd
from runner.sandbox.wasi.clocks import (
    Chance,
    Clock,
    RealChance,
    RealClock,
    SeededChance,
    SeededClock,
)
from runner.sandbox.wasi.files import Folder, read_only_tree
from runner.sandbox.wasi.network import RelayedNetwork
from runner.sandbox.wasi.world import World
from schema.packaging.artifact_archive import write_artifacts
from schema.violations import ViolationKind

_CPU_SLACK_SECONDS = 5


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
    violations: dict[tuple[ViolationKind, str], int]
    output: bytes
    stderr: bytes
    artifact_bytes: int
    artifacts: bytes
    """The archive of what a success left to be kept; nothing when it left nothing."""


class Program(Protocol):
    """A warm module of either kind."""

    @property
    def engine(self) -> wasmtime.Engine:
        """What it was compiled for."""

    @property
    def store_limits(self) -> Mapping[str, int]:
        """How much of what wasmtime counts a run of it may have."""

    def check_entry(self, entry: str) -> None:
        """Find the entry point. Raises ModuleRefusedError."""

    def call(self, store: wasmtime.Store, entry: str, world: World) -> None:
        """Run it in a fresh instance. Raises WasmtimeError, Trap or GuestEnd for other ends."""


class Sandbox:
    """The engines, their warm modules, and the way to run a guest.

    There is one per process: the alarm and memory accounting are the process's.
    """

    def __init__(self) -> None:
        self._memories = GuestMemories()
        self._modules = CoreModules(self._memories)
        self._counter = self._modules.counter
        self._components = Components(self._memories, self._counter)
        self._loaded: dict[str, Program] = {}
        self._trees: dict[str, Folder] = {}
        self._alarm = Alarm(self._interrupt)

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
        kind = self._components if is_component_code(code) else self._modules
        try:
            self._loaded[digest] = kind.load(f"/proc/self/fd/{code}")
        except wasmtime.WasmtimeError as error:
            raise StaleCodeError(str(error)) from error

    def drop(self, digest: str) -> None:
        """Forget a module."""
        self._loaded.pop(digest, None)

    def provide(self, name: str, files: Mapping[str, bytes]) -> None:
        """Keep a tree of resources for the runs that name it."""
        self._trees[name] = read_only_tree(files)

    def withdraw(self, name: str) -> None:
        """Forget a tree of resources."""
        self._trees.pop(name, None)

    def run(self, order: GuestOrder, attendant: Attendant) -> Report:
        """Run a loaded module's entry point in a fresh instance.

        Raises:
            ModuleRefusedError: the entry point is not there; nothing ran.
        """
        program, bounds = self._loaded[order.digest], order.bounds
        program.check_entry(order.entry)
        _limit_processor_time(bounds)
        self._memories.begin_run(bounds.memory_bytes_max)
        self._counter.begin_run(bounds.host_calls_max)
        world = self._world(order, attendant)
        with wasmtime.Store(program.engine) as store:
            # Memory has no limit here: GuestMemories holds it, and knows of every denied growth.
            store.set_limits(**program.store_limits)
            store.set_fuel(bounds.fuel)
            store.set_epoch_deadline(1)
            wall, cpu = time.monotonic_ns(), time.process_time_ns()
            error = self._call(program, store, world, order)
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
            artifacts_bytes_max=order.bounds.artifacts_bytes_max,
            on_progress=attendant.report_progress,
        )
        if order.network:
            world.network = RelayedNetwork(
                attendant.fetch, order.bounds.net_requests_max, world.violations.note
            )
        return world

    def _call(
        self, program: Program, store: wasmtime.Store, world: World, order: GuestOrder
    ) -> Exception | None:
        bounds = order.bounds
        processor_seconds = (
            bounds.cpu_ms_max / 1000 if bounds.cpu_ms_max < bounds.timeout_ms else None
        )
        try:
            with self._alarm.armed(bounds.timeout_ms / 1000, processor_seconds):
                program.call(store, order.entry, world)
        except GuestEnd as end:
            # A call that ended the guest came first, and is the cause of what came after.
            self._counter.end = self._counter.end or end.with_traceback(None)
        except (wasmtime.WasmtimeError, wasmtime.Trap) as error:
            # The frames of the traceback would hold the world until the garbage collector comes.
            return error.with_traceback(None)
        return None

    def _interrupt(self) -> None:
        self._modules.engine.increment_epoch()
        self._components.engine.increment_epoch()

    def _report(
        self,
        error: Exception | None,
        world: World,
        bounds: RunBounds,
        fuel: int,
        wall_ns: int,
        cpu_ns: int,
    ) -> Report:
        counter = self._counter
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
        left = world.artifacts.files() if world.artifacts and not ending.code else {}
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
            violations=violations,
            output=b"" if ending.code else bytes(world.stdout.content),
            stderr=bytes(world.stderr.content),
            artifact_bytes=sum(map(len, left.values())),
            artifacts=write_artifacts(left),
        )


def _limit_processor_time(bounds: RunBounds) -> None:
    """Let the kernel end a process that has lost its alarm and its supervisor."""
    spent_seconds = time.process_time() + bounds.timeout_ms / 1000
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    soft = math.ceil(spent_seconds) + _CPU_SLACK_SECONDS
    resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


def _milliseconds(nanoseconds: int) -> int:
    return -(-nanoseconds // 1_000_000)

"""An engine whose guests see the worlds that a test builds, and what came of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import wasmtime

from runner.sandbox.engine import build_engine
from runner.sandbox.guest_memory import GuestMemories
from runner.sandbox.wasi.clocks import SeededChance, SeededClock
from runner.sandbox.wasi.guest import Guest
from runner.sandbox.wasi.linking import HostFunctions
from runner.sandbox.wasi.memory import GuestMemory
from runner.sandbox.wasi.world import World
from schema.limits import MIB

FUEL = 10_000_000_000
STARTED_UNIX_MS = 1_700_000_000_000


def world_of(
    *,
    stdin: bytes = b"",
    environment: Mapping[str, str] | None = None,
    scratch_bytes_max: int = 0,
    artifacts_bytes_max: int = 0,
    **others: Any,
) -> World:
    """A world like that of a deterministic run, with what a test names."""
    given: dict[str, Any] = {
        "stdin": stdin,
        "output_bytes_max": MIB,
        "stderr_bytes_max": MIB,
        "environment": environment or {},
        "clock": SeededClock(STARTED_UNIX_MS),
        "chance": SeededChance(bytes(32)),
        "resources": None,
        "scratch_bytes_max": scratch_bytes_max,
        "artifacts_bytes_max": artifacts_bytes_max,
        "on_progress": lambda _report: None,
    }
    return World(**{**given, **others})


@dataclass(frozen=True)
class End:
    """How a guest ended: an exit code, or else the error that it died of."""

    exit_code: int | None
    error: Exception | None


class Stage:
    """Runs guests as `Sandbox` does, with a world of the test's."""

    def __init__(self) -> None:
        self.memories = GuestMemories()
        self.engine = build_engine(self.memories)
        self.guest = Guest(GuestMemory(self.memories.view))
        self.functions = HostFunctions(self.guest)
        self.linker = wasmtime.Linker(self.engine)
        self.functions.define(self.linker)

    def new_store(self, world: World) -> wasmtime.Store:
        """A store for one guest that lives in this world."""
        self.memories.begin_run(512 * MIB)
        self.functions.counter.begin_run(100_000_000)
        self.guest.world = world
        store = wasmtime.Store(self.engine)
        store.set_fuel(FUEL)
        store.set_epoch_deadline(1)
        return store

    def run(self, module: wasmtime.Module, world: World) -> End:
        """Run a command from its beginning to its end."""
        error: Exception | None = None
        with self.new_store(world) as store:
            try:
                instance = self.linker.instantiate(store, module)
                start = instance.exports(store)["_start"]
                assert isinstance(start, wasmtime.Func)
                start(store)
            except (wasmtime.Trap, wasmtime.WasmtimeError) as caught:
                error = caught
        counter = self.functions.counter
        if counter.fault is not None:
            raise counter.fault
        if counter.end is not None:
            return End(counter.end.details.get("exit_code", 0), None)
        return End(0 if error is None else None, error)

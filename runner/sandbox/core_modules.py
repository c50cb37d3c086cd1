"""Core modules: commands of WASI preview 1."""

from dataclasses import dataclass, field

import wasmtime

from runner.sandbox.engine import build_engine
from runner.sandbox.entry_call import call_entry
from runner.sandbox.guest_memory import GuestMemories
from runner.sandbox.module_checks import check_entry, check_imports
from runner.sandbox.wasi.guest import Guest
from runner.sandbox.wasi.linking import HostFunctions
from runner.sandbox.wasi.memory import GuestMemory
from runner.sandbox.wasi.world import World
from schema import limits

_STORE_LIMITS = {
    "table_elements": limits.TABLE_ELEMENTS_MAX,
    "instances": 1,
    "tables": 16,
    "memories": 1,
}


class CoreModules:
    """The engine of core modules, and what they can import.

    Args:
        memories: where their memories live.
    """

    def __init__(self, memories: GuestMemories) -> None:
        self.engine = build_engine(memories)
        self._guest = Guest(GuestMemory(memories.view))
        functions = HostFunctions(self._guest)
        self.counter = functions.counter
        self._linker = wasmtime.Linker(self.engine)
        functions.define(self._linker)

    def load(self, path: str) -> "CoreModule":
        """A module that can run.

        Args:
            path: of its compiled code.

        Raises:
            WasmtimeError: the code does not fit this engine.
            ModuleRefusedError: the module imports what the sandbox does not offer.
        """
        module = wasmtime.Module.deserialize_file(self.engine, path)
        return CoreModule(self.engine, self._guest, module, check_imports(self._linker, module))


@dataclass(frozen=True)
class CoreModule:
    """A warm core module."""

    engine: wasmtime.Engine
    guest: Guest
    module: wasmtime.Module
    instance_pre: wasmtime.InstancePre
    checked_entries: set[str] = field(default_factory=set)
    store_limits = _STORE_LIMITS

    def check_entry(self, entry: str) -> None:
        """Find the entry point. Raises ModuleRefusedError."""
        if entry not in self.checked_entries:
            check_entry(self.module, entry)
            self.checked_entries.add(entry)

    def call(self, store: wasmtime.Store, entry: str, world: World) -> None:
        """Run the entry point in a fresh instance.

        Raises:
            WasmtimeError, Trap: how it ended, unless it returned.
        """
        self.guest.world = world
        try:
            # Instantiation is guest code too: start functions run in it.
            call_entry(store, self.instance_pre.instantiate(store), entry)
        finally:
            # The world goes, with all its bytes, when its run does.
            del self.guest.world

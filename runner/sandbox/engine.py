"""The wasmtime configurations of the platform, and the name they go by in verdicts.

Every setting that can change what a program computes or what fuel it takes is written down here,
so that the digest of these tables, with wasmtime's version, names the machine that a cast ran on.
Combinations matter: some make wasmtime abort the whole process (design/facts/wasm.md 1).
"""

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version

import wasmtime
from wasmtime import _ffi as ffi

from runner.sandbox.guest_memory import GuestMemories
from schema import limits

_SETTINGS: dict[str, bool | int | str] = {
    # Limits: all three kinds are needed (fuel, wall clock, stack).
    "consume_fuel": True,
    "epoch_interruption": True,
    "max_wasm_stack": limits.STACK_BYTES,
    # The same bits on every machine.
    "cranelift_nan_canonicalization": True,
    "wasm_relaxed_simd_deterministic": True,
    # What a spell does not need is attack surface.
    "wasm_threads": False,
    "wasm_memory64": False,
    "wasm_multi_memory": False,
    "wasm_gc": False,
    # Exceptions live on the heap of a collector: a second memory, which a process has no room for.
    "wasm_exceptions": False,
    "wasm_function_references": False,
    "wasm_custom_page_sizes": False,
    "wasm_stack_switching": False,
    "wasm_component_model": False,
    # Copy-on-write images need wasmtime's own memories, and panic with ours (guest_memory.py).
    "memory_init_cow": False,
}
# Components are made of modules that are glued together by code of wasmtime's own, which copies
# from one memory to the other; without the feature wasmtime aborts on it.
_COMPONENT_SETTINGS = {**_SETTINGS, "wasm_component_model": True, "wasm_multi_memory": True}
# Raised when the sandbox around the engine changes what a program can observe.
_SANDBOX_REVISION = 3


def build_engine(memories: GuestMemories, *, parallel_compilation: bool = False) -> wasmtime.Engine:
    """An engine for core modules, whose guests live in these memories.

    Args:
        memories: must outlive the engine.
        parallel_compilation: compile on all cores; the compiled bytes are the same.
    """
    config = _configured(_SETTINGS, memories, parallel_compilation=parallel_compilation)
    return wasmtime.Engine(config)


def build_component_engine(
    memories: GuestMemories, *, parallel_compilation: bool = False
) -> wasmtime.Engine:
    """The same for components, so that core modules keep the narrower settings."""
    config = _configured(_COMPONENT_SETTINGS, memories, parallel_compilation=parallel_compilation)
    # Functions that run beside each other belong to preview 3, and are not needed here.
    ffi.wasmtime_config_concurrency_support_set(config.ptr(), False)
    return wasmtime.Engine(config)


def _configured(
    settings: Mapping[str, bool | int | str],
    memories: GuestMemories,
    *,
    parallel_compilation: bool,
) -> wasmtime.Config:
    config = wasmtime.Config()
    for name, value in settings.items():
        setattr(config, name, value)
    config.parallel_compilation = parallel_compilation
    memories.install(config)
    return config


@cache
def engine_name() -> str:
    """`wasmtime-<version>/<digest of both engines' settings>`: what a replay must find again."""
    table = json.dumps(
        {**_SETTINGS, "components": _COMPONENT_SETTINGS, "sandbox_revision": _SANDBOX_REVISION},
        sort_keys=True,
    )
    digest = hashlib.sha256(table.encode()).hexdigest()[:12]
    return f"wasmtime-{version('wasmtime')}/{digest}"

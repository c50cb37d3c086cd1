"""What a module must be before it may run, decided without running any of it."""

from collections.abc import Iterator
from dataclasses import dataclass

import wasmtime

from runner.refusals import ModuleRefusedError
from runner.sandbox.wasi import abi
from runner.sandbox.wasi.linking import imports_offered
from schema import limits

WASI = abi.MODULE
WASM_PAGE_BYTES = 64 * 1024

_CORE_PREAMBLE = b"\0asm\x01\0\0\0"
COMPONENT_PREAMBLE = b"\0asm\x0d\0\x01\0"
_TABLE_SECTION = 4
_MEMORY_SECTION = 5
_REFERENCE_TYPES = (0x70, 0x6F)
_OFFERED = frozenset(imports_offered())


@dataclass(frozen=True)
class Facts:
    """What an inspection found."""

    imports: list[str]
    exports: list[str]
    memory_bytes_min: int


def check_length(wasm: bytes) -> None:
    """Compare the module's own size to the limit.

    Raises:
        ModuleRefusedError: it is larger.
    """
    is_component = wasm.startswith(COMPONENT_PREAMBLE)
    bytes_max = limits.COMPONENT_BYTES_MAX if is_component else limits.MODULE_BYTES_MAX
    if len(wasm) > bytes_max:
        raise ModuleRefusedError("The module is too large.", {"bytes_max": bytes_max})


def compile_module(engine: wasmtime.Engine, wasm: bytes) -> wasmtime.Module:
    """Validate and compile a core module in binary form.

    Raises:
        ModuleRefusedError: it is text, malformed, or uses a feature that is off.
    """
    if not wasm.startswith(_CORE_PREAMBLE):
        # wasmtime would take WebAssembly text here, and compile it.
        raise ModuleRefusedError("This is not a WebAssembly module in binary form.")
    try:
        return wasmtime.Module(engine, wasm)
    except wasmtime.WasmtimeError as error:
        raise ModuleRefusedError(f"The module is not valid: {first_line(error)}.") from error


def check_imports(linker: wasmtime.Linker, module: wasmtime.Module) -> wasmtime.InstancePre:
    """Resolve every import against what the sandbox offers.

    Raises:
        ModuleRefusedError: it imports something else.
    """
    try:
        return linker.instantiate_pre(module)
    except wasmtime.WasmtimeError as error:
        raise _import_refusal(module, error) from error


def _import_refusal(module: wasmtime.Module, error: wasmtime.WasmtimeError) -> ModuleRefusedError:
    """Why the linker did not take the module's imports."""
    for item in module.imports:
        name = f"{item.module}.{item.name}"
        if name not in _OFFERED:
            return ModuleRefusedError(
                f"The module imports {name}, which the sandbox does not offer: "
                f"only functions of {WASI}, and spell.http_fetch.",
                {"unknown_import": name},
            )
    return ModuleRefusedError(
        f"An import does not fit what the sandbox offers: {first_line(error)}."
    )


def check_entry(module: wasmtime.Module, entry: str) -> None:
    """Find the entry point: an exported function without parameters and results.

    Raises:
        ModuleRefusedError: there is none of that name.
    """
    kind = next((item.type for item in module.exports if item.name == entry), None)
    if kind is None:
        raise ModuleRefusedError(f"The module exports no {entry!r}.", {"entry": entry})
    if not isinstance(kind, wasmtime.FuncType):
        raise ModuleRefusedError(f"The export {entry!r} is not a function.", {"entry": entry})
    if kind.params or kind.results:
        raise ModuleRefusedError(
            f"The function {entry!r} takes parameters or returns results; it must do neither.",
            {"entry": entry},
        )


def check_sizes(wasm: bytes, memory_bytes_max: int) -> int:
    """Compare what the module declares to begin with to the limits; answer its memory's bytes.

    Args:
        wasm: a module that has passed `compile_module`.
        memory_bytes_max: the memory limit of its runs.

    Raises:
        ModuleRefusedError: a memory or table begins larger than its limit.
    """
    memory_bytes = WASM_PAGE_BYTES * sum(_minimums(wasm, _MEMORY_SECTION))
    if memory_bytes > memory_bytes_max:
        raise ModuleRefusedError(
            f"The memory begins with {memory_bytes} bytes, over the limit of {memory_bytes_max}.",
            {"memory_bytes_min": memory_bytes, "memory_bytes_max": memory_bytes_max},
        )
    elements = sum(_minimums(wasm, _TABLE_SECTION))
    if elements > limits.TABLE_ELEMENTS_MAX:
        raise ModuleRefusedError(
            f"The tables begin with {elements} elements, over {limits.TABLE_ELEMENTS_MAX}.",
            {"table_elements_min": elements, "table_elements_max": limits.TABLE_ELEMENTS_MAX},
        )
    return memory_bytes


def facts_of(module: wasmtime.Module, memory_bytes_min: int) -> Facts:
    """The names and sizes that are recorded about a module."""
    return Facts(
        imports=sorted({f"{item.module}.{item.name}" for item in module.imports}),
        exports=sorted(item.name for item in module.exports),
        memory_bytes_min=memory_bytes_min,
    )


def _minimums(wasm: bytes, section: int) -> Iterator[int]:
    """The declared minimum of each memory or table (pages or elements)."""
    for body in _sections(wasm, section):
        count, at = _number(body, 0)
        for _ in range(count):
            if section == _TABLE_SECTION:
                if body[at] not in _REFERENCE_TYPES:
                    raise ModuleRefusedError("A table has an unknown element type.")
                at += 1
            flags, at = _number(body, at)
            minimum, at = _number(body, at)
            if flags & 1:
                _, at = _number(body, at)
            yield minimum


def _sections(wasm: bytes, wanted: int) -> Iterator[bytes]:
    at = len(_CORE_PREAMBLE)
    while at < len(wasm):
        kind = wasm[at]
        size, at = _number(wasm, at + 1)
        if kind == wanted:
            yield wasm[at : at + size]
        at += size


def _number(content: bytes, at: int) -> tuple[int, int]:
    """An unsigned LEB128 number, and where it ends. The module is known to be well-formed."""
    value = shift = 0
    while True:
        byte = content[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return value, at


def first_line(error: Exception) -> str:
    """What wasmtime says, without its backtraces and in one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    causes = [line for line in lines if line[:1].isdigit() or "Caused by" not in line]
    return ": ".join(causes)[:500] or type(error).__name__

"""Which trap ended a component: wasmtime's C API says it in words only."""

import wasmtime
from wasmtime import TrapCode

_MARK = "wasm trap: "
TRAPS = {
    "call stack exhausted": TrapCode.STACK_OVERFLOW,
    "out of bounds memory access": TrapCode.MEMORY_OUT_OF_BOUNDS,
    "unaligned atomic": TrapCode.HEAP_MISALIGNED,
    "undefined element: out of bounds table access": TrapCode.TABLE_OUT_OF_BOUNDS,
    "uninitialized element": TrapCode.INDIRECT_CALL_TO_NULL,
    "indirect call type mismatch": TrapCode.BAD_SIGNATURE,
    "integer overflow": TrapCode.INTEGER_OVERFLOW,
    "integer divide by zero": TrapCode.INTEGER_DIVISION_BY_ZERO,
    "invalid conversion to integer": TrapCode.BAD_CONVERSION_TO_INTEGER,
    "wasm `unreachable` instruction executed": TrapCode.UNREACHABLE,
    "interrupt": TrapCode.INTERRUPT,
    "all fuel consumed by WebAssembly": TrapCode.OUT_OF_FUEL,
}


def trap_words(error: wasmtime.WasmtimeError) -> str | None:
    """What wasmtime calls the trap, or None when it is none.

    The cause is the last line. Those before it are a backtrace, whose names are the guest's.
    """
    last_line = str(error).rstrip().rpartition("\n")[2]
    _, mark, words = last_line.partition(_MARK)
    return words if mark else None

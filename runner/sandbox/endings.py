"""What the end of a guest means: from wasmtime's exceptions to a code of the catalogue."""

from dataclasses import dataclass, field
from typing import Any

import wasmtime
from wasmtime import TrapCode

_EXIT_CODE_OUT_OF_RANGE = "invalid exit status"


@dataclass(frozen=True)
class RunBounds:
    """The limits of one run, as the sandbox needs them. Units are in the names."""

    fuel: int
    timeout_ms: int
    memory_bytes_max: int
    output_bytes_max: int
    stderr_bytes_max: int
    cpu_ms_max: int
    host_calls_max: int
    scratch_bytes_max: int
    net_requests_max: int
    net_bytes_max: int


@dataclass(frozen=True)
class Ending:
    """How a run ended: no code is success, else a code with its details."""

    code: str | None = None
    details: dict[str, Any] = field(default_factory=dict)


SUCCESS = Ending()


def ending_of(
    error: BaseException | None, bounds: RunBounds, *, memory_denied: bool, output_bytes: int
) -> Ending:
    """Name the end of a run.

    The first cause wins: a guest that is denied output or memory fails later in some way of its
    own, which would only confuse the caster.

    Args:
        error: what calling the guest raised, if anything.
        bounds: the limits it ran under.
        memory_denied: it asked for more memory than `bounds` allow.
        output_bytes: what it wrote to stdout; more than allowed counts as one byte over.
    """
    if output_bytes > bounds.output_bytes_max:
        return Ending("OUTPUT_TOO_LARGE", {"output_bytes_max": bounds.output_bytes_max})
    own = _guest_ending(error, bounds)
    if memory_denied and own.code in {"SPELL_FAILED", "SPELL_TRAPPED"}:
        return Ending("MEMORY_EXCEEDED", {"memory_bytes_max": bounds.memory_bytes_max})
    return own


def _guest_ending(error: BaseException | None, bounds: RunBounds) -> Ending:
    match error:
        case None:
            return SUCCESS
        case wasmtime.ExitTrap():
            return Ending("SPELL_FAILED", {"exit_code": error.code}) if error.code else SUCCESS
        case wasmtime.Trap():
            return _trap_ending(error, bounds)
        case wasmtime.WasmtimeError() if _EXIT_CODE_OUT_OF_RANGE in str(error):
            # WASI preview 1 as wasmtime implements it: the code itself is not handed on.
            return Ending("SPELL_FAILED", {"exit_code": None, "exit_code_min": 126})
        case wasmtime.WasmtimeError():
            # A host function that could not do its work, such as fd_write without a memory.
            return Ending("SPELL_TRAPPED", {"trap": "host_call"})
        case _:
            raise error


def _trap_ending(trap: wasmtime.Trap, bounds: RunBounds) -> Ending:
    match code := _code_of(trap):
        case TrapCode.OUT_OF_FUEL:
            return Ending("FUEL_EXHAUSTED", {"fuel": bounds.fuel})
        case TrapCode.INTERRUPT:
            return Ending("TIME_EXCEEDED", {"timeout_ms": bounds.timeout_ms})
        case TrapCode.STACK_OVERFLOW:
            return Ending("STACK_EXHAUSTED")
        case None:
            return Ending("SPELL_TRAPPED", {"trap": "unknown"})
        case _:
            return Ending("SPELL_TRAPPED", {"trap": code.name.lower()})


def _code_of(trap: wasmtime.Trap) -> TrapCode | None:
    try:
        return trap.trap_code
    except ValueError:
        # A code that this version of the binding has no name for.
        return None

"""What the end of a guest means: from traps and our own ends to a code of the catalogue."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import wasmtime
from wasmtime import TrapCode

from runner.sandbox.alarm import Ring
from runner.sandbox.component_traps import TRAPS, trap_words
from runner.sandbox.wasi.abi import GuestEnd, GuestInterrupted
from schema.violations import ViolationKind

# The guest was denied something and failed of it in some way of its own: the first cause is told.
_CODE_OF_DENIAL = {
    ViolationKind.MEMORY_DENIED: "MEMORY_EXCEEDED",
    ViolationKind.SCRATCH_FULL: "SCRATCH_EXCEEDED",
    ViolationKind.ARTIFACTS_FULL: "OUTPUT_TOO_LARGE",
    ViolationKind.NET_DENIED: "NETWORK_DENIED",
    ViolationKind.NET_LIMIT: "NETWORK_LIMIT_EXCEEDED",
}
_LIMIT_OF_DENIAL = {
    ViolationKind.MEMORY_DENIED: ("memory_bytes_max",),
    ViolationKind.SCRATCH_FULL: ("scratch_bytes_max",),
    ViolationKind.ARTIFACTS_FULL: ("artifacts_bytes_max",),
    ViolationKind.NET_LIMIT: ("net_requests_max", "net_bytes_max"),
}
_OWN_FAILURES = {"SPELL_FAILED", "SPELL_TRAPPED"}


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
    artifacts_bytes_max: int = 0


@dataclass(frozen=True)
class Ending:
    """How a run ended: no code is success, else a code with its details."""

    code: str | None = None
    details: dict[str, Any] = field(default_factory=dict)


SUCCESS = Ending()


def ending_of(
    error: Exception | None,
    end: GuestEnd | None,
    ring: Ring | None,
    bounds: RunBounds,
    violations: Mapping[tuple[ViolationKind, str], int],
) -> Ending:
    """Name the end of a run.

    Args:
        error: what calling the guest raised, if anything.
        end: how a call ended it, if one did; then the error says nothing more.
        ring: why the alarm rang, if it did.
        bounds: the limits it ran under.
        violations: what it was denied.
    """
    own = _ending_of_call(end, ring, bounds) if end else _ending_of_error(error, ring, bounds)
    if own.code not in _OWN_FAILURES:
        return own
    for kind, code in _CODE_OF_DENIAL.items():
        subjects = [subject for denied, subject in violations if denied is kind]
        if subjects:
            return Ending(code, _details_of_denial(kind, subjects, bounds))
    return own


def _details_of_denial(
    kind: ViolationKind, subjects: list[str], bounds: RunBounds
) -> dict[str, Any]:
    if kind is ViolationKind.NET_DENIED:
        return {"hosts": sorted(subject for subject in subjects if subject)}
    return {name: getattr(bounds, name) for name in _LIMIT_OF_DENIAL[kind]}


def _ending_of_call(end: GuestEnd, ring: Ring | None, bounds: RunBounds) -> Ending:
    if isinstance(end, GuestInterrupted):
        return _ending_of_ring(ring, bounds)
    return Ending(end.code, end.details)


def _ending_of_ring(ring: Ring | None, bounds: RunBounds) -> Ending:
    if ring is Ring.PROCESSOR:
        return Ending("CPU_EXCEEDED", {"cpu_ms_max": bounds.cpu_ms_max})
    return Ending("TIME_EXCEEDED", {"timeout_ms": bounds.timeout_ms})


def _ending_of_error(error: Exception | None, ring: Ring | None, bounds: RunBounds) -> Ending:
    match error:
        case None:
            return SUCCESS
        case wasmtime.Trap():
            return _ending_of_trap(_code_of(error), ring, bounds)
        case wasmtime.WasmtimeError() if words := trap_words(error):
            return _ending_of_trap(TRAPS.get(words), ring, bounds)
        case wasmtime.WasmtimeError():
            # Instantiation failed on a limit of the store that is not ours to name better.
            return Ending("SPELL_TRAPPED", {"trap": "instantiation"})
        case _:
            raise error


def _ending_of_trap(code: TrapCode | None, ring: Ring | None, bounds: RunBounds) -> Ending:
    match code:
        case TrapCode.OUT_OF_FUEL:
            return Ending("FUEL_EXHAUSTED", {"fuel": bounds.fuel})
        case TrapCode.INTERRUPT:
            return _ending_of_ring(ring, bounds)
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

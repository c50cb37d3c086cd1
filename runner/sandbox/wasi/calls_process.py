"""Arguments, environment, clocks, random numbers, and the end of the process."""

from collections.abc import Sequence

from runner.sandbox.wasi.abi import (
    CLOCK_MONOTONIC,
    CLOCK_REALTIME,
    Errno,
    GuestEnd,
    WasiError,
)
from runner.sandbox.wasi.guest import Calls, Guest

# One call moves at most this much, so that the alarm gets its turn.
_RANDOM_BYTES_MAX = 16 * 1024 * 1024


def args_sizes_get(guest: Guest, count: int, size: int) -> None:
    """How many arguments, and how long they are together."""
    _write_sizes(guest, guest.world.arguments, count, size)


def args_get(guest: Guest, pointers: int, texts: int) -> None:
    """The arguments: always just the program's name."""
    _write_texts(guest, guest.world.arguments, pointers, texts)


def environ_sizes_get(guest: Guest, count: int, size: int) -> None:
    """How many variables, and how long they are together."""
    _write_sizes(guest, guest.world.environment, count, size)


def environ_get(guest: Guest, pointers: int, texts: int) -> None:
    """The variables that the manifest names, with the maker's values."""
    _write_texts(guest, guest.world.environment, pointers, texts)


def clock_res_get(guest: Guest, clock: int, resolution: int) -> None:
    """How fine a clock is, in nanoseconds."""
    _check_clock(clock)
    guest.memory.write_u64(resolution, guest.world.clock.resolution_ns)


def clock_time_get(guest: Guest, clock: int, _precision: int, time: int) -> None:
    """What a clock says, in nanoseconds."""
    guest.memory.write_u64(time, read_clock(guest, clock))


def random_get(guest: Guest, buffer: int, length: int) -> None:
    """Random bytes, from the seed in a deterministic run."""
    guest.memory.check(buffer, length)
    if length > _RANDOM_BYTES_MAX:
        raise WasiError(Errno.INVAL)
    guest.memory.write(buffer, guest.world.chance.take(length))


def sched_yield(_guest: Guest) -> None:
    """Nothing else runs beside the guest."""


def proc_exit(_guest: Guest, code: int) -> None:
    """The guest ends itself: with 0 it has succeeded."""
    if code == 0:
        raise GuestEnd(None)
    raise GuestEnd("SPELL_FAILED", {"exit_code": code})


def proc_raise(_guest: Guest, _signal: int) -> None:
    """There are no signals."""
    raise WasiError(Errno.NOTSUP)


def read_clock(guest: Guest, clock: int) -> int:
    """Nanoseconds. Raises WasiError(INVAL) for clocks of processor time, which do not replay."""
    _check_clock(clock)
    clocks = guest.world.clock
    return clocks.realtime() if clock == CLOCK_REALTIME else clocks.monotonic()


def _check_clock(clock: int) -> None:
    if clock not in (CLOCK_REALTIME, CLOCK_MONOTONIC):
        raise WasiError(Errno.INVAL)


def _write_sizes(guest: Guest, texts: Sequence[bytes], count: int, size: int) -> None:
    guest.memory.write_u32(count, len(texts))
    guest.memory.write_u32(size, sum(len(text) + 1 for text in texts))


def _write_texts(guest: Guest, texts: Sequence[bytes], pointers: int, at: int) -> None:
    for number, text in enumerate(texts):
        guest.memory.write_u32(pointers + 4 * number, at)
        guest.memory.write(at, text + b"\0")
        at += len(text) + 1


CALLS: Calls = {
    "args_sizes_get": ("ii", args_sizes_get),
    "args_get": ("ii", args_get),
    "environ_sizes_get": ("ii", environ_sizes_get),
    "environ_get": ("ii", environ_get),
    "clock_res_get": ("ii", clock_res_get),
    "clock_time_get": ("iIi", clock_time_get),
    "random_get": ("ii", random_get),
    "sched_yield": ("", sched_yield),
    "proc_raise": ("i", proc_raise),
}

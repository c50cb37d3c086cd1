"""`wasi:random`: from the seed of the run when it is deterministic, else the kernel's."""

from runner.sandbox.wasi.abi import GuestEnd
from runner.sandbox.wasip2.guest import ComponentGuest, Interface
from runner.sandbox.wasip2.values import Number, u64

# wasmtime makes 32 bytes of every byte in a list.
_BYTES_MAX = 1024 * 1024


def _take_bytes(guest: ComponentGuest, length: int) -> bytes:
    if length > _BYTES_MAX:
        raise GuestEnd("SPELL_TRAPPED", {"trap": "too_many_random_bytes"})
    return guest.world.chance.take(length)


def _take_number(guest: ComponentGuest) -> Number:
    return u64(int.from_bytes(guest.world.chance.take(8), "little"))


def _take_seed(guest: ComponentGuest) -> tuple[Number, Number]:
    return _take_number(guest), _take_number(guest)


INTERFACES = [
    Interface(
        "wasi:random/random",
        {"get-random-bytes": _take_bytes, "get-random-u64": _take_number},
    ),
    Interface(
        "wasi:random/insecure",
        {"get-insecure-random-bytes": _take_bytes, "get-insecure-random-u64": _take_number},
    ),
    Interface("wasi:random/insecure-seed", {"insecure-seed": _take_seed}),
]

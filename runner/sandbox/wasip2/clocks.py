"""`wasi:clocks` and `wasi:io/poll`: what the time is, and waiting for it to pass."""

from runner.sandbox.wasi.abi import GuestEnd
from runner.sandbox.wasip2.guest import ComponentGuest, Interface, Resource
from runner.sandbox.wasip2.values import Handle, Number, u32, u64

READY = 0
"""Behind a pollable stands the monotonic moment at which it is ready; this one always is."""

_SECOND_NS = 1_000_000_000
_MOMENT_MAX = 2**64 - 1


def _now(guest: ComponentGuest) -> Number:
    return u64(guest.world.clock.monotonic())


def _resolution(guest: ComponentGuest) -> Number:
    return u64(guest.world.clock.resolution_ns)


def _wall_now(guest: ComponentGuest) -> dict[str, Number]:
    return _datetime(guest.world.clock.realtime())


def _wall_resolution(guest: ComponentGuest) -> dict[str, Number]:
    return _datetime(guest.world.clock.resolution_ns)


def _datetime(nanoseconds: int) -> dict[str, Number]:
    seconds, rest = divmod(nanoseconds, _SECOND_NS)
    return {"seconds": u64(seconds), "nanoseconds": u32(rest)}


def _subscribe_instant(guest: ComponentGuest, moment: int) -> Handle:
    return guest.hand_out(Resource.POLLABLE, moment)


def _subscribe_duration(guest: ComponentGuest, duration: int) -> Handle:
    moment = min(guest.world.clock.monotonic() + duration, _MOMENT_MAX)
    return guest.hand_out(Resource.POLLABLE, moment)


def _is_ready(guest: ComponentGuest, pollable: int) -> bool:
    moment: int = guest.thing(pollable)
    return moment == READY or moment <= guest.world.clock.monotonic()


def _block(guest: ComponentGuest, pollable: int) -> None:
    _wait_until(guest, guest.thing(pollable))


def _poll(guest: ComponentGuest, pollables: list[int]) -> list[Number]:
    """The places of those that are ready, of which there is one at the end of the wait."""
    if not pollables:
        # The wait would never end; the standard says that it traps.
        raise GuestEnd("SPELL_TRAPPED", {"trap": "poll_of_nothing"})
    moments = [guest.thing(pollable) for pollable in pollables]
    first = min(moments)
    _wait_until(guest, first)
    return [u32(place) for place, moment in enumerate(moments) if moment <= first]


def _wait_until(guest: ComponentGuest, moment: int) -> None:
    if moment == READY:
        return
    left = moment - guest.world.clock.monotonic()
    if left > 0:
        guest.world.clock.sleep(left)


INTERFACES = [
    Interface(
        "wasi:io/poll",
        {
            "[method]pollable.ready": _is_ready,
            "[method]pollable.block": _block,
            "poll": _poll,
        },
        {"pollable": Resource.POLLABLE},
    ),
    Interface(
        "wasi:clocks/monotonic-clock",
        {
            "now": _now,
            "resolution": _resolution,
            "subscribe-instant": _subscribe_instant,
            "subscribe-duration": _subscribe_duration,
        },
    ),
    Interface("wasi:clocks/wall-clock", {"now": _wall_now, "resolution": _wall_resolution}),
]

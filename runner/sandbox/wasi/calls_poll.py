"""`poll_oneoff`: waiting for time to pass. Files and streams are always ready."""

from runner.sandbox.wasi.abi import (
    EVENT,
    EVENT_CLOCK,
    EVENT_FD_READ,
    EVENT_FD_WRITE,
    SUBSCRIPTION,
    SUBSCRIPTION_CLOCK_ABSTIME,
    Errno,
    WasiError,
)
from runner.sandbox.wasi.calls_process import read_clock
from runner.sandbox.wasi.files import File
from runner.sandbox.wasi.guest import Calls, Guest
from runner.sandbox.wasi.world import OpenFile

_SUBSCRIPTIONS_MAX = 1024

_Subscription = tuple[int, int, int, int, int, int]
"""User data, kind, clock or descriptor, timeout, precision, flags."""


def poll_oneoff(guest: Guest, subscriptions: int, events: int, count: int, happened: int) -> None:
    """Wait until one of the subscribed things happens; the answer has all that have."""
    if not 0 < count <= _SUBSCRIPTIONS_MAX:
        raise WasiError(Errno.INVAL)
    guest.memory.check(events, EVENT.size * count)
    table = guest.memory.read(subscriptions, SUBSCRIPTION.size * count)
    wanted: list[_Subscription] = list(SUBSCRIPTION.iter_unpack(table))
    ready = [_descriptor_event(guest, one) for one in wanted if one[1] != EVENT_CLOCK]
    timers = [(_left(guest, one), one) for one in wanted if one[1] == EVENT_CLOCK]
    shortest = min((left for left, _ in timers), default=0)
    if not ready and shortest > 0:
        guest.world.clock.sleep(shortest)
    passed = 0 if ready else max(shortest, 0)
    ready += [
        EVENT.pack(one[0], Errno.SUCCESS, EVENT_CLOCK, 0, 0)
        for left, one in timers
        if left <= passed
    ]
    guest.memory.write(events, b"".join(ready))
    guest.memory.write_u32(happened, len(ready))


def _left(guest: Guest, subscription: _Subscription) -> int:
    """Nanoseconds until a timer rings."""
    _, _, clock, timeout, _, flags = subscription
    now = read_clock(guest, clock)
    return timeout - now if flags & SUBSCRIPTION_CLOCK_ABSTIME else timeout


def _descriptor_event(guest: Guest, subscription: _Subscription) -> bytes:
    user_data, kind, fd, *_ = subscription
    if kind not in (EVENT_FD_READ, EVENT_FD_WRITE):
        raise WasiError(Errno.INVAL)
    found = guest.world.descriptors.get(fd)
    if found is None:
        return EVENT.pack(user_data, Errno.BADF, kind, 0, 0)
    size = 0
    if isinstance(found, OpenFile) and kind == EVENT_FD_READ:
        assert isinstance(found.file, File)
        size = max(0, len(found.file.content) - found.at)
    return EVENT.pack(user_data, Errno.SUCCESS, kind, size, 0)


CALLS: Calls = {"poll_oneoff": ("iiii", poll_oneoff)}

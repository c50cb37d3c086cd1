"""Time and chance of a deterministic run, and waiting for them."""

from hypothesis import given
from hypothesis import strategies as st

from runner.sandbox.wasi.abi import EVENT, EVENT_CLOCK, SUBSCRIPTION, Errno
from runner.sandbox.wasi.clocks import RealClock, SeededChance, SeededClock
from runner.sandbox.wasi.world import World
from tests.support.wasi_calls import Caller

_U64 = st.integers(0, 2**64 - 1)
_AT, _EVENTS, _COUNT = 16384, 32768, 60000


@given(start=st.integers(0, 2**42), sleeps=st.lists(_U64, max_size=5))
def test_time_only_goes_forward_and_fits_its_type(start: int, sleeps: list[int]) -> None:
    clock = SeededClock(start)
    last = clock.monotonic(), clock.realtime()
    for duration in sleeps:
        clock.sleep(duration)
        now = clock.monotonic(), clock.realtime()
        assert now[0] > last[0]
        assert last[1] < now[1] < 2**64
        last = now


def test_the_same_run_draws_the_same_and_another_seed_something_else() -> None:
    draws = [SeededChance(bytes([seed]) * 32) for seed in (1, 1, 2)]
    first, again, other = ([chance.take(n) for n in (0, 1, 8, 3_000_000)] for chance in draws)
    assert first == again
    assert first[2:] != other[2:]
    assert [len(piece) for piece in first] == [0, 1, 8, 3_000_000]
    assert first[3][: 1 << 20] != first[3][1 << 20 : 2 << 20]


def test_a_real_sleep_asks_the_alarm_for_seconds() -> None:
    asked: list[float] = []

    def pause(seconds: float) -> bool:
        asked.append(seconds)
        return False

    clock = RealClock(pause)
    clock.sleep(1_500_000_000)
    clock.sleep(2**64 - 1)
    assert asked == [1.5, (2**64 - 1) / 1e9]


def test_the_timer_that_is_due_first_rings_alone(guest: Caller, world: World) -> None:
    before = world.clock.monotonic()
    happened = _poll(guest, _timer(1, 5_000_000), _timer(2, 1_000_000), _timer(3, 2**64 - 1))
    assert happened == [(2, Errno.SUCCESS)]
    assert world.clock.monotonic() - before >= 1_000_000


def test_a_time_that_has_passed_rings_at_once(guest: Caller, world: World) -> None:
    before = world.clock.monotonic()
    absolute = SUBSCRIPTION.pack(7, EVENT_CLOCK, 1, 0, 0, 1)
    assert _poll(guest, absolute, _timer(8, 10**9)) == [(7, Errno.SUCCESS)]
    assert world.clock.monotonic() - before < 10**9


def test_files_and_streams_are_ready_and_no_time_passes(guest: Caller, world: World) -> None:
    before = world.clock.monotonic()
    reading, missing = (SUBSCRIPTION.pack(n, 1, fd, 0, 0, 0) for n, fd in ((4, 0), (5, 50)))
    happened = _poll(guest, _timer(1, 10**9), reading, missing)
    assert happened == [(4, Errno.SUCCESS), (5, Errno.BADF)]
    assert world.clock.monotonic() - before < 10**9


def test_a_poll_of_nothing_or_too_much_is_refused(guest: Caller) -> None:
    for count in (0, 1025, 2**32 - 1):
        assert guest.call("poll_oneoff", _AT, _EVENTS, count, _COUNT) is Errno.INVAL


def test_clocks_of_processor_time_are_none(guest: Caller) -> None:
    for clock in (2, 3, 2**32 - 1):
        assert guest.call("clock_time_get", clock, 0, 0) is Errno.INVAL
        assert guest.call("clock_res_get", clock, 0) is Errno.INVAL


def _timer(user_data: int, nanoseconds: int) -> bytes:
    return SUBSCRIPTION.pack(user_data, EVENT_CLOCK, 1, nanoseconds, 0, 0)


def _poll(guest: Caller, *subscriptions: bytes) -> list[tuple[int, Errno]]:
    table, memory = b"".join(subscriptions), guest.way.memory
    memory[_AT : _AT + len(table)] = table
    count = len(subscriptions)
    assert guest.call("poll_oneoff", _AT, _EVENTS, count, _COUNT) is Errno.SUCCESS
    happened = int.from_bytes(memory[_COUNT : _COUNT + 4], "little")
    events = EVENT.iter_unpack(memory[_EVENTS : _EVENTS + EVENT.size * happened])
    return [(user_data, Errno(errno)) for user_data, errno, *_ in events]

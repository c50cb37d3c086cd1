"""Guests that sleep, and guests that look at clock and chance."""

import struct

from tests.hostile.case import CLOCK_UNIX_MS, REAL, Case

_SLEEPS = ("an_hour", "for_ever", "until_the_end_of_time", "until_the_end_of_dates")
_SOON = {"timeout_ms": 100}
_STORMS = ("yield", "clock", "random", "failures", "arguments", "reads", "polls")
_NS = CLOCK_UNIX_MS * 1_000_000

CASES = (
    *(
        Case("sleeps", entry, "wait when it is deterministic", answers="SUCCESS")
        for entry in (*_SLEEPS, "for_a_thousand_hours_at_once")
    ),
    *(
        Case("sleeps", entry, "outlive its time", "TIME_EXCEEDED", limits=_SOON, grants=REAL)
        for entry in (*_SLEEPS, "for_a_thousand_hours_at_once", "for_ever_again_and_again")
    ),
    Case("start_sleep", "_start", "wait when it is deterministic"),
    Case("start_sleep", "_start", "outlive its time", "TIME_EXCEEDED", limits=_SOON, grants=REAL),
    Case(
        "sleeps",
        "for_ever_again_and_again",
        "overflow its clock",
        "HOST_CALLS_EXCEEDED",
        violations=frozenset({"host_calls"}),
        limits={"host_calls_max": 1000},
    ),
    *(
        Case("sleeps", entry, "wait", answers="SUCCESS", grants=grants)
        for entry in ("until_1970", "no_time")
        for grants in (REAL, Case.grants)
    ),
    *(
        Case("sleeps", entry, "confuse the poller", answers="INVAL")
        for entry in (
            "on_a_clock_that_is_none",
            "for_nothing",
            "for_too_many_things",
            "for_an_event_that_is_none",
        )
    ),
    Case(
        "sleeps",
        "for_a_descriptor_that_is_not_open",
        "wait for nothing",
        answers="SUCCESS BADF",
    ),
    *(
        Case(
            "storms",
            entry,
            "call without end",
            "HOST_CALLS_EXCEEDED",
            details={"host_calls_max": 1000},
            violations=frozenset({"host_calls"}),
            limits={"host_calls_max": 1000},
        )
        for entry in _STORMS
    ),
    Case(
        "clock_and_chance",
        "clocks",
        "see the real time",
        output=struct.pack("<QQQQ", _NS + 1000, _NS + 2000, 3000, 4000),
    ),
    Case(
        "clock_and_chance",
        "other_clocks",
        "tell one processor from another",
        answers=" ".join(["INVAL"] * 7),
    ),
    Case(
        "clock_and_chance",
        "random_for_ever",
        "hide time in one cheap call",
        "TIME_EXCEEDED",
        limits={"fuel": 10**12, "timeout_ms": 100},
    ),
    Case(
        "clock_and_chance",
        "random_beyond_memory",
        "have the host write beside its memory",
        answers="FAULT FAULT SUCCESS FAULT",
    ),
)

"""The spells that end-to-end tests share: small modules that do one thing, under tight limits."""

from collections.abc import Callable
from typing import Any

from tests.modules.guests import guest
from tests.support.e2e_packages import FLAT, FREE, METERED, package, says

OBJECTS = {"input": {"type": "object"}, "output": {"type": "object"}}
COUNTED = {
    "input": {
        "type": "object",
        "properties": {"count": {"type": "integer", "minimum": 1}},
        "required": ["count"],
        "additionalProperties": False,
    },
    "output": {},
}
# More than anything burns before its time is up.
ENDLESS_FUEL = 900_000_000_000


def _spell(name: str, module: Callable[[], bytes], **changes: Any) -> Callable[[], bytes]:
    return lambda: package(f"com.example.shared.{name}", module(), **changes)


def _guest(name: str) -> Callable[[], bytes]:
    return lambda: guest(name)


_ECHO, _TIME, _MEMORY = _guest("echo"), _guest("time"), _guest("memory")
# A deterministic guest does not wait: it moves its clock.
_REAL_TIME = {"entry": "sleep_a_minute", "deterministic": False}
_SLEEP = {**_REAL_TIME, "timeout_ms": 50_000}

SPELLS: dict[str, Callable[[], bytes]] = {
    # Says what it hears.
    "echo": _spell("echo", _ECHO, pricing=FLAT),
    "metered": _spell("metered", _ECHO, pricing=METERED),
    "free": _spell("free", _ECHO, pricing=FREE),
    "counted": _spell("counted", _ECHO, schemas=COUNTED),
    # Take long.
    "sleeper": _spell("sleeper", _TIME, pricing=METERED, **_SLEEP),
    "brief-sleeper": _spell(
        "brief-sleeper", _TIME, pricing=METERED, timeout_ms=5_000, **_REAL_TIME
    ),
    "long-nap": _spell("long-nap", _TIME, pricing=METERED, timeout_ms=12_000, **_REAL_TIME),
    "flat-sleeper": _spell("flat-sleeper", _TIME, pricing=FLAT, **_SLEEP),
    "naps": _spell("naps", _TIME, pricing=METERED, timeout_ms=300, **_REAL_TIME),
    "loops": _spell(
        "loops",
        _TIME,
        pricing=METERED,
        entry="loop_for_ever",
        timeout_ms=300,
        fuel=ENDLESS_FUEL,
    ),
    "burns": _spell(
        "burns", _TIME, pricing=METERED, entry="loop_for_ever", timeout_ms=10_000, fuel=3_000_000
    ),
    "reports": _spell("reports", _guest("progress"), pricing=METERED, deterministic=False),
    # Break a limit, or break.
    "bomb": _spell("bomb", _MEMORY, pricing=METERED, entry="grow_by_steps"),
    "floods": _spell("floods", _guest("floods"), pricing=METERED, entry="stdout"),
    "recursion": _spell("recursion", _guest("recursion"), pricing=METERED),
    "traps": _spell("traps", _guest("traps"), pricing=METERED, entry="unreachable"),
    "refuses": _spell("refuses", lambda: says(b"", b"no: the moon is full\n", 3), pricing=METERED),
    # Answer badly.
    "not-json": _spell("not-json", lambda: says(b"<html>", b"wrote markup\n"), pricing=METERED),
    "silent": _spell("silent", lambda: says(b""), pricing=METERED),
    "off-schema": _spell("off-schema", lambda: says(b"[1]"), schemas=OBJECTS, pricing=METERED),
}

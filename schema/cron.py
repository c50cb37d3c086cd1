"""Cron expressions of five fields, as Temporal reads them: checked before anything is made of one.

Five fields only: a sixth would be seconds, and no schedule fires more often than once a minute.
"""

import re

CRON_CHARS_MAX = 128
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS: tuple[tuple[str, int, int, tuple[str, ...]], ...] = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of month", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("day of week", 0, 7, _WEEKDAYS),
)
_PART = re.compile(r"(\*|[0-9a-z]+(?:-[0-9a-z]+)?)(?:/([0-9]{1,2}))?")


def check_cron(expression: str) -> None:
    """Accept `minute hour day-of-month month day-of-week`, such as `0 9 * * mon-fri`.

    Raises:
        ValueError: it is none; the message says which field, and why.
    """
    fields = expression.lower().split()
    if len(expression) > CRON_CHARS_MAX or len(fields) != len(_FIELDS):
        raise ValueError("a cron expression has five fields: minute hour day month weekday")
    for text, (name, lowest, highest, names) in zip(fields, _FIELDS, strict=True):
        for part in text.split(","):
            _check_part(part, name, lowest, highest, names)


def _check_part(part: str, name: str, lowest: int, highest: int, names: tuple[str, ...]) -> None:
    match = _PART.fullmatch(part)
    if match is None:
        raise ValueError(f"{part!r} is no {name}")
    spread, step = match.groups()
    if step is not None and int(step) == 0:
        raise ValueError(f"{part!r} has a step of 0")
    if spread == "*":
        return
    values = [_value(text, name, lowest, names) for text in spread.split("-")]
    if not lowest <= values[0] <= values[-1] <= highest:
        raise ValueError(f"{part!r} is no {name}: {lowest} to {highest}, upwards")


def _value(text: str, name: str, lowest: int, names: tuple[str, ...]) -> int:
    if text in names:
        return names.index(text) + lowest
    if not text.isdecimal() or not text.isascii():
        raise ValueError(f"{text!r} is no {name}")
    return int(text)

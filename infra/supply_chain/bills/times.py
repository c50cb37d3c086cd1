"""Times as texts: a bill keeps what its document says, and SPDX wants whole seconds in UTC."""

import re
from datetime import UTC, datetime

_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)")
UNKNOWN = "1970-01-01T00:00:00Z"
"""What SPDX, which must have a time, says of a bill that has none."""


def is_rfc_3339(text: str) -> bool:
    """Whether it is a time with a date and a zone."""
    return _parsed(text) is not None


def whole_seconds(text: str | None) -> str:
    """The time in SPDX's notation; `UNKNOWN` when the text is none."""
    parsed = _parsed(text) if text else None
    if parsed is None:
        return UNKNOWN
    return parsed.replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def _parsed(text: str) -> datetime | None:
    if _RFC_3339.fullmatch(text) is None:
        return None
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None

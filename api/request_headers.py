"""Request headers that several routes read: Idempotency-Key, Prefer, Last-Event-ID."""

import re

from schema import limits
from schema.errors import SpellError

_WAIT = re.compile(r"(?:^|[,;\s])wait\s*=\s*(\d{1,5})(?:$|[,;\s])")
_KEY = re.compile(rf"^[\x21-\x7e]{{1,{limits.IDEMPOTENCY_KEY_CHARS_MAX}}}$")
# Not \d and not isdigit: those take the digits of every script.
_NUMBER = re.compile(r"[0-9]{1,18}")


def required_key(idempotency_key: str | None) -> str:
    """The key, once its form is right. Raises SpellError(IDEMPOTENCY_KEY_REQUIRED)."""
    if idempotency_key is None or _KEY.match(idempotency_key) is None:
        raise SpellError("IDEMPOTENCY_KEY_REQUIRED")
    return idempotency_key


def seconds_to_wait(prefer: str | None, otherwise: int = 0) -> int:
    """N of `Prefer: wait=N` (RFC 7240), at most 60; a preference that is not understood is none."""
    match = _WAIT.search(prefer or "")
    return min(int(match.group(1)), limits.PREFER_WAIT_SECONDS_MAX) if match else otherwise


def stream_position(last_event_id: str | None) -> int:
    """Where an event stream goes on; 0 is its begin. Raises SpellError(VALIDATION_ERROR)."""
    if last_event_id is None:
        return 0
    if _NUMBER.fullmatch(last_event_id) is None:
        message = "Last-Event-ID must be the id of an event of this stream."
        raise SpellError("VALIDATION_ERROR", message)
    return int(last_event_id)


def upload_offset(header: str | None) -> int:
    """Where a chunk goes. Raises SpellError(VALIDATION_ERROR)."""
    if header is None or _NUMBER.fullmatch(header) is None:
        raise SpellError("VALIDATION_ERROR", "Upload-Offset must be a number of bytes.")
    return int(header)

"""Which bytes of an artifact are asked for: one range, as RFC 9110 (14.2, 13.1.5) has it."""

import re
from dataclasses import dataclass

from schema.errors import SpellError

# More digits than any size has; longer ones are no number that anybody means.
_RANGE = re.compile(r"bytes=[ \t]*([0-9]{0,19})-([0-9]{0,19})[ \t]*", re.IGNORECASE)


@dataclass(frozen=True)
class ByteRange:
    """The bytes from `start` to before `end` of so many."""

    start: int
    end: int
    size: int

    @property
    def length(self) -> int:
        """How many bytes it has."""
        return self.end - self.start

    @property
    def content_range(self) -> str:
        """What the answer's `Content-Range` says."""
        return f"bytes {self.start}-{self.end - 1}/{self.size}"


def asked_range(header: str | None, if_range: str | None, etag: str, size: int) -> ByteRange | None:
    """The part that is asked for; None for the whole.

    What is no single range of bytes is no range, and answered with the whole, as the standard lets
    servers do. So is a range under a condition that does not hold: the client has another content.

    Args:
        header: `Range`.
        if_range: `If-Range`: an entity tag. A date never holds: artifacts have none.
        etag: the artifact's own, which is strong.
        size: its bytes.

    Raises:
        SpellError: RANGE_NOT_SATISFIABLE, it has none of these bytes.
    """
    found = _RANGE.fullmatch(header or "")
    if found is None or (if_range is not None and if_range.strip() != etag):
        return None
    first, last = found.groups()
    if not first and not last:
        return None
    if not first:
        start, end = max(size - int(last), 0), size
    else:
        start, end = int(first), min(int(last) + 1, size) if last else size
        if last and int(last) < start:
            return None
    if start >= end:
        raise SpellError("RANGE_NOT_SATISFIABLE", details={"bytes": size})
    return ByteRange(start, end, size)

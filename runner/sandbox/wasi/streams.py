"""The standard streams of a guest, held in memory and bounded."""

from collections.abc import Callable
from typing import Any

from runner.sandbox.wasi.abi import GuestEnd
from schema import limits
from schema.canonical import JsonRefusedError, parse_json
from schema.violations import ViolationKind

PROGRESS_MARK = b"::progress "
_LINE_BYTES_MAX = len(PROGRESS_MARK) + limits.PROGRESS_BYTES_MAX


class InputStream:
    """Standard input: the inputs as JSON.

    Args:
        content: all of it.
    """

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0

    def read(self, length: int) -> bytes:
        """The next bytes; empty at the end."""
        piece = self._content[self._at : self._at + length]
        self._at += len(piece)
        return piece


class OutputStream:
    """Standard output. Writing more than allowed ends the guest.

    Args:
        bytes_max: what it may hold.
    """

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self.content = bytearray()

    def write(self, piece: bytes) -> None:
        """Append. Raises GuestEnd(OUTPUT_TOO_LARGE)."""
        room = self._bytes_max - len(self.content)
        if len(piece) > room:
            self.content += piece[:room]
            raise GuestEnd("OUTPUT_TOO_LARGE", {"output_bytes_max": self._bytes_max})
        self.content += piece


class ErrorStream:
    """Standard error: the log, cut at its limit, without the lines that report progress.

    A line `::progress {json object}` is taken out and handed on (docs/package.md).

    Args:
        bytes_max: what the log may hold; the rest is dropped.
        on_progress: called with each report.
        on_violation: told when something is dropped.
    """

    def __init__(
        self,
        bytes_max: int,
        on_progress: Callable[[dict[str, Any]], None],
        on_violation: Callable[[ViolationKind, str], None],
    ) -> None:
        self._bytes_max = bytes_max
        self._on_progress = on_progress
        self._on_violation = on_violation
        self._held = b""
        """The beginning of a line that may become a report."""
        self._in_line = False
        self.content = bytearray()

    def write(self, piece: bytes) -> None:
        """Take the next bytes, which may end inside a line."""
        text, self._held = self._held + piece, b""
        if self._in_line:
            head, newline, text = text.partition(b"\n")
            self._keep(head + newline)
            if not newline:
                return
            self._in_line = False
        if PROGRESS_MARK in text:
            *lines, text = text.split(b"\n")
            for line in lines:
                if not self._report(line):
                    self._keep(line + b"\n")
        self._end_with(text)

    def close(self) -> None:
        """Nothing more comes: what was held back may be a report without its line end."""
        if self._held and not self._report(self._held):
            self._keep(self._held)
        self._held = b""

    def _end_with(self, text: bytes) -> None:
        """Keep all but a last line that could still become a report."""
        start = text.rfind(b"\n") + 1
        if _may_become_report(text[start:]):
            self._held = text[start:]
            self._keep(text[:start])
        else:
            self._keep(text)
            self._in_line = True

    def _report(self, line: bytes) -> bool:
        """Whether the line was a report and has been handed on."""
        if not line.startswith(PROGRESS_MARK) or len(line) > _LINE_BYTES_MAX:
            return False
        try:
            report = parse_json(line[len(PROGRESS_MARK) :])
        except JsonRefusedError:
            return False
        if not isinstance(report, dict):
            return False
        self._on_progress(report)
        return True

    def _keep(self, piece: bytes) -> None:
        room = self._bytes_max - len(self.content)
        if len(piece) > room:
            self._on_violation(ViolationKind.STDERR_CUT, "")
        self.content += piece[:room]


def _may_become_report(line: bytes) -> bool:
    """Whether more bytes could still make this beginning a report."""
    if len(line) > _LINE_BYTES_MAX:
        return False
    return line.startswith(PROGRESS_MARK) or PROGRESS_MARK.startswith(line)

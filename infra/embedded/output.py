"""What processes print: cut into lines, kept in bounded files, handed to the caller's sink."""

from collections.abc import Callable
from pathlib import Path

LINE_BYTES_MAX = 16 * 1024
LOG_BYTES_MAX = 8 * 1024 * 1024
_CUT = " … (cut)"

LogSink = Callable[[str, str], None]
"""Called with the process's name and one line, without its end."""


def with_prefix(name: str, line: str) -> str:
    """The line as the one log shows it: `api      | …`."""
    return f"{name:<9}| {line}"


class LineSplitter:
    """Turns chunks of bytes into lines; an overlong line is cut, its rest thrown away."""

    def __init__(self, limit_bytes: int = LINE_BYTES_MAX) -> None:
        self._limit = limit_bytes
        self._open = b""
        self._cut = False

    def feed(self, chunk: bytes) -> list[str]:
        """The lines that this chunk ends."""
        *ends, rest = chunk.split(b"\n")
        lines = []
        for end in ends:
            self._append(end)
            lines.append(self._close())
        self._append(rest)
        return lines

    def flush(self) -> list[str]:
        """What was printed last, without an end of line."""
        return [self._close()] if self._open else []

    def _append(self, piece: bytes) -> None:
        room = self._limit - len(self._open)
        self._cut = self._cut or len(piece) > room
        self._open += piece[:room]

    def _close(self) -> str:
        line = self._open.decode("utf-8", errors="replace").rstrip("\r")
        line += _CUT if self._cut else ""
        self._open, self._cut = b"", False
        return line


class BoundedLog:
    """Appends lines to a file; a full file becomes `<name>.log.1` and replaces the one before."""

    def __init__(self, path: Path, limit_bytes: int = LOG_BYTES_MAX) -> None:
        self._path = path
        self._limit = limit_bytes
        self._file = path.open("ab", buffering=0)

    def append(self, line: str) -> None:
        """Write one line. A full disk loses lines, never the platform."""
        try:
            if self._file.tell() >= self._limit:
                self._file.close()
                self._path.replace(self._path.with_name(f"{self._path.name}.1"))
                self._file = self._path.open("ab", buffering=0)
            self._file.write(line.encode("utf-8", errors="replace") + b"\n")
        except OSError:
            return

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class Output:
    """All processes' lines: each to its own file, all to the caller's sink."""

    def __init__(self, folder: Path, sink: LogSink | None) -> None:
        self._folder = folder
        self._sink = sink
        self._logs: dict[str, BoundedLog] = {}

    def line(self, name: str, line: str) -> None:
        """Take one line of the process `name`."""
        if name not in self._logs:
            self._logs[name] = BoundedLog(self._folder / f"{name}.log")
        self._logs[name].append(line)
        if self._sink is None:
            return
        try:
            self._sink(name, line)
        except OSError:
            # The terminal is gone; the processes must not stall on an unread pipe for that.
            self._sink = None

    def close(self) -> None:
        """Close every file."""
        for log in self._logs.values():
            log.close()
        self._logs.clear()

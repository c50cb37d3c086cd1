"""What a running guest asks of its supervisor, over the channel that its order came by."""

import time
from typing import Any

from runner.processes.wire import Frame, read_frame, write_frame
from schema import limits

_PAUSE_SECONDS = 1 / limits.PROGRESS_PER_SECOND_MAX


class ChannelAttendant:
    """Passes on progress, at a bounded pace, and requests to other hosts.

    Args:
        channel: the descriptor of the channel. While a guest runs, only this object uses it.
    """

    def __init__(self, channel: int) -> None:
        self._channel = channel
        self._last_sent = 0.0
        self._newest: dict[str, Any] | None = None

    def report_progress(self, report: dict[str, Any]) -> None:
        """Send the report, or keep it back: of those that come too fast, the newest counts."""
        self._newest = report
        if time.monotonic() - self._last_sent >= _PAUSE_SECONDS:
            self._send_newest()

    def fetch(self, request: dict[str, Any], body: bytes) -> tuple[dict[str, Any], bytes]:
        """Ask for a response and wait for it; the supervisor bounds how long."""
        write_frame(self._channel, Frame({"fetch": request}, body))
        answer = read_frame(self._channel)
        if answer is None:
            raise ConnectionError("the supervisor is gone")
        return answer.head, answer.first

    def close(self) -> None:
        """The guest has ended: its last report is sent before the end is told."""
        if self._newest is not None:
            self._send_newest()

    def _send_newest(self) -> None:
        assert self._newest is not None
        write_frame(self._channel, Frame({"progress": self._newest}))
        self._newest = None
        self._last_sent = time.monotonic()

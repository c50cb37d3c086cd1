"""Sends a guest's progress reports one after the other, the newest first."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from schema import limits

_PAUSE_SECONDS = 1 / limits.PROGRESS_PER_SECOND_MAX


class ProgressLine:
    """Reports on their way out: one is sent at a time, and a newer one replaces what waits.

    Each becomes a row of the database. The sandbox process keeps the pace too, but is not trusted.

    Args:
        send: sends the JSON of a report; never fails.
    """

    def __init__(self, send: Callable[[bytes], Awaitable[None]]) -> None:
        self._send = send
        self._closing = asyncio.Event()
        self._newest: dict[str, Any] | None = None
        self._sending: asyncio.Task[None] | None = None

    def put(self, report: dict[str, Any]) -> None:
        """Send this report, as soon as the one before is out."""
        self._newest = report
        if self._sending is None or self._sending.done():
            self._sending = asyncio.get_running_loop().create_task(self._send_all())

    async def close(self) -> None:
        """Wait until all is sent: what comes after must not overtake it."""
        self._closing.set()
        if self._sending is not None:
            await self._sending

    async def _send_all(self) -> None:
        while self._newest is not None:
            report, self._newest = self._newest, None
            await self._send(json.dumps(report, separators=(",", ":")).encode())
            await self._pause()

    async def _pause(self) -> None:
        """Keep the pace, unless the run has ended."""
        try:
            await asyncio.wait_for(self._closing.wait(), _PAUSE_SECONDS)
        except TimeoutError:
            return

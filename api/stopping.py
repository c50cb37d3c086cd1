"""Knowing of SIGTERM before the server waits for its connections to end."""

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def told_to_stop(end_streams: Callable[[], None]) -> Iterator[None]:
    """Call this when the process is told to stop; the server's own handlers then run as before.

    The server tells the application only after the last connection has ended, and an event stream
    does not end by itself.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    before = {one: signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT)}

    def stop(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(end_streams)
        handler = before[signal.Signals(number)]
        if callable(handler):
            handler(number, frame)

    for one in before:
        signal.signal(one, stop)
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)

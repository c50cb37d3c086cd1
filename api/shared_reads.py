"""Reads that many followers want at once are made once, a few at a time."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

READS_AT_ONCE = 4
"""Of the connections to the database; the rest of the API needs some, too."""

_T = TypeVar("_T")


class SharedReads:
    """Joins reads that have not begun.

    One that has begun is never joined: it may have missed what the joiner was woken for.
    """

    def __init__(self, at_once: int = READS_AT_ONCE) -> None:
        self._places = asyncio.Semaphore(at_once)
        self._waiting: dict[Any, asyncio.Task[Any]] = {}

    async def read(self, key: Any, read: Callable[[], Awaitable[_T]]) -> _T:
        """The answer of `read`, or of an equal one that is about to begin.

        Args:
            key: equal for reads that have the same answer.
            read: asks the database.
        """
        task: asyncio.Task[_T] | None = self._waiting.get(key)
        if task is None:
            task = asyncio.create_task(self._in_turn(key, read))
            # Where all who wanted it have left, nobody asks how it ended.
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
            self._waiting[key] = task
        # One of many who leaves must not take the read away from the others.
        return await asyncio.shield(task)

    async def _in_turn(self, key: Any, read: Callable[[], Awaitable[_T]]) -> _T:
        async with self._places:
            self._waiting.pop(key, None)
            return await read()

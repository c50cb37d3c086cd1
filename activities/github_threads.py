"""Asking GitHub out of an event loop: its client blocks, everything else here does not.

Activities are asynchronous, because their other ports (database, object storage, bus) are; only the
calls to GitHub leave for threads, of which there are few. The other way round, activities in
threads, each of them would need its way back into the loop for every other port.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar, TypeVarTuple, Unpack

from temporalio import activity

# One call each; GitHub itself asks for no more than about a hundred at a time.
THREADS = 16
_HEARTBEAT_SECONDS = 2.0

Arguments = TypeVarTuple("Arguments")
Answer = TypeVar("Answer")


class GitHubThreads:
    """Runs blocking calls in a few threads, and heartbeats for the activity that waits."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="github")

    async def ask(
        self, call: Callable[[Unpack[Arguments]], Answer], *arguments: *Arguments
    ) -> Answer:
        """The call's answer. An activity that is cancelled does not wait for it any more."""
        loop = asyncio.get_running_loop()
        asking = loop.run_in_executor(self._pool, partial(call, *arguments))
        while not asking.done():
            activity.heartbeat()
            await asyncio.wait({asking}, timeout=_HEARTBEAT_SECONDS)
        return asking.result()

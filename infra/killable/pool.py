"""A few warm children of one kind, started when first needed and replaced when they are lost."""

import asyncio
from typing import Any

from infra.killable.process import ChildLostError, ChildProcess
from infra.killable.wire import Question

# A process may be lost to somebody else's kill or to memory that an earlier question left behind;
# only what also kills a fresh one is the question's own fault.
ATTEMPTS_MAX = 2


class KillablePool:
    """Asks children of one module; a question that is stuck costs one child and its own caller.

    Args:
        module: what `python -m` starts; it calls `infra.killable.serving.serve`.
        children: how many questions may be worked on at once.
        seconds_max: wall time of one question, after which its process is killed.
        cpu_seconds_max: processor time of one question, which a busy machine does not add to; 0 is
            no bound.
    """

    def __init__(
        self, module: str, *, children: int, seconds_max: float, cpu_seconds_max: float = 0
    ) -> None:
        self._module = module
        self._children = children
        self._seconds_max = seconds_max
        self._cpu_seconds_max = cpu_seconds_max
        self._closed = False
        # Last in, first out: the busiest child has the most in its caches. None is a slot whose
        # child is not running.
        self._slots: asyncio.LifoQueue[ChildProcess | None] = asyncio.LifoQueue()
        for _ in range(children):
            self._slots.put_nowait(None)

    async def ask(self, question: Question) -> dict[str, Any]:
        """The answer.

        Raises:
            ChildTimeoutError: it took too long.
            ChildSpentError: it took too much processor time.
            ChildLostError: its process ended, and so did that of a second try.
        """
        child = await self._slots.get()
        try:
            if self._closed:
                raise RuntimeError("the pool of processes is closed")
            for _ in range(ATTEMPTS_MAX):
                if child is None or not child.alive:
                    child = await ChildProcess.start(
                        self._module, self._seconds_max, self._cpu_seconds_max
                    )
                try:
                    return await child.ask(question)
                except ChildLostError as error:
                    lost = error
            raise lost
        finally:
            self._slots.put_nowait(child if child is not None and child.alive else None)

    async def close(self) -> None:
        """Wait for the questions in work, then end every child; whoever still queues is refused."""
        self._closed = True
        children = [await self._slots.get() for _ in range(self._children)]
        for child in children:
            if child is not None:
                await child.stop()
            self._slots.put_nowait(None)

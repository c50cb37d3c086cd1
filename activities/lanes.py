"""How runs get onto the queue: in their turn, as soon as their lane has room."""

import asyncio
from collections.abc import Awaitable, Callable
from weakref import WeakValueDictionary

from schema.contracts.run import RunRequest
from schema.ids import account_of_cast
from schema.names import run_subject

PAUSE_SECONDS_MIN = 0.02
PAUSE_SECONDS_MAX = 1.0


class Lanes:
    """Lets the runs of each lane ask for room one at a time, in the order in which they came.

    A lane is what one caster has of one module in the queue; the bus bounds it. Without turns a
    thousand waiting runs would all ask again and again, and the newest, which ask most often,
    would get in first.

    Args:
        publish: puts a run on the queue; False when its lane is full.
    """

    def __init__(self, publish: Callable[[RunRequest], Awaitable[bool]]) -> None:
        self._publish = publish
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def enter(
        self, cast_id: str, module_digest: str, make_request: Callable[[], RunRequest]
    ) -> None:
        """Return when the run is on the queue, however long that takes.

        Args:
            cast_id: whose run it is.
            module_digest: what it runs.
            make_request: called when it is the run's turn: those that wait need no copy of their
                inputs for it.

        Raises:
            SpellError: SERVICE_UNAVAILABLE, the queue as a whole is full, or away.
        """
        lane = run_subject(module_digest, account_of_cast(cast_id))
        turn = self._turns.setdefault(lane, asyncio.Lock())
        async with turn:
            request, pause_seconds = make_request(), PAUSE_SECONDS_MIN
            while not await self._publish(request):
                await asyncio.sleep(pause_seconds)
                pause_seconds = min(2 * pause_seconds, PAUSE_SECONDS_MAX)

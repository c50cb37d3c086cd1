"""How long the queue of runs is, as JetStream tells. Fits the API's port `RunQueue`."""

import asyncio
import logging
import time

import nats.errors
from nats.aio.client import Client

from infra.nats_connection import without_credentials
from schema.names import RUNS_STREAM

_KNOWN_SECONDS = 1.0
# A caller waits for the answer; a bus that is away is told by those who need it.
_ASK_SECONDS = 0.5

_log = logging.getLogger(__name__)


class NatsRunQueue:
    """Asks at most once a second, whoever wants to know."""

    def __init__(self, client: Client) -> None:
        self._js = client.jetstream(timeout=_ASK_SECONDS)
        self._asking = asyncio.Lock()
        self._depth = 0
        self._known_until = 0.0

    async def depth(self) -> int:
        """Runs that wait or are being worked on, as of a second ago; the last known while away."""
        async with self._asking:
            if time.monotonic() > self._known_until:
                await self._ask()
                self._known_until = time.monotonic() + _KNOWN_SECONDS
        return self._depth

    async def _ask(self) -> None:
        try:
            self._depth = (await self._js.stream_info(RUNS_STREAM)).state.messages
        except (TimeoutError, nats.errors.Error, OSError) as error:
            _log.warning("cannot read the depth of the queue: %s", without_credentials(error))

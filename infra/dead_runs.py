"""Reads the runs that the fleet gave up on, for operators."""

from dataclasses import dataclass
from datetime import datetime

import nats.errors
import nats.js.errors
from nats.js import JetStreamContext

from infra.nats_connection import without_credentials
from schema.contracts.run import DeadRun
from schema.errors import SpellError
from schema.names import DEAD_RUNS_STREAM


@dataclass(frozen=True)
class ListedDeadRun:
    """A dead run, and when it was noted."""

    run: DeadRun
    noted_at: datetime


async def read_dead_runs(js: JetStreamContext, *, limit: int) -> list[ListedDeadRun]:
    """The last `limit` dead runs, the newest first. Nothing is taken from the stream.

    Raises:
        SpellError: SERVICE_UNAVAILABLE, JetStream is away, or nobody has made the stream yet.
    """
    try:
        return await _read(js, limit)
    except (TimeoutError, nats.errors.Error, OSError) as error:
        message = f"The dead runs cannot be read: {without_credentials(error)}"
        raise SpellError("SERVICE_UNAVAILABLE", message) from None


async def _read(js: JetStreamContext, limit: int) -> list[ListedDeadRun]:
    state = (await js.stream_info(DEAD_RUNS_STREAM)).state
    found: list[ListedDeadRun] = []
    for sequence in range(state.last_seq, max(state.first_seq, 1) - 1, -1):
        if len(found) == limit:
            break
        try:
            message = await js.get_msg(DEAD_RUNS_STREAM, sequence, direct=True)
        except nats.js.errors.NotFoundError:
            continue  # it went in the meantime
        assert message.time is not None
        found.append(ListedDeadRun(DeadRun.model_validate_json(message.data or b""), message.time))
    return found

"""The floor: a Temporal workflow with a cast's commands and nothing in them.

One update-with-start, two local activities, one activity and one search-attribute upsert, like
`CastSpell`; run as a worker in a process of its own, like ours. With `sealed` it uses our data
converter, which encrypts every payload: the difference to the plain one is what privacy costs.
"""

import asyncio
import sys
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.common import SearchAttributeKey
from temporalio.converter import DataConverter
from temporalio.worker import Worker

from infra.blob_store import ObjectBlobStore
from infra.platform import make_vault
from infra.settings import PlatformSettings
from infra.temporal import data_converter

PLAIN, SEALED = "bench-plain", "bench-sealed"
_COST = SearchAttributeKey.for_int("SpellCostMicros")
_STATUS = SearchAttributeKey.for_keyword("SpellStatus")


@activity.defn
async def nothing(value: str) -> str:
    """Answer at once."""
    return value


@workflow.defn
class Bare:
    """Admit, run, settle: without admitting, running or settling anything."""

    def __init__(self) -> None:
        self._admitted = False

    @workflow.run
    async def run(self, value: str) -> str:
        """The same commands as a cast, in the same order."""
        brief = timedelta(seconds=10)
        await workflow.execute_local_activity(nothing, value, start_to_close_timeout=brief)
        self._admitted = True
        await workflow.execute_activity(
            nothing, value, start_to_close_timeout=brief, heartbeat_timeout=brief
        )
        await workflow.execute_local_activity(nothing, value, start_to_close_timeout=brief)
        workflow.upsert_search_attributes([_STATUS.value_set("done"), _COST.value_set(1)])
        return value

    @workflow.update
    async def admit(self) -> str:
        """Answer once admitted."""
        await workflow.wait_condition(lambda: self._admitted)
        return "admitted"


async def connect(queue: str, settings: PlatformSettings) -> Client:
    """A client that speaks the queue's kind of payloads."""
    converter = DataConverter.default
    if queue == SEALED:
        blobs = ObjectBlobStore(settings.object_store_url)
        converter = data_converter(make_vault(settings), blobs)
    return await Client.connect(settings.temporal_address, data_converter=converter)


async def work(queue: str) -> None:
    """Serve the bare workflow until killed."""
    worker = Worker(
        await connect(queue, PlatformSettings()),
        task_queue=queue,
        workflows=[Bare],
        activities=[nothing],
        max_cached_workflows=2000,
        max_concurrent_activities=500,
    )
    await worker.run()


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1]))

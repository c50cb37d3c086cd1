"""The bare workflow's worker, in its own process, like ours: `python -m bench.bare_worker QUEUE`.

On the sealed queue it uses our data converter, which encrypts every payload: the difference to
the plain one is what privacy costs.
"""

import asyncio
import sys

from temporalio.client import Client
from temporalio.converter import DataConverter
from temporalio.worker import Worker

from bench.bare import Bare, nothing
from infra.blob_store import ObjectBlobStore
from infra.platform import make_vault
from infra.settings import PlatformSettings
from infra.temporal import data_converter

PLAIN, SEALED = "bench-plain", "bench-sealed"


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

"""`make histories`: run every scenario on the test server and save what it recorded."""

import asyncio
import sysconfig
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from infra.blob_store import ObjectBlobStore
from infra.temporal import SEARCH_ATTRIBUTES, data_converter
from tests.support.platform import make_vault
from tests.support.scenarios import SCENARIOS
from tests.support.servers import scratch_database

FOLDER = Path(__file__).parent / "histories"


async def record() -> None:
    """Write one JSON file per scenario, each with a clock of its own."""
    async with scratch_database() as database:
        for name, scenario in SCENARIOS.items():
            async with _server() as client:
                history = await (await scenario(client, database)).fetch_history()
            (FOLDER / f"{name}.json").write_text(history.to_json() + "\n", "utf-8")
            print(f"recorded {name}: {len(history.events)} events")  # noqa: T201


@asynccontextmanager
async def _server() -> AsyncIterator[Client]:
    with tempfile.TemporaryDirectory() as scratch:
        converter = data_converter(make_vault(), ObjectBlobStore(f"file://{scratch}"))
        environment = await WorkflowEnvironment.start_time_skipping(
            test_server_existing_path=f"{sysconfig.get_path('scripts')}/temporal-test-server",
            data_converter=converter,
        )
        async with environment:
            await environment.client.operator_service.add_search_attributes(
                AddSearchAttributesRequest(namespace="default", search_attributes=SEARCH_ATTRIBUTES)
            )
            yield environment.client


if __name__ == "__main__":
    asyncio.run(record())

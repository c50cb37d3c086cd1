"""A Temporal with a clock that skips, shared by the workflow tests."""

import sysconfig
from collections.abc import AsyncIterator

import pytest
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from infra.blob_store import ObjectBlobStore
from infra.temporal import SEARCH_ATTRIBUTES, data_converter
from tests.support.platform import make_vault


@pytest.fixture(scope="session")
async def skipping(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[WorkflowEnvironment]:
    blobs = ObjectBlobStore(f"file://{tmp_path_factory.mktemp('payloads')}")
    environment = await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=f"{sysconfig.get_path('scripts')}/temporal-test-server",
        data_converter=data_converter(make_vault(), blobs),
    )
    async with environment:
        # This server can add search attributes, but not list them.
        await environment.client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(namespace="default", search_attributes=SEARCH_ATTRIBUTES)
        )
        yield environment


@pytest.fixture
def client(skipping: WorkflowEnvironment) -> Client:
    return skipping.client

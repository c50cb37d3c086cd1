"""A Temporal with a clock that skips, shared by the workflow tests."""

import sysconfig
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from infra.blob_store import ObjectBlobStore
from infra.temporal import SEARCH_ATTRIBUTES, data_converter
from tests.support.platform import make_vault


@asynccontextmanager
async def skipping_server(folder: Path) -> AsyncIterator[WorkflowEnvironment]:
    """A Temporal with a clock that skips, at the time of now."""
    blobs = ObjectBlobStore(f"file://{folder}")
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


@pytest.fixture(scope="session")
async def skipping(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[WorkflowEnvironment]:
    async with skipping_server(tmp_path_factory.mktemp("payloads")) as environment:
        yield environment


@pytest.fixture
async def fresh(tmp_path: Path) -> AsyncIterator[WorkflowEnvironment]:
    """One of its own, for tests of its clock: others' work cannot keep it from skipping."""
    async with skipping_server(tmp_path) as environment:
        yield environment


@pytest.fixture
def client(skipping: WorkflowEnvironment) -> Client:
    return skipping.client

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
from infra.postgres import Database
from infra.temporal import SEARCH_ATTRIBUTES, data_converter
from tests.support.builders import Person, make_person
from tests.support.local_stripe import StripeForTests, running_stripe
from tests.support.platform import make_vault
from tests.support.purchasing import PRICE, publish_template


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


@pytest.fixture
async def stripe(tmp_path: Path) -> AsyncIterator[StripeForTests]:
    """The local Stripe, in a process of the test's own."""
    async with running_stripe(tmp_path) as running:
        yield running


@pytest.fixture
async def sold(database: Database) -> tuple[Person, str]:
    """A buyer with credit, and the key of a template."""
    key = await publish_template(database, await make_person(database))
    return await make_person(database, credit_micros=PRICE), key

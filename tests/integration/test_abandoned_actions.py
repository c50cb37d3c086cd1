"""Goal: a run of Actions whose cast went away is cancelled. Method: Temporal's own server.

The server with a clock that skips may lose a cancel that comes while an activity ends: it refuses
the workflow task with ACTIVITY_UNKNOWN. So this is shown where it has to hold.
"""

import asyncio
import threading
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import pytest
from temporalio.client import Client, WorkflowFailureError
from temporalio.exceptions import is_cancelled_exception

from infra.blob_store import ObjectBlobStore
from infra.embedded.platform import EmbeddedPlatform
from infra.postgres import Database
from infra.temporal import data_converter
from schema.contracts.actions import ActionsLook, ActionsRunRef, LateState
from schema.contracts.plans import ActionsPlan
from schema.ids import late_run_workflow_id
from tests.support.actions_platform import ActionsPlatform, ToldGitHub
from tests.support.platform import make_vault


@pytest.fixture
async def client(servers: EmbeddedPlatform, tmp_path: Path) -> Client:
    return await Client.connect(
        servers.endpoints.temporal_address,
        data_converter=data_converter(make_vault(), ObjectBlobStore(f"file://{tmp_path}")),
    )


class SlowGitHub(ToldGitHub):
    """One call takes until the test lets it go on."""

    def __init__(self, slow: str) -> None:
        super().__init__(None)
        self.slow = slow
        self.names_runs = slow != "find"
        self.called, self.may_go_on = threading.Event(), threading.Event()

    def dispatch(
        self, plan: ActionsPlan, cast_id: str, inputs: Mapping[str, str]
    ) -> ActionsRunRef | None:
        run = super().dispatch(plan, cast_id, inputs)
        self._take_long("dispatch")
        return run

    def find(self, plan: ActionsPlan, cast_id: str, since: datetime) -> ActionsRunRef | None:
        self._take_long("find")
        return super().find(plan, cast_id, since)

    def look(self, run: ActionsRunRef) -> ActionsLook:
        self._take_long("look")
        return super().look(run)

    def _take_long(self, name: str) -> None:
        if name == self.slow and not self.called.is_set():
            self.called.set()
            assert self.may_go_on.wait(20)


@pytest.mark.parametrize("slow", ["dispatch", "find", "look"])
async def test_a_cancel_in_the_middle_of_a_call_cancels_the_run(
    client: Client, database: Database, slow: str
) -> None:
    github = SlowGitHub(slow)
    platform = ActionsPlatform(client, database, github)
    order = platform.order()
    async with platform.worker:
        handle = await platform.start(order)
        try:
            assert await asyncio.to_thread(github.called.wait, 20)
            await handle.cancel()
            with pytest.raises(WorkflowFailureError) as ended:
                await asyncio.wait_for(handle.result(), 20)
        finally:
            github.may_go_on.set()
        assert is_cancelled_exception(ended.value.cause)
        late = client.get_workflow_handle(
            late_run_workflow_id(order.cast_id), result_type=LateState
        )
        assert await asyncio.wait_for(late.result(), 40) is LateState.ENDED
    assert github.dispatched == [order.cast_id]
    assert github.cancels >= 1

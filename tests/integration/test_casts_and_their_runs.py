"""Goal: a cast whose Actions run is not what it takes it for costs nothing.

Method: Temporal's own server. The one with a clock that skips tells no parent that its child was
terminated, and ends what only waits.
"""

from pathlib import Path

import pytest
from temporalio.client import Client, WorkflowFailureError

from infra.blob_store import ObjectBlobStore
from infra.embedded.platform import EmbeddedPlatform
from infra.postgres import Database
from infra.temporal import data_converter
from schema.contracts.actions import ActionsOrder
from schema.contracts.cast import CastInput
from schema.ids import actions_workflow_id
from schema.names import GITHUB_TASK_QUEUE
from tests.support.actions import ON_ACTIONS, ScriptedGitHub
from tests.support.builders import Person, a_cast, make_person, publish
from tests.support.money import assert_books_balance, credit_left, open_holds
from tests.support.platform import CastingPlatform, make_vault
from tests.support.scripted_github import an_actions_plan

CREDIT = 1_000_000


@pytest.fixture
async def client(servers: EmbeddedPlatform, tmp_path: Path) -> Client:
    return await Client.connect(
        servers.endpoints.temporal_address,
        data_converter=data_converter(make_vault(), ObjectBlobStore(f"file://{tmp_path}")),
    )


class Scene:
    """A cast whose run, once asked for, goes on until it is stopped."""

    def __init__(self, client: Client, database: Database) -> None:
        self.client, self.database = client, database
        self.platform = CastingPlatform(client, database)
        self.github = ScriptedGitHub(client, script=lambda _: None)
        self.caster: Person

    async def request(self) -> CastInput:
        maker = await make_person(self.database)
        spell = await publish(self.database, maker, **ON_ACTIONS)
        self.caster = await make_person(self.database, credit_micros=CREDIT)
        return a_cast(self.caster, spell.spell_key)

    async def assert_nothing_was_paid(self) -> None:
        assert await credit_left(self.database, self.caster) == CREDIT
        assert await open_holds(self.database, self.caster) == 0
        await assert_books_balance(self.database)


async def test_a_run_that_an_operator_terminates_ends_its_cast_uncharged(
    client: Client, database: Database
) -> None:
    scene = Scene(client, database)
    request = await scene.request()
    async with scene.platform.worker, scene.github.worker:
        cast = await scene.platform.start(request)
        await scene.github.until_ordered()
        await client.get_workflow_handle(actions_workflow_id(request.cast_id)).terminate()
        with pytest.raises(WorkflowFailureError):
            await cast.result()
    await scene.assert_nothing_was_paid()


async def test_a_run_that_is_there_already_is_not_taken_for_this_one(
    client: Client, database: Database
) -> None:
    """After a reset of the cast, say: the run of before goes on, and nobody pays for it."""
    scene = Scene(client, database)
    request = await scene.request()
    async with scene.platform.worker, scene.github.worker:
        first = await client.start_workflow(
            "run_actions",
            ActionsOrder(cast_id=request.cast_id, plan=an_actions_plan(), inputs_json="{}"),
            id=actions_workflow_id(request.cast_id),
            task_queue=GITHUB_TASK_QUEUE,
        )
        await scene.github.until_ordered()
        with pytest.raises(WorkflowFailureError):
            await (await scene.platform.start(request)).result()
        assert len(scene.github.orders) == 1
        await first.terminate()
    await scene.assert_nothing_was_paid()

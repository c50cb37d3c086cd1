"""Goal: one look deletes all that is past its time, few at a time, and says how much it was."""

from temporalio.client import Client

from activities.artifacts import DELETED_PER_LOOK_MAX
from schema.contracts.maintenance import TidyArtifactsReport
from tests.support.artifacts import ScriptedTidying


async def look(client: Client, tidying: ScriptedTidying) -> TidyArtifactsReport:
    async with tidying.worker(client):
        report: TidyArtifactsReport = await (await tidying.start(client)).result()
        return report


async def test_it_goes_on_until_none_is_left(client: Client) -> None:
    assert (await look(client, ScriptedTidying([64, 64, 3]))).deleted == 131


async def test_one_look_is_bounded_and_the_next_one_goes_on(client: Client) -> None:
    pages = [DELETED_PER_LOOK_MAX // 2] * 3
    tidying = ScriptedTidying(pages)
    assert (await look(client, tidying)).deleted == DELETED_PER_LOOK_MAX
    assert (await look(client, tidying)).deleted == DELETED_PER_LOOK_MAX // 2

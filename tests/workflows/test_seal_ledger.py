"""Goal: one run watches for a minute, seals all that comes up, and survives a failed look."""

from temporalio.client import Client

from activities.ledger import LOOKS
from schema.contracts.ledger import SealReport
from tests.support.sealing import ScriptedSealing


async def watch(client: Client, sealing: ScriptedSealing) -> SealReport:
    async with sealing.worker(client):
        report: SealReport = await (await sealing.start(client)).result()
        return report


async def test_a_look_goes_on_until_nothing_is_left_and_the_next_one_looks_again(
    client: Client,
) -> None:
    sealing = ScriptedSealing([5_000, 5_000, 3, 0, 4])
    assert await watch(client, sealing) == SealReport(seals=4, rows=10_007)
    assert sealing.looks == LOOKS + 4, "each seal is followed by a look at once"


async def test_a_look_that_fails_is_followed_by_another_attempt(client: Client) -> None:
    sealing = ScriptedSealing([-1, 7])
    assert await watch(client, sealing) == SealReport(seals=1, rows=7)

"""Goal: what nobody withdrew is dropped, and nothing that may still be needed.

Method: the workflow with its real activity, over real Postgres with rows of all ages.
"""

import secrets
import uuid
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import text
from temporalio.client import Client
from temporalio.worker import Worker

from activities.purging import PurgingActivities
from infra.postgres import Database
from infra.repositories.github_deliveries import PostgresGitHubDeliveries
from infra.repositories.github_device_codes import PostgresGitHubDeviceCodes
from infra.repositories.run_inputs import StoredRunInputs
from schema.blob_keys import run_inputs_key
from schema.ids import cast_id_for
from tests.support.fakes import MemoryBlobs
from tests.support.platform import make_vault
from workflows.tidy_actions import TidyActions

MONTH = timedelta(days=30)
HOUR = timedelta(hours=1)
_DELIVERIES = text(
    "INSERT INTO github_deliveries (delivery_id, event, received_at)"
    " SELECT :prefix || n, 'workflow_run', now() - CAST(:age AS interval)"
    " FROM generate_series(1, :count) AS n"
)
_LEFT = text("SELECT delivery_id FROM github_deliveries WHERE delivery_id LIKE :prefix || '%'")
_INPUTS_AGED = text(
    "WITH gone AS (DELETE FROM run_inputs WHERE cast_id = :cast_id RETURNING *)"
    " INSERT INTO run_inputs SELECT token_hash, cast_id, blob_key, created_at,"
    " expires_at - CAST(:age AS interval), used_at FROM gone"
)


class Left:
    """What runs left, and one look at it."""

    def __init__(self, client: Client, database: Database) -> None:
        self.client, self.database, self.blobs = client, database, MemoryBlobs()
        self.prefix = secrets.token_hex(8)
        self.inputs = StoredRunInputs(database, self.blobs, make_vault(), "https://spell.example")

    async def deliveries(self, count: int, age: timedelta, name: str) -> None:
        row = {"prefix": f"{self.prefix}-{name}-", "age": age, "count": count}
        async with self.database.transaction() as connection:
            await connection.execute(_DELIVERIES, row)

    async def offered(self, age: timedelta) -> str:
        """Inputs whose address ended so long ago; the key of their blob."""
        cast_id = cast_id_for(f"acct_{'a' * 16}", b"secret", secrets.token_hex(8))
        await self.inputs.offer(cast_id, "{}")
        async with self.database.transaction() as connection:
            await connection.execute(_INPUTS_AGED, {"cast_id": cast_id, "age": age})
        return run_inputs_key(cast_id)

    async def look(self) -> int:
        purging = PurgingActivities(
            self.inputs,
            PostgresGitHubDeliveries(self.database),
            PostgresGitHubDeviceCodes(self.database, make_vault()),
        )
        queue = f"tidy-{uuid.uuid4()}"
        activities = [purging.actions]
        async with Worker(
            self.client, task_queue=queue, workflows=[TidyActions], activities=activities
        ):
            return await self.client.execute_workflow(TidyActions.run, id=queue, task_queue=queue)

    async def left(self) -> Sequence[str]:
        async with self.database.reading() as connection:
            found = (await connection.execute(_LEFT, {"prefix": self.prefix})).scalars().all()
        return sorted(found)


async def test_what_is_past_its_time_goes_and_the_rest_stays(
    client: Client, database: Database
) -> None:
    left = Left(client, database)
    await left.deliveries(2, MONTH + HOUR, "old")
    await left.deliveries(1, MONTH - HOUR, "young")
    old, young = await left.offered(timedelta(days=2)), await left.offered(HOUR)
    assert await left.look() >= 3
    assert await left.left() == [f"{left.prefix}-young-1"]
    assert set(left.blobs.content) == {young}
    assert old != young


async def test_one_look_takes_more_than_one_helping(client: Client, database: Database) -> None:
    left = Left(client, database)
    await left.deliveries(2_500, MONTH + HOUR, "old")
    assert await left.look() >= 2_500
    assert await left.left() == []


async def test_a_second_look_finds_nothing_to_do(client: Client, database: Database) -> None:
    left = Left(client, database)
    await left.deliveries(3, MONTH + HOUR, "old")
    await left.look()
    assert await left.look() == 0

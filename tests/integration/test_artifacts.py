"""Goal: what casts leave is written down once, kept for its time, and then deleted."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from infra.artifact_store import EncryptedArtifactStore
from infra.blob_store import ObjectBlobStore
from infra.expired_artifacts import BlobExpiredArtifacts
from infra.postgres import Database
from infra.repositories.artifacts import PostgresArtifacts
from infra.repositories.cast_reads import PostgresCastReads
from schema.blob_keys import error_stream_key, output_key
from schema.contracts.cast import CastInput, EventKind
from schema.contracts.problem import Problem
from schema.contracts.run import Outcome
from schema.errors import SpellError
from tests.support.artifacts import SettledCasts
from tests.support.platform import make_vault

LIFETIME = timedelta(days=30)


class Stage:
    """Settled casts with real content in a folder."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database, self.folder = database, folder
        self.blobs = ObjectBlobStore(f"file://{folder}")
        self.store = EncryptedArtifactStore(self.blobs, make_vault())
        self.settled = SettledCasts(database, LIFETIME)
        self.expired = BlobExpiredArtifacts(database, self.blobs, LIFETIME)
        self.rows = PostgresArtifacts(database)

    async def ended(self, outcome: Outcome = Outcome.SUCCEEDED) -> CastInput:
        """A cast that left two artifacts, an output and an error stream."""
        request = await self.settled.held()
        kept = [await self.store.keep(request.cast_id, name, b"content") for name in ("a", "b/c")]
        keys = {"stderr_key": error_stream_key(request.cast_id)}
        if outcome is Outcome.SUCCEEDED:
            keys["output_key"] = output_key(request.cast_id)
        for key in keys.values():
            await self.blobs.put(key, b"sealed")
        code = None if outcome is Outcome.SUCCEEDED else Problem.of(SpellError("SPELL_FAILED"))
        await self.settled.settle(request, kept, outcome, problem=code, **keys)
        return request

    async def age(self, request: CastInput, days: int) -> None:
        """Make the cast and what it left so much older."""
        # What never changes is made older behind the back of the rule that keeps it so.
        for statement in (
            "UPDATE casts SET finished_at = finished_at - make_interval(days => :days)"
            " WHERE id = :id",
            "ALTER TABLE artifacts DISABLE TRIGGER artifacts_deleted_once",
            "UPDATE artifacts SET expires_at = expires_at - make_interval(days => :days),"
            " created_at = created_at - make_interval(days => :days) WHERE cast_id = :id",
            "ALTER TABLE artifacts ENABLE TRIGGER artifacts_deleted_once",
        ):
            await self.run(statement, {"days": days, "id": request.cast_id})

    async def run(self, statement: str, parameters: dict[str, object]) -> None:
        async with self.database.transaction() as connection:
            named = {k: v for k, v in parameters.items() if f":{k}" in statement}
            await connection.execute(text(statement), named)

    async def tidy(self) -> None:
        while await self.expired.purge():
            pass

    def files(self, request: CastInput) -> int:
        folder = self.folder / "casts" / request.cast_id
        return len([path for path in folder.rglob("*") if path.is_file()])


@pytest.fixture
def stage(database: Database, tmp_path: Path) -> Stage:
    return Stage(database, tmp_path)


async def test_a_settled_cast_has_rows_and_says_how_much_it_left(stage: Stage) -> None:
    request = await stage.ended()
    found = await stage.rows.of_cast(request.account_id, request.cast_id)
    assert [view.name for view, _ in found] == ["a", "b/c"]
    assert all(view.expires_at - view.created_at == LIFETIME for view, _ in found)
    events = await PostgresCastReads(stage.database).events(request.cast_id, after=0)
    (storing,) = [event for event in events if event.kind is EventKind.STORING]
    assert (storing.data["artifacts"], storing.data["artifact_bytes"]) == (2, 14)


async def test_settling_twice_writes_them_once(stage: Stage) -> None:
    request = await stage.ended()
    await stage.settled.settle(request, [])
    assert len(await stage.rows.of_cast(request.account_id, request.cast_id)) == 2


async def test_another_account_finds_none(stage: Stage) -> None:
    request, other = await stage.ended(), await stage.settled.held()
    assert await stage.rows.of_cast(other.account_id, request.cast_id) == []


async def test_what_a_failed_run_left_goes_at_the_next_look(stage: Stage) -> None:
    request = await stage.ended(Outcome.FAILED)
    assert stage.files(request) == 3
    await stage.tidy()
    assert stage.files(request) == 1, "the error stream stays: it says why"


async def test_content_goes_when_its_time_is_up_and_not_a_day_before(stage: Stage) -> None:
    old, young = await stage.ended(), await stage.ended()
    await stage.age(old, 30)
    await stage.age(young, 29)
    await stage.tidy()
    assert (stage.files(old), stage.files(young)) == (1, 4)
    found = await stage.rows.of_cast(old.account_id, old.cast_id)
    assert all(view.deleted_at is not None for view, _ in found)
    view = await PostgresCastReads(stage.database).cast(old.account_id, old.cast_id)
    assert view is not None
    assert not view.output_kept
    await stage.age(old, 60)
    await stage.tidy()
    assert stage.files(old) == 0, "error streams go after 90 days"


async def test_a_deletion_that_was_interrupted_is_finished_by_the_next_look(stage: Stage) -> None:
    request = await stage.ended()
    await stage.age(request, 31)
    await stage.blobs.delete(output_key(request.cast_id))
    await stage.tidy()
    assert stage.files(request) == 1


async def test_more_than_one_page_is_deleted(stage: Stage) -> None:
    requests = [await stage.ended(Outcome.FAILED) for _ in range(40)]
    assert await stage.expired.purge() == 64
    await stage.tidy()
    assert sum(map(stage.files, requests)) == 40


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE artifacts SET bytes = 1 WHERE cast_id = :id",
        "UPDATE artifacts SET expires_at = now() + interval '99 days' WHERE cast_id = :id",
        "UPDATE artifacts SET deleted_at = now() WHERE cast_id = :id",
        "DELETE FROM artifacts WHERE cast_id = :id",
        "INSERT INTO artifacts SELECT * FROM artifacts WHERE cast_id = :id",
        "INSERT INTO artifacts SELECT cast_id, '../x', account_id, content_type, digest, bytes,"
        " 'k', created_at, expires_at FROM artifacts WHERE cast_id = :id",
        "INSERT INTO artifacts SELECT cast_id, 'output.json', account_id, content_type, digest,"
        " bytes, 'k', created_at, expires_at FROM artifacts WHERE cast_id = :id",
        "INSERT INTO artifacts SELECT cast_id, 'x', account_id, content_type, digest, -1,"
        " 'k', created_at, expires_at FROM artifacts WHERE cast_id = :id",
    ],
)
async def test_rows_about_artifacts_never_change(stage: Stage, statement: str) -> None:
    request = await stage.ended()
    with pytest.raises(DBAPIError) as refused:
        await stage.run(statement, {"id": request.cast_id})
    assert str(getattr(refused.value.orig, "sqlstate", "")).startswith("23")

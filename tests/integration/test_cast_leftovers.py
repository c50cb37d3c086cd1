"""Goal: what a run stored whose cast did not succeed is deleted, and nothing else.

Method: real rows in Postgres and real files; an hour passes by making rows older.
"""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from infra.artifact_store import EncryptedArtifactStore
from infra.blob_store import ObjectBlobStore
from infra.expired_artifacts import BlobExpiredArtifacts
from infra.postgres import Database
from schema.blob_keys import artifact_key, error_stream_key, output_key, replay_key, run_inputs_key
from schema.contracts.cast import CastInput, ReleaseOrder, RunOutcome
from schema.contracts.problem import Problem
from schema.contracts.run import Outcome
from schema.errors import SpellError
from schema.settlement import revoked_end
from tests.support.artifacts import SettledCasts
from tests.support.builders import USAGE
from tests.support.platform import make_vault

REVOKED = Problem.of(SpellError("SPELL_REVOKED"))
LOST = Problem.of(SpellError("INTERNAL"))


class Stage:
    """Casts whose runs have stored all that a run can store."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.blobs = ObjectBlobStore(f"file://{folder}")
        self.settled = SettledCasts(database)
        self.expired = BlobExpiredArtifacts(database, self.blobs, timedelta(days=30))
        self.store = EncryptedArtifactStore(self.blobs, make_vault())

    async def stored(self) -> tuple[CastInput, RunOutcome]:
        request = await self.settled.held()
        cast_id = request.cast_id
        kept = [await self.store.keep(cast_id, name, b"content") for name in ("a", "b/c")]
        for key in (output_key(cast_id), error_stream_key(cast_id), run_inputs_key(cast_id)):
            await self.blobs.put(key, b"sealed")
        outcome = RunOutcome(
            outcome=Outcome.SUCCEEDED,
            usage=USAGE,
            artifacts=kept,
            output_key=output_key(cast_id),
            stderr_key=error_stream_key(cast_id),
        )
        return request, outcome

    async def release(self, request: CastInput) -> None:
        await self.settled.casts.release(
            ReleaseOrder(
                cast_id=request.cast_id,
                account_id=request.account_id,
                fingerprint=request.fingerprint,
                spell_key=request.spell_key,
                problem=LOST,
            )
        )

    async def hour_later(self) -> None:
        async with self.database.transaction() as connection:
            await connection.execute(
                text("UPDATE cast_leftovers SET ended_at = ended_at - interval '61 minutes'")
            )

    async def tidy(self) -> None:
        while await self.expired.purge():
            pass

    async def keys(self, request: CastInput) -> set[str]:
        return set(await self.blobs.keys_below(f"casts/{request.cast_id}/"))

    async def waiting(self) -> int:
        async with self.database.reading() as connection:
            found = await connection.execute(text("SELECT count(*) FROM cast_leftovers"))
            return int(found.scalar_one())


@pytest.fixture
def stage(database: Database, tmp_path: Path) -> Stage:
    return Stage(database, tmp_path)


async def test_all_that_a_released_cast_stored_goes_after_an_hour(stage: Stage) -> None:
    request, _ = await stage.stored()
    await stage.release(request)
    await stage.tidy()
    assert len(await stage.keys(request)) == 5, "a worker that was left behind may still store"
    await stage.hour_later()
    await stage.tidy()
    assert await stage.keys(request) == set()
    assert await stage.waiting() == 0


async def test_what_is_stored_after_the_release_goes_as_well(stage: Stage) -> None:
    request = await stage.settled.held()
    await stage.release(request)
    await stage.store.keep(request.cast_id, "late", b"content")
    await stage.hour_later()
    await stage.tidy()
    assert await stage.keys(request) == set()


async def test_of_a_run_that_was_revoked_at_its_very_end_the_log_alone_stays(stage: Stage) -> None:
    request, outcome = await stage.stored()
    end = revoked_end(outcome, REVOKED)
    members = end.model_dump(exclude={"outcome", "usage", "artifacts"})
    await stage.settled.settle(request, end.artifacts, end.outcome, **members)
    await stage.hour_later()
    await stage.tidy()
    assert await stage.keys(request) == {error_stream_key(request.cast_id)}


async def test_the_report_on_a_replay_of_a_failed_cast_stays(stage: Stage) -> None:
    request = await stage.settled.held()
    problem = Problem.of(SpellError("SPELL_FAILED"))
    await stage.settled.settle(request, [], Outcome.FAILED, problem=problem)
    await stage.blobs.put(replay_key(request.cast_id), b"sealed")
    await stage.hour_later()
    await stage.tidy()
    assert await stage.keys(request) == {replay_key(request.cast_id)}


async def test_a_success_is_left_alone(stage: Stage) -> None:
    request, outcome = await stage.stored()
    members = outcome.model_dump(exclude={"outcome", "usage", "artifacts"})
    await stage.settled.settle(request, outcome.artifacts, outcome.outcome, **members)
    before = await stage.keys(request)
    await stage.hour_later()
    await stage.tidy()
    assert await stage.keys(request) == before
    assert artifact_key(request.cast_id, "a") in before


async def test_a_cast_whose_id_begins_like_anothers_keeps_its_own(stage: Stage) -> None:
    request = await stage.settled.held()
    neighbour = f"casts/{request.cast_id}x/output"
    await stage.blobs.put(neighbour, b"sealed")
    await stage.release(request)
    await stage.hour_later()
    await stage.tidy()
    assert await stage.blobs.get(neighbour) == b"sealed"


async def test_a_deletion_that_was_interrupted_comes_again(stage: Stage) -> None:
    request, _ = await stage.stored()
    await stage.release(request)
    await stage.hour_later()
    await stage.blobs.delete(output_key(request.cast_id))
    await stage.tidy()
    assert await stage.keys(request) == set()

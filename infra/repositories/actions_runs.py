"""Dispatches to GitHub Actions, in Postgres. Fits the port `ActionsRuns`, and serves the inbox."""

from datetime import datetime

from sqlalchemy import text

from infra.postgres import Database
from schema.contracts.actions import ActionsRunRef
from schema.contracts.plans import ActionsPlan

# One statement decides who may ask GitHub: nobody who finds a dispatch whose fate is open.
_INTEND = text(
    "INSERT INTO actions_runs (cast_id, repo, workflow, ref)"
    " VALUES (:cast_id, :repo, :workflow, :ref)"
    " ON CONFLICT (cast_id) DO UPDATE SET asked_at = now() WHERE actions_runs.asked_at IS NULL"
    " RETURNING cast_id"
)
_INTENDED = text("SELECT intended_at FROM actions_runs WHERE cast_id = :cast_id")
_REFUSED = text(
    "UPDATE actions_runs SET asked_at = NULL WHERE cast_id = :cast_id AND run_id IS NULL"
)
_DISPATCHED = text(
    "UPDATE actions_runs SET run_id = :run_id, html_url = :html_url"
    " WHERE cast_id = :cast_id AND run_id IS NULL"
)
_RUN = text(
    "SELECT repo, run_id, html_url FROM actions_runs"
    " WHERE cast_id = :cast_id AND run_id IS NOT NULL"
)
_PLACE = text("SELECT repo, workflow, run_id FROM actions_runs WHERE cast_id = :cast_id")
_CAST = text(
    "SELECT cast_id FROM actions_runs WHERE lower(repo) = lower(:repo) AND run_id = :run_id"
)


class PostgresActionsRuns:
    """What was asked of GitHub for which cast."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def intend(self, cast_id: str, plan: ActionsPlan) -> bool:
        """Record the intent; whether GitHub may be asked now."""
        row = {
            "cast_id": cast_id,
            "repo": plan.repo,
            "workflow": plan.workflow,
            "ref": plan.ref,
        }
        async with self._database.transaction() as connection:
            return (await connection.execute(_INTEND, row)).first() is not None

    async def intended_at(self, cast_id: str) -> datetime | None:
        """When the intent was first had; None when there was none."""
        async with self._database.reading() as connection:
            found = await connection.execute(_INTENDED, {"cast_id": cast_id})
            at: datetime | None = found.scalar_one_or_none()
        return at

    async def refused(self, cast_id: str) -> None:
        """Record that GitHub certainly did not take the dispatch: it may be asked again."""
        async with self._database.transaction() as connection:
            await connection.execute(_REFUSED, {"cast_id": cast_id})

    async def dispatched(self, cast_id: str, run: ActionsRunRef) -> None:
        """Record which run it became; the first answer stays."""
        row = {"cast_id": cast_id, "run_id": run.run_id, "html_url": run.html_url}
        async with self._database.transaction() as connection:
            await connection.execute(_DISPATCHED, row)

    async def run_of(self, cast_id: str) -> ActionsRunRef | None:
        """The run of a cast, if it is known."""
        async with self._database.reading() as connection:
            row = (await connection.execute(_RUN, {"cast_id": cast_id})).first()
        if row is None:
            return None
        return ActionsRunRef(repo=row.repo, run_id=row.run_id, html_url=row.html_url)

    async def may_be_run_of(self, cast_id: str, run: ActionsRunRef, workflow: str) -> bool:
        """Whether a run is where this cast was dispatched to, and no other run is known as its."""
        async with self._database.reading() as connection:
            row = (await connection.execute(_PLACE, {"cast_id": cast_id})).first()
        if row is None or row.run_id not in (None, run.run_id):
            return False
        same_repo = str(row.repo).lower() == run.repo.lower()
        return same_repo and row.workflow == workflow

    async def cast_of(self, repo: str, run_id: int) -> str | None:
        """The cast whose run this is known to be."""
        async with self._database.reading() as connection:
            row = (await connection.execute(_CAST, {"repo": repo, "run_id": run_id})).first()
        return None if row is None else str(row.cast_id)

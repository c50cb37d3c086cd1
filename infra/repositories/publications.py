"""Publications and their events, in Postgres. Fits the port `Publications`, reads for the API."""

from datetime import timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.postgres import Database, as_jsonb, row_dict
from infra.repositories.supply_chain_log import append_entry
from schema.contracts.problem import Problem
from schema.contracts.publish import (
    PublicationEventKind,
    PublicationEventView,
    PublicationState,
    PublicationView,
    PublishInput,
    PublishResult,
    PublishStep,
)
from schema.contracts.supply_chain_log import DeedKind, LogEntry
from schema.errors import SpellError
from schema.limits import PUBLICATIONS_RUNNING_MAX
from schema.supply_chain.verdicts import by_check

_BEGIN = text(
    "INSERT INTO publications (id, account_id, package_digest, package_bytes, bundle_digest)"
    " VALUES (:publication_id, :account_id, :package_digest, :package_bytes, :bundle_digest)"
    " ON CONFLICT (id) DO NOTHING"
)
_LOCK_ACCOUNT = text("SELECT id FROM accounts WHERE id = :account_id FOR NO KEY UPDATE")
_RUNNING = text(
    "SELECT count(*) FROM publications WHERE account_id = :account_id AND state = 'running'"
)
_FIND = text("SELECT * FROM publications WHERE id = :id AND account_id = :account_id")
# The event's number is drawn in the transaction that writes it: no gaps, and one order.
_NOTE = text(
    "WITH told AS (SELECT FROM publication_events WHERE publication_id = :id AND kind = :kind"
    "  AND step = :step),"
    " counted AS (UPDATE publications SET event_seq = event_seq + 1, step = :shown"
    "  WHERE id = :id AND state = 'running' AND NOT EXISTS (SELECT FROM told)"
    "  RETURNING event_seq)"
    " INSERT INTO publication_events (publication_id, seq, kind, step, data)"
    " SELECT :id, event_seq, :kind, :step, CAST(:data AS jsonb) FROM counted"
)
_LOCK = text("SELECT id, account_id, state FROM publications WHERE id = :id FOR UPDATE")
_END = text(
    "WITH ended AS (UPDATE publications SET state = :state, result = CAST(:result AS jsonb),"
    "  finished_at = now(), event_seq = event_seq + 1 WHERE id = :id RETURNING event_seq)"
    " INSERT INTO publication_events (publication_id, seq, kind, step, data)"
    " SELECT :id, event_seq, :state, '', CAST(:data AS jsonb) FROM ended"
)
# A package that became a version was published, whatever came of its workflow afterwards.
_OPEN = text(
    "SELECT p.id, p.package_digest, v.spell_key, v.version FROM publications p"
    " LEFT JOIN (spell_versions v JOIN spells s ON s.key = v.spell_key)"
    "  ON v.package_digest = p.package_digest AND s.account_id = p.account_id"
    " WHERE p.state = 'running' AND p.created_at < now() - CAST(:age AS interval)"
    " ORDER BY p.created_at, p.id OFFSET :skip LIMIT :limit"
)
_RESULT = text("SELECT result FROM publications WHERE id = :id")
_ENDED_FROM_OUTSIDE = (
    "The publication was ended from outside before it came to a verdict. "
    "Publish again, with a new Idempotency-Key."
)
_EVENTS = text(
    "SELECT seq, kind, nullif(step, '') AS step, data, created_at FROM publication_events"
    " WHERE publication_id = :id AND seq > :after ORDER BY seq LIMIT :limit"
)


class PostgresPublications:
    """How far publications are, and how they ended."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, request: PublishInput) -> None:
        """Record a publication before it starts; the same one again stays.

        Raises:
            SpellError: IDEMPOTENCY_CONFLICT, its key is another package's; TOO_MANY_UPLOADS,
                the account has as many publications running as it may.
        """
        found = {"id": request.publication_id, "account_id": request.account_id}
        async with self._database.transaction() as connection:
            await connection.execute(_LOCK_ACCOUNT, found)
            known = (await connection.execute(_FIND, found)).one_or_none()
            if known is None:
                await _check_running(connection, found)
                await connection.execute(_BEGIN, request.model_dump())
                return
        wanted = (request.package_digest, request.bundle_digest)
        if (known.package_digest, known.bundle_digest) != wanted:
            details = {"publication_id": request.publication_id}
            raise SpellError("IDEMPOTENCY_CONFLICT", details=details)

    async def note_step(
        self,
        publication_id: str,
        kind: PublicationEventKind,
        step: PublishStep,
        data: dict[str, Any],
    ) -> None:
        """Append the event of a step, unless it is there already or the publication has ended."""
        row = {
            "id": publication_id,
            "kind": kind.value,
            "step": step.value,
            "shown": step.value,
            "data": as_jsonb(data),
        }
        async with self._database.transaction() as connection:
            await connection.execute(_LOCK, {"id": publication_id})
            await connection.execute(_NOTE, row)

    async def conclude(self, publication_id: str, result: PublishResult) -> None:
        """End the publication; the first end stays. A refusal is also written into the log."""
        state = PublicationState.REFUSED if result.problem else PublicationState.PUBLISHED
        async with self._database.transaction() as connection:
            known = (await connection.execute(_LOCK, {"id": publication_id})).one_or_none()
            if known is None or known.state != PublicationState.RUNNING:
                return
            row = {
                "id": publication_id,
                "state": state.value,
                "result": as_jsonb(result),
                "data": as_jsonb(result),
            }
            await connection.execute(_END, row)
            if result.problem is not None:
                await _log_refusal(connection, known.account_id, publication_id, result)

    async def open_publications(
        self, *, older_than_seconds: int, skip: int, limit: int
    ) -> list[PublishResult]:
        """How publications that run end if their workflow is gone, oldest first."""
        parameters = {"age": timedelta(seconds=older_than_seconds), "skip": skip, "limit": limit}
        async with self._database.reading() as connection:
            return [_left_result(row) for row in await connection.execute(_OPEN, parameters)]

    async def result(self, publication_id: str) -> PublishResult | None:
        """How a publication ended; None while it has not."""
        async with self._database.reading() as connection:
            row = (await connection.execute(_RESULT, {"id": publication_id})).one_or_none()
        if row is None or row.result is None:
            return None
        return PublishResult.model_validate(row.result)

    async def publication(self, account_id: str, publication_id: str) -> PublicationView | None:
        """One publication of the account."""
        parameters = {"id": publication_id, "account_id": account_id}
        async with self._database.reading() as connection:
            row = (await connection.execute(_FIND, parameters)).one_or_none()
        if row is None:
            return None
        return PublicationView(
            publication_id=row.id,
            state=row.state,
            step=row.step,
            package_digest=row.package_digest,
            package_bytes=row.package_bytes,
            signed=row.bundle_digest is not None,
            result=row.result,
            created_at=row.created_at,
            finished_at=row.finished_at,
        )

    async def events(
        self, publication_id: str, *, after: int, limit: int = 200
    ) -> list[PublicationEventView]:
        """Events of a publication above a sequence number."""
        parameters = {"id": publication_id, "after": after, "limit": limit}
        async with self._database.reading() as connection:
            rows = await connection.execute(_EVENTS, parameters)
            return [PublicationEventView(**row_dict(row)) for row in rows]


async def _check_running(connection: AsyncConnection, account: dict[str, Any]) -> None:
    """Nobody's publications may fill the queue that everybody's wait in."""
    if (await connection.execute(_RUNNING, account)).scalar_one() < PUBLICATIONS_RUNNING_MAX:
        return
    message = f"At most {PUBLICATIONS_RUNNING_MAX} publications of an account run at a time."
    details = {"running_publications_max": PUBLICATIONS_RUNNING_MAX}
    raise SpellError("TOO_MANY_UPLOADS", message, details=details, retry_after=10)


def _left_result(row: Any) -> PublishResult:
    problem = SpellError("INTERNAL", _ENDED_FROM_OUTSIDE) if row.version is None else None
    return PublishResult(
        package_digest=row.package_digest,
        publication_id=row.id,
        spell_key=row.spell_key,
        version=row.version,
        created=row.version is not None,
        problem=Problem.of(problem) if problem else None,
    )


async def _log_refusal(
    connection: AsyncConnection, account_id: str, publication_id: str, result: PublishResult
) -> None:
    assert result.problem is not None
    entry = LogEntry(
        reference=f"refused:{publication_id}",
        kind=DeedKind.REFUSED,
        actor=account_id,
        spell_key=result.spell_key,
        version=result.version,
        package_digest=result.package_digest,
        details={
            "code": result.problem.code,
            "checks": by_check(result.decision) if result.decision else {},
        },
    )
    await append_entry(connection, entry)

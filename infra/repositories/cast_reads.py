"""Reads about casts for the API: always within one account."""

from datetime import datetime
from typing import Any

from sqlalchemy import text

from infra.postgres import Database, row_dict
from schema.contracts.cast import Admission
from schema.contracts.views import CastView, EventView, TransferView

_ADMISSION = text("SELECT fingerprint, admission FROM idempotency_records WHERE cast_id = :cast_id")
_OPEN_CASTS = text(
    "SELECT count(*) FROM (SELECT 1 FROM holds WHERE account_id = :account_id AND state = 'held'"
    " LIMIT :at_most) AS open_holds"
)
_CAST = text("SELECT * FROM casts WHERE id = :cast_id AND account_id = :account_id")
_CASTS = text(
    "SELECT * FROM casts WHERE account_id = :account_id"
    " AND (CAST(:status AS text) IS NULL OR status = :status)"
    " AND (CAST(:before_at AS timestamptz) IS NULL OR (created_at, id) < (:before_at, :before_id))"
    " ORDER BY created_at DESC, id DESC LIMIT :limit"
)
_EVENTS = text(
    "SELECT seq, kind, data, created_at FROM cast_events"
    " WHERE cast_id = :cast_id AND seq > :after ORDER BY seq LIMIT :limit"
)
_TRANSFERS = text(
    "SELECT reference, kind, debit_account_id, credit_account_id, currency, amount_micros,"
    " created_at FROM ledger_transfers WHERE cast_id = :cast_id ORDER BY id"
)


class PostgresCastReads:
    """What the API shows of casts, their events and their money."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def admission(self, cast_id: str) -> tuple[str, Admission] | None:
        """(fingerprint, admission) that this cast id was answered with, or None."""
        async with self._database.reading() as connection:
            row = (await connection.execute(_ADMISSION, {"cast_id": cast_id})).one_or_none()
        return (row.fingerprint, Admission.model_validate(row.admission)) if row else None

    async def open_casts(self, account_id: str, *, at_most: int) -> int:
        """How many casts of the account have not ended; counted up to `at_most`."""
        async with self._database.reading() as connection:
            parameters = {"account_id": account_id, "at_most": at_most}
            return int((await connection.execute(_OPEN_CASTS, parameters)).scalar_one())

    async def cast(self, account_id: str, cast_id: str) -> CastView | None:
        """One cast of the account, or None."""
        async with self._database.reading() as connection:
            parameters = {"cast_id": cast_id, "account_id": account_id}
            row = (await connection.execute(_CAST, parameters)).one_or_none()
        return _view(row) if row is not None else None

    async def casts(
        self,
        account_id: str,
        *,
        status: str | None,
        before: tuple[datetime, str] | None,
        limit: int,
    ) -> list[CastView]:
        """The account's casts, newest first, below a position (created_at, id)."""
        before_at, before_id = before or (None, "")
        async with self._database.reading() as connection:
            rows = await connection.execute(
                _CASTS,
                {
                    "account_id": account_id,
                    "status": status,
                    "before_at": before_at,
                    "before_id": before_id,
                    "limit": limit,
                },
            )
            return [_view(row) for row in rows]

    async def events(self, cast_id: str, *, after: int, limit: int = 200) -> list[EventView]:
        """Events of a cast above a sequence number, in order."""
        async with self._database.reading() as connection:
            rows = await connection.execute(
                _EVENTS, {"cast_id": cast_id, "after": after, "limit": limit}
            )
            return [EventView(**row_dict(row)) for row in rows]

    async def transfers(self, cast_id: str) -> list[TransferView]:
        """The cast's movements in the ledger, in order."""
        async with self._database.reading() as connection:
            rows = await connection.execute(_TRANSFERS, {"cast_id": cast_id})
            return [TransferView(**row_dict(row)) for row in rows]


def _view(row: Any) -> CastView:
    return CastView(
        cast_id=row.id,
        spell=row.spell_key,
        version=row.version,
        mode=row.mode,
        fell_back=row.fell_back,
        status=row.status,
        billing=row.billing,
        currency=row.currency,
        estimated_cost_micros=row.estimated_cost_micros,
        cost_micros=row.cost_micros,
        api_key_id=row.api_key_id,
        usage=row.usage,
        problem=row.problem,
        violations=row.violations or [],
        stages=row.stages,
        engine=row.engine,
        output_kept=row.output_key is not None,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
    )

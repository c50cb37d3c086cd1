"""Schedules as their accounts make and see them, in Postgres. Fits the API's port `Schedules`."""

from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.postgres import Database, as_jsonb, row_dict
from infra.vault import PlatformVault
from schema.contracts.schedules import (
    NewSchedule,
    PauseReason,
    ScheduledSpell,
    ScheduleRunView,
    ScheduleState,
    ScheduleView,
    Timing,
)
from schema.errors import SpellError

_LOCK_ACCOUNT = text("SELECT id FROM accounts WHERE id = :account_id FOR NO KEY UPDATE")
_FIND = text("SELECT * FROM schedules WHERE id = :id AND account_id = :account_id")
_COUNT = text(
    "SELECT count(*) FROM schedules WHERE account_id = :account_id AND state <> 'deleted'"
)
_INSERT = text(
    "INSERT INTO schedules (id, account_id, api_key_id, fingerprint, spell_key, spell, timing,"
    " inputs_sealed, state, reason) VALUES (:id, :account_id, :api_key_id, :fingerprint,"
    " :spell_key, CAST(:spell AS jsonb), CAST(:timing AS jsonb), :inputs, :state, :reason)"
    " RETURNING *"
)
_LIST = text(
    "SELECT * FROM schedules WHERE account_id = :account_id AND state <> 'deleted'"
    " AND (CAST(:before_at AS timestamptz) IS NULL OR (created_at, id) < (:before_at, :before_id))"
    " ORDER BY created_at DESC, id DESC LIMIT :limit"
)
_CHANGE = text(
    "UPDATE schedules SET spell = CAST(:spell AS jsonb), timing = CAST(:timing AS jsonb),"
    " inputs_sealed = coalesce(:inputs, inputs_sealed), updated_at = now()"
    " WHERE id = :id AND account_id = :account_id AND state <> 'deleted' RETURNING *"
)
_SET_STATE = text(
    "UPDATE schedules SET state = :state, reason = :reason, refusals = 0, updated_at = now(),"
    " inputs_sealed = CASE WHEN :state = 'deleted' THEN NULL ELSE inputs_sealed END"
    " WHERE id = :id AND account_id = :account_id AND state <> 'deleted' RETURNING *"
)
_RUNS = text(
    "SELECT r.scheduled_at, r.cast_id, r.problem, r.recorded_at, c.status FROM schedule_runs r"
    " LEFT JOIN casts c ON c.id = r.cast_id WHERE r.schedule_id = :id"
    " ORDER BY r.scheduled_at DESC LIMIT :limit"
)


class PostgresSchedules:
    """The schedules of accounts.

    Args:
        database: hands out transactions.
        vault: encrypts inputs under their account's key.
        schedules_max: of one account.
    """

    def __init__(self, database: Database, vault: PlatformVault, *, schedules_max: int) -> None:
        self._database = database
        self._vault = vault
        self._schedules_max = schedules_max

    async def add(self, new: NewSchedule) -> tuple[ScheduleView, bool]:
        """Make a schedule, or find it; the second says whether it is new.

        Raises:
            SpellError: IDEMPOTENCY_CONFLICT, TOO_MANY_SCHEDULES.
        """
        own = {"id": new.schedule_id, "account_id": new.account_id}
        async with self._database.transaction() as connection:
            await connection.execute(_LOCK_ACCOUNT, own)
            found = (await connection.execute(_FIND, own)).one_or_none()
            if found is not None:
                if found.fingerprint != new.fingerprint:
                    details = {"schedule_id": new.schedule_id}
                    raise SpellError("IDEMPOTENCY_CONFLICT", details=details)
                return _view(found), False
            await self._check_count(connection, own)
            row = (await connection.execute(_INSERT, self._row(new))).one()
            return _view(row), True

    async def schedules(
        self, account_id: str, *, before: tuple[datetime, str] | None, limit: int
    ) -> list[ScheduleView]:
        """The account's schedules, newest first, below a position (created_at, id)."""
        before_at, before_id = before or (None, "")
        parameters = {"account_id": account_id, "before_at": before_at, "before_id": before_id}
        async with self._database.reading() as connection:
            rows = await connection.execute(_LIST, {**parameters, "limit": limit})
            return [_view(row) for row in rows]

    async def schedule(self, account_id: str, schedule_id: str) -> ScheduleView:
        """One schedule. Raises SpellError(SCHEDULE_NOT_FOUND), for foreign and deleted ones too."""
        async with self._database.reading() as connection:
            own = {"id": schedule_id, "account_id": account_id}
            row = (await connection.execute(_FIND, own)).one_or_none()
        if row is None or row.state == ScheduleState.DELETED:
            raise _not_found()
        return _view(row)

    async def runs(self, schedule_id: str, *, limit: int) -> list[ScheduleRunView]:
        """What came of its last times, newest first."""
        async with self._database.reading() as connection:
            rows = await connection.execute(_RUNS, {"id": schedule_id, "limit": limit})
            return [ScheduleRunView.model_validate(row_dict(row)) for row in rows]

    async def change(
        self, account_id: str, view: ScheduleView, inputs_json: str | None
    ) -> ScheduleView:
        """Write what of it has changed; None leaves the inputs. Raises SCHEDULE_NOT_FOUND."""
        inputs = None
        if inputs_json is not None:
            inputs = self._vault.encrypt(account_id, inputs_json.encode("utf-8"))
        row = {
            "id": view.schedule_id,
            "account_id": account_id,
            "spell": as_jsonb(view.spell),
            "timing": as_jsonb(view.timing),
            "inputs": inputs,
        }
        return await self._written(_CHANGE, row)

    async def set_state(
        self,
        account_id: str,
        schedule_id: str,
        state: ScheduleState,
        reason: PauseReason | None = None,
    ) -> ScheduleView:
        """Pause, resume or delete it. Raises SpellError(SCHEDULE_NOT_FOUND)."""
        row = {"id": schedule_id, "account_id": account_id, "state": state, "reason": reason}
        return await self._written(_SET_STATE, row)

    async def _written(self, statement: Any, row: dict[str, Any]) -> ScheduleView:
        async with self._database.transaction() as connection:
            written = (await connection.execute(statement, row)).one_or_none()
            if written is None:
                raise _not_found()
            return _view(written)

    async def _check_count(self, connection: AsyncConnection, own: dict[str, str]) -> None:
        if (await connection.execute(_COUNT, own)).scalar_one() >= self._schedules_max:
            details = {"schedules_max": self._schedules_max}
            raise SpellError("TOO_MANY_SCHEDULES", details=details)

    def _row(self, new: NewSchedule) -> dict[str, Any]:
        return {
            "id": new.schedule_id,
            "account_id": new.account_id,
            "api_key_id": new.api_key_id,
            "fingerprint": new.fingerprint,
            "spell_key": new.spell.spell_key,
            "spell": as_jsonb(new.spell),
            "timing": as_jsonb(new.timing),
            "inputs": self._vault.encrypt(new.account_id, new.inputs_json.encode("utf-8")),
            "state": ScheduleState.PAUSED if new.paused else ScheduleState.ACTIVE,
            "reason": PauseReason.ASKED if new.paused else None,
        }


def _view(row: Any) -> ScheduleView:
    return ScheduleView(
        schedule_id=row.id,
        api_key_id=row.api_key_id,
        spell=ScheduledSpell.model_validate(row.spell),
        timing=Timing.model_validate(row.timing),
        state=row.state,
        reason=row.reason,
        refusals=row.refusals,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _not_found() -> SpellError:
    return SpellError("SCHEDULE_NOT_FOUND")

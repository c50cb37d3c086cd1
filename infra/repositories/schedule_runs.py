"""Schedules whose time has come, and what came of it. Fits the activities' `DueSchedules`."""

from typing import Any

from sqlalchemy import text

from infra.postgres import Database, as_jsonb
from infra.vault import PlatformVault
from schema.contracts.schedules import (
    DueSchedule,
    PauseReason,
    ScheduledSpell,
    ScheduleRun,
    Timing,
)
from schema.limits import SCHEDULE_REFUSALS_MAX
from schema.scopes import Scope

_DUE = text(
    "SELECT s.*, x.cast_secret, (a.state = 'active' AND k.revoked_at IS NULL"
    "  AND (k.expires_at IS NULL OR k.expires_at > now()) AND :scope = ANY(k.scopes)) AS live"
    " FROM schedules s JOIN accounts a ON a.id = s.account_id"
    " JOIN account_secrets x ON x.account_id = s.account_id"
    " JOIN api_keys k ON k.id = s.api_key_id"
    " WHERE s.id = :id AND s.state <> 'deleted'"
)
_NOTE = text(
    "INSERT INTO schedule_runs (schedule_id, scheduled_at, cast_id, problem)"
    " VALUES (:id, :scheduled_at, :cast_id, CAST(:problem AS jsonb))"
    " ON CONFLICT (schedule_id, scheduled_at) DO NOTHING RETURNING schedule_id"
)
_COUNT = text(
    "UPDATE schedules SET refusals = CASE WHEN :refused THEN refusals + 1 ELSE 0 END"
    " WHERE id = :id AND state <> 'deleted'"
)
_PAUSE = text(
    "UPDATE schedules SET state = 'paused', reason = :reason, updated_at = now()"
    " WHERE id = :id AND state = 'active'"
    " AND (CAST(:from_refusals AS integer) IS NULL OR refusals >= :from_refusals)"
)
_REASON = text("SELECT reason FROM schedules WHERE id = :id AND state = 'paused'")


class PostgresScheduleRuns:
    """Reads what is to be cast, and writes once for each time what was done.

    Args:
        database: hands out transactions.
        vault: decrypts inputs.
        refusals_max: refused casts in a row after which a schedule pauses.
    """

    def __init__(
        self,
        database: Database,
        vault: PlatformVault,
        *,
        refusals_max: int = SCHEDULE_REFUSALS_MAX,
    ) -> None:
        self._database = database
        self._vault = vault
        self._refusals_max = refusals_max

    async def due(self, schedule_id: str) -> DueSchedule | None:
        """What the schedule casts; None when it is gone."""
        async with self._database.reading() as connection:
            parameters = {"id": schedule_id, "scope": Scope.CAST.value}
            row = (await connection.execute(_DUE, parameters)).one_or_none()
        return None if row is None else self._due(row)

    async def record(
        self, run: ScheduleRun, pause: PauseReason | None = None
    ) -> PauseReason | None:
        """Write down what was done about a time; why the schedule is paused now, if it is.

        A refusal that makes too many in a row pauses it; so does `pause`.
        """
        problem = as_jsonb(run.problem)
        row = {"id": run.schedule_id, "scheduled_at": run.scheduled_at}
        async with self._database.transaction() as connection:
            noted = {**row, "cast_id": run.cast_id, "problem": problem}
            if (await connection.execute(_NOTE, noted)).first() is not None:
                await connection.execute(_COUNT, {**row, "refused": problem is not None})
            reason = pause or PauseReason.REFUSED
            from_refusals = self._refusals_max if pause is None else None
            await connection.execute(
                _PAUSE, {**row, "reason": reason, "from_refusals": from_refusals}
            )
            paused = (await connection.execute(_REASON, row)).scalar_one_or_none()
            return None if paused is None else PauseReason(paused)

    def _due(self, row: Any) -> DueSchedule:
        inputs = self._vault.decrypt(row.account_id, bytes(row.inputs_sealed))
        return DueSchedule(
            schedule_id=row.id,
            account_id=row.account_id,
            api_key_id=row.api_key_id,
            key_is_live=row.live,
            cast_secret=bytes(row.cast_secret),
            spell=ScheduledSpell.model_validate(row.spell),
            overlap=Timing.model_validate(row.timing).overlap,
            inputs_json=inputs.decode("utf-8"),
        )

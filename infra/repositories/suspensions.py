"""Spells that take no new casts: by an operator, or by the count of their casts' violations."""

from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.postgres import Database, as_jsonb
from infra.repositories import standing_words as words
from infra.repositories.notifications import enqueue
from schema import limits
from schema.contracts.run import RunViolation
from schema.contracts.suspension import PLATFORM, SuspensionView, ViolationCounts
from schema.errors import SpellError
from schema.violations import POLICY_VIOLATIONS

_LOCK_SPELL = text("SELECT account_id FROM spells WHERE key = :key FOR NO KEY UPDATE")
_SUSPEND = text(
    "WITH made AS (INSERT INTO spell_suspensions (spell_key, reason, suspended_by)"
    " VALUES (:key, :reason, :by) ON CONFLICT (spell_key) WHERE lifted_at IS NULL DO NOTHING"
    " RETURNING id)"
    " INSERT INTO supply_chain_log (reference, kind, actor, spell_key, details)"
    " SELECT 'suspension:' || id, 'suspended', :by, :key, CAST(:details AS jsonb) FROM made"
    " RETURNING reference"
)
_LIFT = text(
    "WITH lifted AS (UPDATE spell_suspensions SET lifted_at = now(), lifted_by = :by"
    "  WHERE spell_key = :key AND lifted_at IS NULL RETURNING id)"
    " INSERT INTO supply_chain_log (reference, kind, actor, spell_key)"
    " SELECT 'suspension:' || id || '/lifted', 'unsuspended', :by, :key FROM lifted"
    " RETURNING reference"
)
_OF_CASTER = text(
    "SELECT count(*) FROM (SELECT DISTINCT cast_id FROM spell_violations WHERE spell_key = :key"
    " AND account_id = :account_id AND finished_at > now() - make_interval(hours => :hours)"
    " AND kind = ANY(:kinds) LIMIT :per_caster + 1) AS few"
)
_COUNT = text(
    "SELECT coalesce(sum(least(casts, :per_caster)), 0) FROM (SELECT count(DISTINCT cast_id) AS"
    " casts FROM spell_violations WHERE spell_key = :key AND kind = ANY(:kinds)"
    " AND finished_at > now() - make_interval(hours => :hours) GROUP BY account_id) AS by_caster"
)
_BY_KIND = text(
    "SELECT kind, count(DISTINCT cast_id) AS casts FROM spell_violations WHERE spell_key = :key"
    " AND finished_at > now() - make_interval(hours => :hours) GROUP BY kind ORDER BY kind"
)
_IN_FORCE = text(
    "SELECT reason, suspended_by, suspended_at FROM spell_suspensions"
    " WHERE spell_key = :key AND lifted_at IS NULL"
)
_OWNER = text("SELECT account_id FROM spells WHERE key = :key")


class PostgresSuspensions:
    """Suspensions of whole spells, and the counts that lead to them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def suspend(self, key: str, *, reason: str, by: str) -> None:
        """Suspend a spell; one that is suspended stays so, for the first reason.

        Raises:
            SpellError: SPELL_NOT_FOUND.
        """
        async with self._database.transaction() as connection:
            owner = await _lock_spell(connection, key)
            details = {"reason": reason}
            await _suspend(connection, key, owner, reason=reason, by=by, details=details)

    async def unsuspend(self, key: str, *, by: str) -> None:
        """Lift the suspension; the count of violations begins anew. Harmless when there is none.

        Raises:
            SpellError: SPELL_NOT_FOUND.
        """
        async with self._database.transaction() as connection:
            owner = await _lock_spell(connection, key)
            lifted = await connection.execute(_LIFT, {"key": key, "by": by})
            reference = lifted.scalar_one_or_none()
            if reference is not None:
                await enqueue(connection, words.unsuspended(owner, key, reference))

    async def violations(self, key: str, *, only_of: str | None) -> ViolationCounts:
        """The counts of a spell.

        Args:
            key: whose casts.
            only_of: the account that the spell must belong to; None for operators.

        Raises:
            SpellError: SPELL_NOT_FOUND, also for another maker's.
        """
        async with self._database.reading() as connection:
            owner = (await connection.execute(_OWNER, {"key": key})).scalar_one_or_none()
            if owner is None or (only_of is not None and owner != only_of):
                raise SpellError("SPELL_NOT_FOUND", details={"spell": key})
            window = {"key": key, "hours": limits.VIOLATION_HOURS}
            kinds = (await connection.execute(_BY_KIND, window)).all()
            suspension = (await connection.execute(_IN_FORCE, {"key": key})).one_or_none()
            return ViolationCounts(
                spell=key,
                hours=limits.VIOLATION_HOURS,
                counted=await _count(connection, key),
                suspends_at=limits.SUSPENDING_VIOLATIONS,
                by_kind={row.kind: row.casts for row in kinds},
                suspension=None if suspension is None else _view_of(suspension),
            )


async def note_violations(
    connection: AsyncConnection, key: str, account_id: str, violations: list[RunViolation]
) -> None:
    """Suspend the spell if the cast that is being ended is one too many.

    To be called in the transaction that ends the cast, after its violations are written. The
    spell's row is locked last: two casts that end at once are counted one after the other, so
    exactly one of them is the tenth.
    """
    if not any(one.kind in POLICY_VIOLATIONS for one in violations):
        return
    mine = await connection.execute(_OF_CASTER, {**_window(key), "account_id": account_id})
    if mine.scalar_one() > limits.VIOLATIONS_PER_CASTER_MAX:
        return  # This caster counts no further.
    owner = await _lock_spell(connection, key)
    counted = await _count(connection, key)
    if counted < limits.SUSPENDING_VIOLATIONS:
        return
    why = f"{counted} casts with violations of policy within {limits.VIOLATION_HOURS} hours"
    details = {"counted": counted, "hours": limits.VIOLATION_HOURS}
    await _suspend(connection, key, owner, reason=why, by=PLATFORM, details=details)


async def _lock_spell(connection: AsyncConnection, key: str) -> str:
    """Lock a spell; its maker's account. Raises SpellError(SPELL_NOT_FOUND)."""
    owner = (await connection.execute(_LOCK_SPELL, {"key": key})).scalar_one_or_none()
    if owner is None:
        raise SpellError("SPELL_NOT_FOUND", details={"spell": key})
    return str(owner)


async def _suspend(
    connection: AsyncConnection,
    key: str,
    owner: str,
    *,
    reason: str,
    by: str,
    details: dict[str, Any],
) -> None:
    parameters = {"key": key, "reason": reason, "by": by, "details": as_jsonb(details)}
    made = (await connection.execute(_SUSPEND, parameters)).scalar_one_or_none()
    if made is not None:
        await enqueue(connection, words.suspended(owner, key, made, reason))


async def _count(connection: AsyncConnection, key: str) -> int:
    """Casts that count: each once, and of one caster at most so many."""
    return int((await connection.execute(_COUNT, _window(key))).scalar_one())


def _window(key: str) -> dict[str, Any]:
    """What counts, and how far back."""
    return {
        "key": key,
        "hours": limits.VIOLATION_HOURS,
        "per_caster": limits.VIOLATIONS_PER_CASTER_MAX,
        "kinds": [kind.value for kind in POLICY_VIOLATIONS],
    }


def _view_of(row: Any) -> SuspensionView:
    return SuspensionView(
        reason=row.reason, suspended_by=row.suspended_by, suspended_at=row.suspended_at
    )

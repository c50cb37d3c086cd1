"""A database of before there were modes, with what the code of then had written into it."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from activities._records import salt_of
from infra import migrate
from infra.postgres import Database, as_jsonb
from infra.repositories.casts import PostgresCasts
from infra.repositories.decisions import record_decision
from infra.repositories.ledger import LedgerAccountName, Transfer, move_money, open_accounts
from infra.repositories.package_evidence import keep_evidence
from schema.contracts.cast import Admission, CastInput, RunOutcome, RunRecord, SettleOrder
from schema.contracts.plans import RunPlan
from schema.contracts.publish import InspectedPackage
from schema.contracts.run import Outcome
from schema.contracts.supply_chain import Decision
from schema.receipts import salted_digest
from schema.settlement import split
from tests.support.builders import (
    METERED,
    NO_EVIDENCE,
    USAGE,
    Person,
    a_cast,
    a_package,
    evidence_for,
    make_person,
)
from tests.support.fakes import KnownVerdicts
from tests.support.platform import make_vault
from tests.support.servers import opened

BEFORE_MODES = "0013"
CREDIT = 1_000_000
_VERSION = text(
    "WITH claimed AS (INSERT INTO spells (key, account_id, visibility)"
    " VALUES (:key, :account_id, 'public'))"
    " INSERT INTO spell_versions (spell_key, version, package_digest, module_digest, module_bytes,"
    " entry, mode, target, manifest, schemas, limits, policy, price, state) VALUES (:key, :version,"
    " :digest, :module_digest, 100, '_start', 'service', 'wasm32-wasip1', CAST(:manifest AS jsonb),"
    " :schemas, CAST(:limits AS jsonb), CAST(:policy AS jsonb), CAST(:price AS jsonb), 'published')"
)
_RECORD = text(
    "INSERT INTO idempotency_records (cast_id, account_id, fingerprint, admission)"
    " VALUES (:cast_id, :account_id, :fingerprint, CAST(:admission AS jsonb))"
)
_CAST = text(
    "WITH cast_row AS (INSERT INTO casts (id, account_id, api_key_id, spell_key, version,"
    "  package_digest, mode, status, billing, currency, estimated_cost_micros, cost_micros,"
    "  input_fingerprint, event_seq) VALUES (:cast_id, :account_id, :api_key_id, :key, :version,"
    "  :digest, 'service', 'queued', 'held', 'USD', :amount, 0, :fingerprint, 2)),"
    " hold_row AS (INSERT INTO holds (cast_id, account_id, api_key_id, maker_account_id, currency,"
    "  amount_micros, posted_micros, fee_basis_points, state, day, month) VALUES (:cast_id,"
    "  :account_id, :api_key_id, :maker, 'USD', :amount, 0, 2000, 'held', :day, :month))"
    " INSERT INTO cast_events (cast_id, seq, kind, data) VALUES (:cast_id, 1, 'queued', '{}'),"
    " (:cast_id, 2, 'held', '{}')"
)

# The five budgets that a hold fell under then, all of UTC.
_BUDGETS = text(
    "INSERT INTO budgets (account_id, kind, scope_id, currency, period_start, held_micros,"
    " posted_micros) SELECT :account_id, kind, scope_id, 'USD', period, 0, 0 FROM (VALUES"
    "  ('account_day', '', CAST(:day AS date)), ('account_month', '', CAST(:month AS date)),"
    "  ('account_total', '', date '1970-01-01'), ('api_key', :api_key_id, date '1970-01-01'),"
    "  ('balance', '', date '1970-01-01')) AS r(kind, scope_id, period) ON CONFLICT DO NOTHING"
)
_MOVE = text(
    "UPDATE budgets SET held_micros = held_micros + :held, posted_micros = posted_micros + :posted"
    " WHERE account_id = :account_id"
)

_END = text(
    "WITH hold_row AS (UPDATE holds SET state = 'posted', posted_micros = :cost, closed_at = now()"
    "  WHERE cast_id = :cast_id)"
    " UPDATE casts SET status = 'succeeded', billing = 'settled', cost_micros = :cost,"
    " usage = CAST(:usage AS jsonb), engine = :engine, record = CAST(:record AS jsonb),"
    " finished_at = now(), started_at = now() WHERE id = :cast_id"
)
COST = 106
"""What a success with `USAGE` costs at `METERED`."""


@dataclass(frozen=True)
class OldRows:
    """What was there: a version, one cast that had ended, and one that was queued."""

    maker: Person
    caster: Person
    package: InspectedPackage
    plan: RunPlan
    ended: CastInput
    queued: CastInput


@asynccontextmanager
async def database_of_before(database_url: str) -> AsyncIterator[tuple[Database, str]]:
    """A database of its own on the server of another one, as it was; with its address."""
    name = f"before_{secrets.token_hex(6)}"
    parts = urlsplit(database_url)
    url = urlunsplit(parts._replace(path=f"/{name}"))
    async with opened(database_url) as other:
        await _alone(other, f"CREATE DATABASE {name}")
        try:
            await asyncio.to_thread(migrate.upgrade, url, BEFORE_MODES)
            async with opened(url) as database:
                yield database, url
        finally:
            # Not with FORCE: that asks for the right to end the superuser's autovacuum. Nobody else
            # is in there any more, and Postgres sends that away by itself.
            await _alone(other, f"DROP DATABASE {name}")


async def _alone(database: Database, statement: str) -> None:
    """Outside of a transaction."""
    async with database.reading() as connection:
        await (await connection.get_raw_connection()).driver_connection.execute(statement)  # type: ignore[union-attr]


async def write_old_rows(database: Database) -> OldRows:
    """Write them as the code of then did: nothing says a mode but the columns that always did."""
    maker = await make_person(database)
    caster = await make_person(database, credit_micros=CREDIT)
    package = a_package(key=f"com.example.old-{secrets.token_hex(4)}", price=METERED)
    await _write_version(database, maker, package)
    plan = RunPlan(
        spell_key=package.spell_key,
        version=package.version,
        package_digest=package.package_digest,
        module_digest=package.module_digest,
        entry="_start",
        limits=package.limits,
        price=METERED,
        maker_account_id=maker.account_id,
    )
    ended, queued = (a_cast(caster, package.spell_key) for _ in range(2))
    for request in (ended, queued):
        await _write_cast(database, request, plan)
    await _end_cast(database, ended, plan)
    return OldRows(maker, caster, package, plan, ended, queued)


def old_casts(database: Database) -> PostgresCasts:
    """Casts as the code of now sees them; for after the upgrade."""
    return PostgresCasts(database, KnownVerdicts(), fee_basis_points=2000, open_casts_max=1000)


def an_end(request: CastInput, plan: RunPlan) -> SettleOrder:
    """A success in the fleet, with the record of its run."""
    salt = salt_of(make_vault(), request.cast_id)
    record = RunRecord(
        module_digest=plan.module_digest,
        entry=plan.entry,
        limits=plan.limits,
        policy=plan.policy,
        price=plan.price,
        seed="5" * 64,
        clock_unix_ms=1_795_492_523_458,
        input_digest=salted_digest(salt, request.inputs_json.encode()),
        output_digest=salted_digest(salt, b"{}"),
    )
    outcome = RunOutcome(
        outcome=Outcome.SUCCEEDED, usage=USAGE, output_bytes=2, engine="wasmtime-1/0", record=record
    )
    return SettleOrder(cast_id=request.cast_id, price=plan.price, outcome=outcome)


async def _write_version(database: Database, maker: Person, package: InspectedPackage) -> None:
    decision = Decision(
        package_digest=package.package_digest,
        passed=True,
        evidence=NO_EVIDENCE,
        reasons=[],
        signer=None,
    )
    row = {
        "key": package.spell_key,
        "account_id": maker.account_id,
        "version": package.version,
        "digest": package.package_digest,
        "module_digest": package.module_digest,
        "manifest": as_jsonb(package.manifest),
        "schemas": (package.schemas_json or "").encode(),
        "limits": as_jsonb(package.limits),
        "policy": as_jsonb(package.policy),
        "price": as_jsonb(package.price),
    }
    async with database.transaction() as connection:
        await keep_evidence(connection, evidence_for(maker, package))
        await record_decision(connection, decision)
        await connection.execute(_VERSION, row)


async def _write_cast(database: Database, request: CastInput, plan: RunPlan) -> None:
    amount, account_id = plan.worst_case_micros, request.account_id
    today = datetime.now(UTC).date()
    row = {
        "cast_id": request.cast_id,
        "account_id": account_id,
        "api_key_id": request.api_key_id,
        "fingerprint": request.fingerprint,
        "key": plan.spell_key,
        "version": plan.version,
        "digest": plan.package_digest,
        "maker": plan.maker_account_id,
        "amount": amount,
        "day": today,
        "month": today.replace(day=1),
    }
    credit, hold = (
        LedgerAccountName(kind, account_id, "USD") for kind in ("caster_credit", "caster_hold")
    )
    moved = Transfer(f"{request.cast_id}:hold", "hold", credit, hold, amount, request.cast_id)
    async with database.transaction() as connection:
        mine = {name: row[name] for name in ("account_id", "api_key_id", "day", "month")}
        await connection.execute(_BUDGETS, mine)
        admission = as_jsonb(_admission(request, plan, amount))
        await connection.execute(_RECORD, {**row, "admission": admission})
        await _move(connection, account_id, held=amount)
        await connection.execute(_CAST, row)
        await move_money(connection, [moved])


async def _move(
    connection: AsyncConnection, account_id: str, *, held: int, posted: int = 0
) -> None:
    place = {"account_id": account_id, "held": held, "posted": posted}
    await connection.execute(_MOVE, place)


async def _end_cast(database: Database, request: CastInput, plan: RunPlan) -> None:
    """As settlement ended it then."""
    outcome, amount = an_end(request, plan).outcome, plan.worst_case_micros
    hold, maker, platform, credit = (
        LedgerAccountName("caster_hold", request.account_id, "USD"),
        LedgerAccountName("maker_payable", plan.maker_account_id, "USD"),
        LedgerAccountName("platform_revenue", None, "USD"),
        LedgerAccountName("caster_credit", request.account_id, "USD"),
    )
    share, fee = split(COST, 2000)
    cast_id = request.cast_id
    row = {
        "cast_id": cast_id,
        "cost": COST,
        "usage": as_jsonb(outcome.usage),
        "engine": outcome.engine,
        "record": as_jsonb(outcome.record),
    }
    async with database.transaction() as connection:
        await _move(connection, request.account_id, held=-amount, posted=COST)
        await connection.execute(_END, row)
        await open_accounts(connection, [maker, platform])
        await move_money(
            connection,
            [
                Transfer(f"{cast_id}:post", "post", hold, maker, share, cast_id),
                Transfer(f"{cast_id}:fee", "fee", hold, platform, fee, cast_id),
                Transfer(f"{cast_id}:void", "void", hold, credit, amount - COST, cast_id),
            ],
        )


def _admission(request: CastInput, plan: RunPlan, amount: int) -> dict[str, Any]:
    """The recorded answer, with the members that there were."""
    admission = Admission(
        cast_id=request.cast_id, plan=plan, estimated_cost_micros=amount
    ).model_dump(mode="json")
    for member in ("pending", "fallback", "fell_back"):
        del admission[member]
    del admission["plan"]["mode"]
    return admission

"""Verdicts of the gate, each made once, in Postgres. Fits the port `Decisions`.

Those who ask in one process wait for one task; among processes an advisory lock lets one compute,
and the others find what it wrote. What fails is not kept. The lock is the transaction's, so that it
ends with whoever holds it, also behind a pooler.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.postgres import Database, as_jsonb
from schema.contracts.supply_chain import Decision, Evidence

_FIND = text(
    "SELECT passed, reasons, signer FROM verification_decisions WHERE package_digest = :digest"
    " AND policy = :policy AND trust_root = :trust_root AND snapshot = :snapshot"
)
_RECORD = text(
    "INSERT INTO verification_decisions (package_digest, policy, trust_root, snapshot, passed,"
    " reasons, signer) VALUES (:digest, :policy, :trust_root, :snapshot, :passed,"
    " CAST(:reasons AS jsonb), CAST(:signer AS jsonb)) ON CONFLICT DO NOTHING"
)
# Waiting for it would take a connection; between two tries it is free for others.
_TRY_LOCK = text("SELECT pg_try_advisory_xact_lock(hashtextextended(:name, 0))")
_RETRY_SECONDS = 0.02
# Who computes keeps a connection for the lock and asks for others: if all of a pool were taken by
# those who compute, none of them could go on.
COMPUTING_MAX = 2

Computing = Callable[[], Awaitable[Decision]]


class PostgresDecisions:
    """The decisions of all workers."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._deciding: dict[str, asyncio.Task[Decision]] = {}
        self._turns = asyncio.Semaphore(COMPUTING_MAX)

    async def find(self, package_digest: str, evidence: Evidence) -> Decision | None:
        """The verdict, or None while there is none."""
        async with self._database.reading() as connection:
            return await _find(connection, package_digest, evidence)

    async def decide_once(
        self, package_digest: str, evidence: Evidence, compute: Computing
    ) -> Decision:
        """The verdict; `compute` makes it, once among all workers, when there is none.

        Args:
            package_digest: what is decided on.
            evidence: what the verdict is to rest on.
            compute: makes it. What it rests on in the end, should that have changed meanwhile, is
                what it is kept under.
        """
        name = _name_of(package_digest, evidence)
        deciding = self._deciding.get(name)
        if deciding is None:
            deciding = asyncio.create_task(self._decide(name, package_digest, evidence, compute))
            self._deciding[name] = deciding
            deciding.add_done_callback(lambda _: self._deciding.pop(name, None))
        # Whoever gives up waiting must not take the others' verdict along.
        return await asyncio.shield(deciding)

    async def _decide(
        self, name: str, package_digest: str, evidence: Evidence, compute: Computing
    ) -> Decision:
        while True:
            async with self._turns, self._database.transaction() as connection:
                lock = await connection.execute(_TRY_LOCK, {"name": name})
                mine = bool(lock.scalar_one())
                known = await _find(connection, package_digest, evidence)
                if known is None and mine:
                    known = await compute()
                    await record_decision(connection, known)
            if known is not None:
                return known
            await asyncio.sleep(_RETRY_SECONDS)


async def record_decision(connection: AsyncConnection, decision: Decision) -> None:
    """Keep a verdict, in the caller's transaction; one that is there already stays."""
    await connection.execute(
        _RECORD,
        {
            "digest": decision.package_digest,
            "passed": decision.passed,
            **decision.evidence.model_dump(),
            "reasons": as_jsonb(decision.reasons),
            "signer": as_jsonb(decision.signer),
        },
    )


async def _find(
    connection: AsyncConnection, package_digest: str, evidence: Evidence
) -> Decision | None:
    parameters = {"digest": package_digest, **evidence.model_dump()}
    row: Any = (await connection.execute(_FIND, parameters)).one_or_none()
    if row is None:
        return None
    return Decision(
        package_digest=package_digest,
        passed=row.passed,
        evidence=evidence,
        reasons=row.reasons,
        signer=row.signer,
    )


def _name_of(package_digest: str, evidence: Evidence) -> str:
    return f"{package_digest}\n{evidence.policy}\n{evidence.trust_root}\n{evidence.snapshot}"

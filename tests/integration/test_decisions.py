"""Goal: a verdict is made once. Method: fifty ask, in two processes' worth of connections."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from functools import partial

import pytest
from sqlalchemy import text

from infra.embedded.platform import EmbeddedPlatform
from infra.postgres import Database
from infra.repositories.decisions import PostgresDecisions
from schema.contracts.supply_chain import Decision, Evidence
from schema.ids import sha256_digest
from tests.support.servers import opened

EVIDENCE = Evidence(policy="rules", trust_root="root", snapshot="2026-11-25#1")


@pytest.fixture
async def other(servers: EmbeddedPlatform, database: Database) -> AsyncIterator[Database]:
    """The connections of another worker."""
    async with opened(servers.endpoints.database_url) as another:
        yield another


class Computing:
    """Makes a verdict when it is let, and counts how often it was asked to."""

    def __init__(self) -> None:
        self.digest = sha256_digest(secrets.token_bytes(8))
        self.begun = 0
        self.has_begun = asyncio.Event()
        self.may_end = asyncio.Event()
        self.fails = False
        self.evidence = EVIDENCE

    async def __call__(self) -> Decision:
        self.begun += 1
        self.has_begun.set()
        await self.may_end.wait()
        if self.fails:
            raise RuntimeError("no verdict")
        return Decision(package_digest=self.digest, passed=True, evidence=self.evidence, reasons=[])


async def _rows(database: Database, digest: str) -> int:
    async with database.reading() as connection:
        counted = await connection.execute(
            text("SELECT count(*) FROM verification_decisions WHERE package_digest = :digest"),
            {"digest": digest},
        )
        return int(counted.scalar_one())


async def test_fifty_callers_of_two_workers_make_one_verdict(
    database: Database, other: Database
) -> None:
    compute = Computing()
    workers = (PostgresDecisions(database), PostgresDecisions(other))
    asking = [
        asyncio.create_task(workers[n % 2].decide_once(compute.digest, EVIDENCE, compute))
        for n in range(50)
    ]
    await compute.has_begun.wait()
    compute.may_end.set()
    decisions = await asyncio.gather(*asking)
    assert compute.begun == 1
    assert len(decisions) == 50
    assert {decision.passed for decision in decisions} == {True}
    assert await _rows(database, compute.digest) == 1


async def test_a_verdict_that_is_there_is_not_made_again(
    database: Database, other: Database
) -> None:
    compute = Computing()
    compute.may_end.set()
    made = await PostgresDecisions(database).decide_once(compute.digest, EVIDENCE, compute)
    found = await PostgresDecisions(other).decide_once(compute.digest, EVIDENCE, compute)
    assert compute.begun == 1
    assert made == found == await PostgresDecisions(other).find(compute.digest, EVIDENCE)


@pytest.mark.parametrize("member", ["policy", "trust_root", "snapshot"])
async def test_other_evidence_needs_another_verdict(database: Database, member: str) -> None:
    compute = Computing()
    compute.may_end.set()
    decisions = PostgresDecisions(database)
    await decisions.decide_once(compute.digest, EVIDENCE, compute)
    changed = EVIDENCE.model_copy(update={member: "another"})
    assert await decisions.find(compute.digest, changed) is None
    compute.evidence = changed
    await decisions.decide_once(compute.digest, changed, compute)
    assert compute.begun == 2
    assert await _rows(database, compute.digest) == 2


async def test_one_who_gives_up_waiting_takes_nobody_along(database: Database) -> None:
    compute = Computing()
    decisions = PostgresDecisions(database)
    first = asyncio.create_task(decisions.decide_once(compute.digest, EVIDENCE, compute))
    second = asyncio.create_task(decisions.decide_once(compute.digest, EVIDENCE, compute))
    await compute.has_begun.wait()
    first.cancel()
    compute.may_end.set()
    assert (await second).passed
    assert compute.begun == 1


async def test_a_worker_that_fails_leaves_the_verdict_to_the_next(
    database: Database, other: Database
) -> None:
    compute = Computing()
    compute.fails = True
    compute.may_end.set()
    with pytest.raises(RuntimeError):
        await PostgresDecisions(database).decide_once(compute.digest, EVIDENCE, compute)
    compute.fails = False
    assert (await PostgresDecisions(other).decide_once(compute.digest, EVIDENCE, compute)).passed
    assert compute.begun == 2


async def test_verdicts_on_many_packages_leave_connections_to_make_them_with(
    database: Database,
) -> None:
    """After an import of advisories all verdicts are made anew, each with reads of its own."""
    decisions = PostgresDecisions(database)

    async def compute_by_reading(digest: str) -> Decision:
        await asyncio.sleep(0)
        async with database.reading() as connection:
            await connection.execute(text("SELECT 1"))
        return Decision(package_digest=digest, passed=True, evidence=EVIDENCE, reasons=[])

    digests = [sha256_digest(secrets.token_bytes(8)) for _ in range(40)]
    async with asyncio.timeout(25):
        made = await asyncio.gather(
            *(
                decisions.decide_once(each, EVIDENCE, partial(compute_by_reading, each))
                for each in digests
            )
        )
    assert [decision.package_digest for decision in made] == digests

"""Goal: a version is published whole or not at all. Method: omicron's matrices on `PublishSpell`.

Fail at each step (before and after its effect) and do each step twice; the activities are the real
ones over real Postgres, and after every case the catalogue, the log and the publication are read.
"""

import uuid
from typing import Any

import pytest
from sqlalchemy import text
from temporalio.client import Client, WorkflowFailureError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from activities.checking import STUMBLES_MAX, CheckingActivities
from activities.module_supply import ModuleSupply
from activities.publication_steps import PublicationSteps
from activities.publishing import PublishingActivities
from activities.supply_chain.policy import GatePolicy
from infra.postgres import Database
from infra.repositories.publications import PostgresPublications
from infra.repositories.spells import PostgresSpells
from schema.blob_keys import package_key
from schema.contracts.publish import PublishInput, PublishResult
from schema.errors import SpellError
from schema.ids import publication_id_for, publish_workflow_id, sha256_digest
from schema.package import build_package
from tests.support.builders import make_person
from tests.support.e2e import fresh_spell
from tests.support.e2e_packages import files_of
from tests.support.fakes import AnySchema, MemoryBlobs, ScriptedRunBus
from tests.support.gate import World
from tests.support.interceptors import StepFaults
from tests.support.platform import make_vault, verdict_for
from tests.support.publishing import ENGINE, AnyModule
from workflows.publish_spell import PublishSpell

CHECKS = ("signature", "sbom", "advisories", "licenses", "decide", "standing")
STEPS = (
    "publishing.open",
    *(f"checking.{check}" for check in CHECKS),
    "publishing.module",
    "publishing.record",
)
END = "publishing.conclude"


class Publishing:
    """One package of a new maker on its way, through the real activities."""

    def __init__(
        self, client: Client, database: Database, account: str, faults: StepFaults
    ) -> None:
        self.key = fresh_spell()
        self.world = World()
        archive = build_package(files_of(self.key, b"\0asm\x01\0\0\0"))
        self.blobs, self.bus = MemoryBlobs(), ScriptedRunBus(verdict_for)
        self.request = PublishInput(
            publication_id=publication_id_for(account, b"secret", self.key),
            account_id=account,
            package_digest=sha256_digest(archive),
            package_bytes=len(archive),
        )
        self.blobs.content[package_key(self.request.package_digest)] = archive
        self.publications = PostgresPublications(database)
        self.database = database
        self.faults = faults
        self._client = client
        self._queue = f"publishing-{uuid.uuid4()}"
        steps = PublicationSteps(self.publications, self.blobs, self.bus)
        publishing = PublishingActivities(
            PostgresSpells(database),
            self.publications,
            self.blobs,
            AnySchema(),
            AnyModule(),
            ModuleSupply(self.blobs, self.bus, make_vault(), ENGINE),
            steps,
        )
        checking = CheckingActivities(self.world.gate(GatePolicy(accept_unsigned=True)), steps)
        self.worker = Worker(
            client,
            task_queue=self._queue,
            workflows=[PublishSpell],
            activities=[
                *(publishing.open, publishing.module, publishing.record, publishing.conclude),
                *(getattr(checking, check) for check in CHECKS),
            ],
            interceptors=[faults],
        )

    async def run(self) -> PublishResult:
        await self.publications.begin(self.request)
        async with self.worker:
            return await self._client.execute_workflow(
                PublishSpell.run,
                self.request,
                id=publish_workflow_id(self.request.publication_id),
                task_queue=self._queue,
            )

    async def rows(self, table: str) -> list[Any]:
        """The rows of a table that are about this spell."""
        async with self.database.reading() as connection:
            statement = text(f"SELECT * FROM {table} WHERE spell_key = :key")
            return list(await connection.execute(statement, {"key": self.key}))

    async def verdicts(self) -> int:
        """How many verdicts on this package are kept."""
        statement = "SELECT count(*) FROM verification_decisions WHERE package_digest = :digest"
        async with self.database.reading() as connection:
            parameters = {"digest": self.request.package_digest}
            return int((await connection.execute(text(statement), parameters)).scalar_one())

    async def deeds(self) -> list[str]:
        return [row.kind for row in await self.rows("supply_chain_log")]

    async def state(self) -> str:
        view = await self.publications.publication(
            self.request.account_id, self.request.publication_id
        )
        assert view is not None
        return view.state.value

    async def event_numbers(self) -> list[int]:
        events = await self.publications.events(self.request.publication_id, after=0)
        return [event.seq for event in events]


async def given(client: Client, database: Database, **faults: frozenset[str]) -> Publishing:
    maker = await make_person(database)
    return Publishing(client, database, maker.account_id, StepFaults(**faults))


def test_the_matrix_names_every_activity_of_the_workflow() -> None:
    named = {
        method.__temporal_activity_definition.name
        for area in (CheckingActivities, PublishingActivities)
        for method in vars(area).values()
        if hasattr(method, "__temporal_activity_definition")
    }
    assert named == {*STEPS, END}


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", STEPS)
async def test_a_failure_at_each_step_publishes_all_or_nothing(
    client: Client, database: Database, step: str, when: str
) -> None:
    publishing = await given(client, database, **{f"fail_{when}": frozenset({step})})
    result = await publishing.run()
    assert result.problem is not None
    assert result.problem.code == "INTERNAL"
    # What was recorded before the answer was lost stays, and the same package again finds it.
    recorded = step == "publishing.record" and when == "after"
    for table in ("spell_versions", "package_evidence"):
        assert len(await publishing.rows(table)) == (1 if recorded else 0)
    assert ("published" in await publishing.deeds()) is recorded
    assert await publishing.state() == "refused"
    # Nothing of the way is left in object storage but what is kept by digest.
    assert not [key for key in publishing.blobs.content if key.startswith("publications/")]


@pytest.mark.parametrize("step", [*STEPS, END])
async def test_each_step_twice_equals_once(client: Client, database: Database, step: str) -> None:
    publishing = await given(client, database, twice=frozenset({step}))
    result = await publishing.run()
    assert result.problem is None
    assert [row.version for row in await publishing.rows("spell_versions")] == ["1.0.0"]
    assert await publishing.deeds() == ["published"]
    assert await publishing.state() == "published"
    numbers = await publishing.event_numbers()
    # Eight steps begin and end, and there is one end.
    assert numbers == list(range(1, 18))


async def test_an_end_that_cannot_be_told_fails_the_workflow_and_keeps_the_version(
    client: Client, database: Database
) -> None:
    publishing = await given(client, database, fail_before=frozenset({END}))
    with pytest.raises(WorkflowFailureError):
        await publishing.run()
    assert len(await publishing.rows("spell_versions")) == 1
    assert await publishing.state() == "running"


async def test_a_check_that_stumbles_each_time_ends_unpublished_and_is_no_verdict(
    client: Client, database: Database
) -> None:
    publishing = await given(client, database)
    publishing.world.failing["check"] = ValueError("nobody thought of this")
    result = await publishing.run()
    assert result.problem is not None
    assert result.problem.code == "INTERNAL"
    assert result.problem.details == {"check": "licenses"}
    assert result.decision is None
    assert publishing.faults.ran["checking.licenses"] == STUMBLES_MAX
    assert await publishing.rows("spell_versions") == []
    assert await publishing.verdicts() == 0
    assert await publishing.state() == "refused"


async def test_a_check_waits_for_a_platform_in_trouble(client: Client, database: Database) -> None:
    publishing = await given(client, database)
    publishing.world.failing["match"] = SpellError("SERVICE_UNAVAILABLE")
    publishing.world.fails_times = STUMBLES_MAX + 1
    result = await publishing.run()
    assert result.problem is None
    assert publishing.faults.ran["checking.advisories"] == STUMBLES_MAX + 2


async def test_trouble_that_does_not_end_is_told_as_such(
    fresh: WorkflowEnvironment, database: Database
) -> None:
    """Method: minutes are skipped, which what another test left running would prevent."""
    publishing = await given(fresh.client, database)
    publishing.world.failing["match"] = SpellError("SERVICE_UNAVAILABLE")
    result = await publishing.run()
    assert result.problem is not None
    assert result.problem.code == "SERVICE_UNAVAILABLE"
    assert await publishing.verdicts() == 0

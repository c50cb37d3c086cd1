"""Revoking: decisions of the workflow over real activities and real Postgres."""

from typing import Any

import pytest
from temporalio.client import Client, WorkflowFailureError
from temporalio.exceptions import ApplicationError

from infra.postgres import Database
from infra.repositories.revocations import PostgresRevocations
from schema.contracts.cast import Billing, CastResult, CastStatus
from schema.contracts.revocation import Revocation, RevocationKind, Trusted
from schema.contracts.run import RunRequest
from tests.support.builders import FLAT_500, METERED, a_cast, make_person, publish
from tests.support.interceptors import StepFaults
from tests.support.money import assert_books_balance, credit_left, open_holds
from tests.support.platform import CastingPlatform, admit, verdict_for
from tests.support.revoking import IDENTITY, KEY_DIGEST, revoked_by, signed

CREDIT = 10_000
STEPS = ("revoking.record", "revoking.tell_runners", "revoking.stop_casts")


def test_the_matrix_names_every_activity_of_the_workflow() -> None:
    from activities.revoking import RevokingActivities

    named = {
        method.__temporal_activity_definition.name
        for method in vars(RevokingActivities).values()
        if hasattr(method, "__temporal_activity_definition")
    }
    assert named == set(STEPS)


class Scene:
    """A signed spell, a caster, and a cast of it whose run never ends by itself."""

    def __init__(self, client: Client, database: Database, **options: Any) -> None:
        self.client, self.database = client, database
        options.setdefault("script", lambda _: None)
        self.platform = CastingPlatform(client, database, **options)

    async def prepare(self) -> None:
        self.maker = await make_person(self.database)
        self.spell = await publish(self.database, self.maker, price=METERED, signer=signed())
        self.caster = await make_person(self.database, credit_micros=CREDIT)

    async def running_cast(self) -> Any:
        request = a_cast(self.caster, self.spell.spell_key)
        handle = await self.platform.start(request)
        assert (await admit(handle, request)).accepted
        await self.platform.bus.until_published(request.cast_id)
        return handle

    async def is_clean(self) -> None:
        assert await open_holds(self.database, self.caster) == 0
        assert await credit_left(self.database, self.caster) == CREDIT
        await assert_books_balance(self.database)

    async def is_refused(self) -> None:
        handle = await self.platform.start(a_cast(self.caster, self.spell.spell_key))
        result: CastResult = await handle.result()
        assert result.problem is not None
        assert (result.problem.code, result.billing) == ("SPELL_REVOKED", Billing.RELEASED)


@pytest.fixture
async def scene(client: Client, database: Database) -> Scene:
    made = Scene(client, database)
    await made.prepare()
    return made


@pytest.mark.parametrize("kind", RevocationKind)
async def test_a_running_cast_is_stopped_and_not_charged(scene: Scene, kind: str) -> None:
    revocation = revoked_by(scene.spell, scene.maker, kind)
    async with scene.platform.worker:
        running = await scene.running_cast()
        result = await scene.platform.apply(revocation)
        ended: CastResult = await running.result()
        await scene.is_refused()
        await scene.platform.apply(revocation.model_copy(update={"lift": True}))
    assert (result.casts_stopped, result.in_force) == (1, True)
    assert (ended.status, ended.billing) == (CastStatus.FAILED, Billing.RELEASED)
    assert ended.problem is not None
    assert ended.problem.code == "SPELL_REVOKED"
    assert ended.problem.details["reason"] == revocation.reason
    await scene.is_clean()


async def test_runners_are_told_of_each_digest_and_told_again_when_it_is_lifted(
    scene: Scene,
) -> None:
    spell = revoked_by(scene.spell, scene.maker, RevocationKind.SPELL)
    digest = revoked_by(scene.spell, scene.maker, RevocationKind.DIGEST)
    told = scene.platform.revoked
    async with scene.platform.worker:
        for revocation in (spell, digest):
            await scene.platform.apply(revocation)
            assert scene.spell.package_digest in told.digests
        await scene.platform.apply(spell.model_copy(update={"lift": True}))
        assert scene.spell.package_digest in told.digests, "the digest is revoked by itself"
        await scene.platform.apply(digest.model_copy(update={"lift": True}))
        assert scene.spell.package_digest not in told.digests
        handle = await scene.running_cast()
        await handle.cancel()
        with pytest.raises(WorkflowFailureError):
            await handle.result()


async def test_an_identity_is_revoked_by_any_issuer_or_by_one(scene: Scene) -> None:
    other = Trusted(kind=RevocationKind.IDENTITY, value=IDENTITY, issuer="https://other.example")
    same = other.model_copy(update={"issuer": signed().issuer})
    repository = PostgresRevocations(scene.database)
    for trusted, reached in ((other, False), (same, True)):
        await repository.record(Revocation(trusted=trusted, reason="x", by="op"))
        revoked = await repository.revoked_among([scene.spell.package_digest])
        assert bool(revoked) is reached
        await repository.record(Revocation(trusted=trusted, reason="x", by="op", lift=True))


async def test_lifting_what_never_was_revoked_is_refused(scene: Scene) -> None:
    revocation = revoked_by(scene.spell, scene.maker, RevocationKind.SPELL)
    async with scene.platform.worker:
        with pytest.raises(WorkflowFailureError) as refused:
            await scene.platform.apply(revocation.model_copy(update={"lift": True}))
    assert isinstance(refused.value.cause, ApplicationError)
    assert refused.value.cause.type == "REVOCATION_NOT_FOUND"


async def test_a_cast_that_meets_its_verdict_before_settlement_is_not_charged(
    client: Client, database: Database
) -> None:
    """The revocation is recorded while the run ends well, and no signal comes: settlement looks."""
    scene = Scene(client, database, script=verdict_for)
    await scene.prepare()
    revocation = revoked_by(scene.spell, scene.maker, RevocationKind.SPELL)

    async def revoke_meanwhile(_: RunRequest) -> None:
        await scene.platform.revocations.record(revocation)

    scene.platform.bus.before_verdict = revoke_meanwhile
    async with scene.platform.worker:
        handle = await scene.platform.start(a_cast(scene.caster, scene.spell.spell_key))
        ended = await handle.result()
    assert (ended.status, ended.billing) == (CastStatus.FAILED, Billing.RELEASED)
    assert ended.problem is not None
    assert ended.problem.code == "SPELL_REVOKED"
    await scene.platform.revocations.record(revocation.model_copy(update={"lift": True}))
    await scene.is_clean()


async def test_a_cast_that_waits_for_room_is_not_published_any_more(scene: Scene) -> None:
    scene.platform.bus.room.clear()
    request = a_cast(scene.caster, scene.spell.spell_key)
    async with scene.platform.worker:
        handle = await scene.platform.start(request)
        await scene.platform.bus.until_refused(request.cast_id)
        result = await scene.platform.apply(
            revoked_by(scene.spell, scene.maker, RevocationKind.KEY)
        )
        ended = await handle.result()
    assert (result.casts_stopped, scene.platform.bus.published) == (1, [])
    assert (ended.status, ended.billing) == (CastStatus.FAILED, Billing.RELEASED)
    key = Trusted(kind=RevocationKind.KEY, value=KEY_DIGEST)
    lifted = Revocation(trusted=key, reason="over", by="op", lift=True)
    await scene.platform.revocations.record(lifted)
    await scene.is_clean()


async def test_a_cast_whose_workflow_was_terminated_is_released_at_once(scene: Scene) -> None:
    async with scene.platform.worker:
        handle = await scene.running_cast()
        await handle.terminate()
        result = await scene.platform.apply(
            revoked_by(scene.spell, scene.maker, RevocationKind.SPELL)
        )
    assert result.casts_stopped == 1
    await scene.is_clean()


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", STEPS)
async def test_a_revocation_that_fails_at_a_step_is_finished_by_the_same_again(
    client: Client, database: Database, step: str, when: str
) -> None:
    """Nothing is undone: what is in force stays so, and nobody is charged meanwhile."""
    faults = StepFaults(**{f"fail_{when}": frozenset({step})})
    scene = Scene(client, database, interceptors=[faults])
    await scene.prepare()
    revocation = revoked_by(scene.spell, scene.maker, RevocationKind.SPELL)
    async with scene.platform.worker:
        running = await scene.running_cast()
        with pytest.raises(WorkflowFailureError):
            await scene.platform.apply(revocation)
        assert faults.ran[step] == 1, "it must fail where it was told to"
        if (step, when) != ("revoking.record", "before"):
            await scene.is_refused()
        faults.fail_before = faults.fail_after = frozenset()
        result = await scene.platform.apply(revocation)
        ended = await running.result()
    assert result.casts_stopped == 1
    assert (ended.status, ended.billing) == (CastStatus.FAILED, Billing.RELEASED)
    await scene.is_clean()


@pytest.mark.parametrize("step", STEPS)
async def test_each_step_twice_equals_once(client: Client, database: Database, step: str) -> None:
    scene = Scene(client, database, interceptors=[StepFaults(twice=frozenset({step}))])
    await scene.prepare()
    async with scene.platform.worker:
        running = await scene.running_cast()
        result = await scene.platform.apply(
            revoked_by(scene.spell, scene.maker, RevocationKind.DIGEST)
        )
        await running.result()
    assert result.casts_stopped == 1
    listed = await PostgresRevocations(database).revocations(before=None, lifted=True, limit=100)
    assert [one.value for one in listed].count(scene.spell.package_digest) == 1
    await scene.is_clean()


async def test_an_ended_cast_keeps_its_charge(client: Client, database: Database) -> None:
    scene = Scene(client, database, script=verdict_for)
    await scene.prepare()
    spell = await publish(database, scene.maker, price=FLAT_500)
    async with scene.platform.worker:
        paid = await (await scene.platform.start(a_cast(scene.caster, spell.spell_key))).result()
        result = await scene.platform.apply(revoked_by(spell, scene.maker, RevocationKind.SPELL))
    assert (paid.status, result.casts_stopped) == (CastStatus.SUCCEEDED, 0)
    assert await credit_left(database, scene.caster) == CREDIT - FLAT_500.price_micros

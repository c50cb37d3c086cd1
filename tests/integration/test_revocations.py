"""What falls under a revocation, by the real SQL: the gate and the view must say the same."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from infra.postgres import Database
from infra.repositories.account_notifications import PostgresAccountNotifications
from infra.repositories.revocations import PostgresRevocations
from schema.contracts.revocation import Revocation, RevocationKind, Trusted
from schema.contracts.supply_chain import PackageEvidence, Severity
from tests.support.builders import Person, evidence_for, make_person, publish
from tests.support.revoking import signed

SIGNER = signed("eve@example.org", "sha256:" + "e" * 64)


@pytest.fixture
async def published(database: Database) -> tuple[Person, PackageEvidence]:
    maker = await make_person(database)
    package = await publish(database, maker, signer=SIGNER)
    evidence = evidence_for(maker, package)
    return maker, evidence.model_copy(update={"files": {"spell.wasm": package.module_digest}})


def rests_on(evidence: PackageEvidence) -> list[tuple[str, Trusted]]:
    identity = Trusted(kind=RevocationKind.IDENTITY, value=SIGNER.identity)
    return [
        ("REVOKED_DIGEST", Trusted(kind=RevocationKind.DIGEST, value=evidence.package_digest)),
        ("REVOKED_DIGEST", Trusted(kind=RevocationKind.DIGEST, value=evidence.files["spell.wasm"])),
        ("REVOKED_SPELL", Trusted(kind=RevocationKind.SPELL, value=evidence.spell_key)),
        ("REVOKED_IDENTITY", identity),
        ("REVOKED_IDENTITY", identity.model_copy(update={"issuer": SIGNER.issuer})),
        ("REVOKED_KEY", Trusted(kind=RevocationKind.KEY, value=SIGNER.key_digest)),
    ]


async def test_the_gate_and_the_casts_obey_the_same_revocations(
    database: Database, published: tuple[Person, PackageEvidence]
) -> None:
    maker, evidence = published
    repository = PostgresRevocations(database)
    for code, trusted in rests_on(evidence):
        word = Revocation(trusted=trusted, reason="bad", by=maker.account_id)
        recorded = await repository.record(word)
        (found,) = await repository.reasons(evidence, SIGNER)
        assert (found.code, found.severity, found.subject) == (code, Severity.REFUSE, trusted.value)
        assert found.details == {"revocation": recorded.id, "reason": "bad"}
        assert await repository.revoked_among([evidence.package_digest])
        affected = await repository.affected(trusted, after="", limit=10)
        assert affected == [evidence.package_digest]
        await repository.record(word.model_copy(update={"lift": True}))
        assert await repository.reasons(evidence, SIGNER) == []
        assert not await repository.revoked_among([evidence.package_digest])


async def test_the_maker_is_told_once_of_a_revocation_and_its_end(
    database: Database, published: tuple[Person, PackageEvidence]
) -> None:
    maker, evidence = published
    repository = PostgresRevocations(database)
    other = await publish(database, maker, key=f"{evidence.spell_key}-b", signer=SIGNER)
    word = Revocation(trusted=rests_on(evidence)[3][1], reason="stolen", by=maker.account_id)
    for lift in (False, False, True):
        await repository.record(word.model_copy(update={"lift": lift}))
    told = await PostgresAccountNotifications(database).notifications(
        maker.account_id, before=None, limit=10
    )
    assert [one.kind.value for one in told] == ["revocation.lifted", "spell.revoked"]
    assert told[1].details["reason"] == "stolen"
    assert told[1].details["spells"] == [evidence.spell_key, other.spell_key]


async def test_every_revocation_that_a_package_falls_under_is_a_reason(
    database: Database, published: tuple[Person, PackageEvidence]
) -> None:
    maker, evidence = published
    repository = PostgresRevocations(database)
    words = [
        Revocation(trusted=trusted, reason="bad", by=maker.account_id)
        for _, trusted in rests_on(evidence)
    ]
    for word in words:
        await repository.record(word)
    assert len(await repository.reasons(evidence, SIGNER)) == len(words)
    unsigned = {found.code for found in await repository.reasons(evidence, None)}
    assert unsigned == {"REVOKED_DIGEST", "REVOKED_SPELL"}
    for word in words:
        await repository.record(word.model_copy(update={"lift": True}))


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM revocations",
        "UPDATE revocations SET reason = 'other' WHERE id = :id",
        "UPDATE revocations SET value = 'com.example.other' WHERE id = :id",
        "UPDATE revocations SET lifted_at = now() WHERE id = :id",
        "UPDATE revocations SET lifted_at = NULL, lifted_by = NULL WHERE lifted_at IS NOT NULL",
        "INSERT INTO revocations (kind, value, reason, revoked_by) SELECT kind, value, 'x', 'y'"
        " FROM revocations WHERE id = :id",
        "INSERT INTO revocations (kind, value, issuer, reason, revoked_by)"
        " VALUES ('key', 'x', 'an issuer', 'x', 'y')",
    ],
)
async def test_the_record_of_revocations_cannot_be_bent(database: Database, statement: str) -> None:
    repository = PostgresRevocations(database)
    ids = []
    for value in ("com.example.bent", "com.example.lifted"):
        trusted = Trusted(kind=RevocationKind.SPELL, value=value)
        word = Revocation(trusted=trusted, reason="x", by="op")
        ids.append((await repository.record(word)).id)
    await repository.record(word.model_copy(update={"lift": True}))
    parameters = {"id": ids[0]} if ":id" in statement else {}
    with pytest.raises(DBAPIError):
        await _run(database, statement, parameters)


async def _run(database: Database, statement: str, parameters: dict[str, int]) -> None:
    async with database.transaction() as connection:
        await connection.execute(text(statement), parameters)

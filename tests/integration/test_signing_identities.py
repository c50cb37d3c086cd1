"""Goal: makers say who may sign; a first signer is pinned once, whoever comes at the same time."""

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from activities.supply_chain.ports import SigningIdentities
from infra.postgres import Database
from infra.repositories.signing_identities import PostgresSigningIdentities
from schema.contracts.signing_identity import Origin
from schema.contracts.supply_chain import IdentityRule
from schema.errors import SpellError
from schema.limits import SIGNING_IDENTITIES_MAX
from tests.support.builders import Person, make_person

SPELL, OTHER_SPELL = "com.acme.words", "com.acme.numbers"
ISSUER = "https://oidc.acme.example"


def person(name: str) -> IdentityRule:
    return IdentityRule(issuer=ISSUER, identity=f"{name}@acme.example")


WORKFLOW = IdentityRule(issuer=ISSUER, repository="acme/words", ref="refs/tags/*")


@pytest.fixture
def rules(database: Database) -> PostgresSigningIdentities:
    return PostgresSigningIdentities(database)


@pytest.fixture
async def maker(database: Database) -> Person:
    return await make_person(database)


async def test_rules_of_the_account_and_of_the_spell_are_in_force_together(
    rules: PostgresSigningIdentities, maker: Person
) -> None:
    account = maker.account_id
    await rules.allow(account, None, person("all"))
    await rules.allow(account, SPELL, WORKFLOW)
    await rules.allow(account, OTHER_SPELL, person("other"))
    assert await rules.allowed(account, SPELL) == [person("all"), WORKFLOW]
    assert await rules.allowed(account, "com.acme.new") == [person("all")]


async def test_nobody_elses_rules_are_in_force(
    database: Database, rules: PostgresSigningIdentities, maker: Person
) -> None:
    stranger = await make_person(database)
    made = await rules.allow(stranger.account_id, SPELL, person("stranger"))
    assert await rules.allowed(maker.account_id, SPELL) == []
    with pytest.raises(SpellError, match="no such rule"):
        await rules.remove(maker.account_id, made.id)
    assert await rules.summaries(maker.account_id) == []


async def test_the_first_signer_is_pinned_and_the_next_one_is_not(
    rules: PostgresSigningIdentities, maker: Person
) -> None:
    account = maker.account_id
    port: SigningIdentities = rules
    assert await port.pin(account, SPELL, person("first")) == [person("first")]
    assert await port.pin(account, SPELL, person("second")) == [person("first")]
    assert await rules.allowed(account, SPELL) == [person("first")]
    assert await rules.allowed(account, OTHER_SPELL) == []
    assert [one.origin for one in await rules.summaries(account)] == [Origin.PINNED]


async def test_of_many_first_signers_at_once_one_is_pinned_and_all_learn_who(
    rules: PostgresSigningIdentities, maker: Person
) -> None:
    answers = await asyncio.gather(
        *(rules.pin(maker.account_id, SPELL, person(f"p{number}")) for number in range(8))
    )
    assert answers == [await rules.allowed(maker.account_id, SPELL)] * 8
    assert len(answers[0]) == 1


async def test_nobody_is_pinned_where_the_maker_has_a_rule(
    rules: PostgresSigningIdentities, maker: Person
) -> None:
    await rules.allow(maker.account_id, None, person("all"))
    assert await rules.pin(maker.account_id, SPELL, person("first")) == [person("all")]


async def test_the_same_rule_again_stays_the_one_that_it_is(
    rules: PostgresSigningIdentities, maker: Person
) -> None:
    first = await rules.allow(maker.account_id, SPELL, WORKFLOW)
    assert await rules.allow(maker.account_id, SPELL, WORKFLOW) == first
    assert await rules.summaries(maker.account_id) == [first]


async def test_a_pinned_signer_that_is_allowed_becomes_the_makers_own_rule(
    rules: PostgresSigningIdentities, maker: Person
) -> None:
    await rules.pin(maker.account_id, SPELL, person("first"))
    made = await rules.allow(maker.account_id, SPELL, person("first"))
    assert made.origin is Origin.ALLOWED
    assert len(await rules.summaries(maker.account_id)) == 1


async def test_without_its_last_rule_a_spell_trusts_on_first_use_again(
    rules: PostgresSigningIdentities, maker: Person
) -> None:
    made = await rules.allow(maker.account_id, SPELL, WORKFLOW)
    await rules.remove(maker.account_id, made.id)
    assert await rules.pin(maker.account_id, SPELL, person("next")) == [person("next")]
    with pytest.raises(SpellError, match="no such rule"):
        await rules.remove(maker.account_id, made.id)


async def test_an_account_has_a_bounded_number_of_rules(
    rules: PostgresSigningIdentities, maker: Person
) -> None:
    for number in range(SIGNING_IDENTITIES_MAX):
        await rules.allow(maker.account_id, None, person(f"p{number}"))
    with pytest.raises(SpellError) as refused:
        await rules.allow(maker.account_id, None, person("one-more"))
    assert refused.value.code == "VALIDATION_ERROR"
    assert len(await rules.summaries(maker.account_id)) == SIGNING_IDENTITIES_MAX
    # Bounds on what makers set must not stop what the platform pins.
    await rules.allow(maker.account_id, None, person("p0"))


@pytest.mark.parametrize(
    "changes",
    [
        {"identity": None},
        {"id": "'x'"},
        {"origin": "'guessed'"},
        {"origin": "'pinned'", "spell_key": "NULL"},
        {"issuer": "''"},
        {"ref": "''"},
    ],
)
async def test_the_database_refuses_a_rule_that_names_nobody(
    database: Database, maker: Person, changes: dict[str, str | None]
) -> None:
    row = {
        "id": "'sid_aaaaaaaaaaaaaaaa'",
        "account_id": f"'{maker.account_id}'",
        "spell_key": f"'{SPELL}'",
        "issuer": f"'{ISSUER}'",
        "identity": "'x@acme.example'",
        "ref": "NULL",
        "origin": "'allowed'",
        **changes,
    }
    names, values = ", ".join(row), ", ".join(value or "NULL" for value in row.values())
    statement = text(f"INSERT INTO signing_identities ({names}) VALUES ({values})")
    with pytest.raises(DBAPIError) as refused:
        async with database.transaction() as connection:
            await connection.execute(statement)
    assert str(getattr(refused.value.orig, "sqlstate", "")).startswith("23514")

"""Goal: secrets are set by the maker alone, kept encrypted, and read by spell and name only."""

import asyncio
import secrets

import pytest
from sqlalchemy import text

from infra.postgres import Database
from infra.repositories.spell_secrets import PostgresSpellSecrets
from schema.errors import SpellError
from schema.limits import SECRET_BYTES_MAX, SECRETS_PER_SPELL_MAX
from tests.support.builders import Person, make_person, publish
from tests.support.platform import make_vault


@pytest.fixture
def store(database: Database) -> PostgresSpellSecrets:
    return PostgresSpellSecrets(database, make_vault())


@pytest.fixture
async def maker(database: Database) -> Person:
    return await make_person(database)


@pytest.fixture
async def spell(database: Database, maker: Person) -> str:
    return (await publish(database, maker)).spell_key


@pytest.mark.parametrize(
    "value", ["x", "päss wörd\n", '{"a": "\\u0001"}', "\x01", "k" * SECRET_BYTES_MAX]
)
async def test_a_value_comes_back_as_it_was_set(
    store: PostgresSpellSecrets, maker: Person, spell: str, value: str
) -> None:
    await store.set(maker.account_id, spell, "TOKEN", value)
    assert await store.values(spell, ["TOKEN"]) == {"TOKEN": value}


async def test_only_the_names_that_are_asked_for_are_read(
    store: PostgresSpellSecrets, maker: Person, spell: str
) -> None:
    for name in ("A", "B", "C"):
        await store.set(maker.account_id, spell, name, f"value of {name}")
    assert await store.values(spell, ["C", "A", "ABSENT"]) == {
        "A": "value of A",
        "C": "value of C",
    }
    assert await store.missing(spell, ["C", "ABSENT", "A", "ALSO"]) == ["ABSENT", "ALSO"]


async def test_the_list_has_names_and_times_and_no_value(
    store: PostgresSpellSecrets, maker: Person, spell: str
) -> None:
    made = await store.set(maker.account_id, spell, "B", "first-value")
    await store.set(maker.account_id, spell, "A", "other-value")
    again = await store.set(maker.account_id, spell, "B", "second-value")
    assert again.created_at == made.created_at
    assert again.updated_at > made.updated_at
    listed = await store.summaries(maker.account_id, spell)
    assert [one.name for one in listed] == ["A", "B"]
    assert listed[1] == again
    assert "value" not in "".join(one.model_dump_json() for one in listed)


async def test_a_secret_is_only_there_encrypted(
    database: Database, store: PostgresSpellSecrets, maker: Person, spell: str
) -> None:
    marker = secrets.token_hex(16)
    await store.set(maker.account_id, spell, "TOKEN", marker)
    async with database.reading() as connection:
        found = await connection.execute(
            text("SELECT ciphertext, x::text AS row FROM spell_secrets x WHERE spell_key = :key"),
            {"key": spell},
        )
        row = found.one()
    assert marker.encode() not in bytes(row.ciphertext)
    assert marker not in row.row
    with pytest.raises(ValueError, match="decrypt"):
        make_vault().decrypt("acct_" + "a" * 16, bytes(row.ciphertext))


async def test_a_row_that_was_moved_to_another_name_or_spell_is_not_read(
    database: Database, store: PostgresSpellSecrets, maker: Person, spell: str
) -> None:
    """Who can write the table must not make one secret pass as another of the same maker."""
    await store.set(maker.account_id, spell, "PRIVATE", "of this spell")
    other = (await publish(database, maker)).spell_key
    move = text(
        "INSERT INTO spell_secrets (spell_key, name, ciphertext)"
        " SELECT :to_key, :to_name, ciphertext FROM spell_secrets"
        " WHERE spell_key = :key AND name = 'PRIVATE'"
    )
    for to_key, to_name in ((spell, "PUBLIC"), (other, "PRIVATE")):
        async with database.transaction() as connection:
            await connection.execute(move, {"key": spell, "to_key": to_key, "to_name": to_name})
        with pytest.raises(ValueError, match="set as another"):
            await store.values(to_key, [to_name])


async def test_a_foreign_spell_and_one_that_is_not_published_are_not_found(
    database: Database, store: PostgresSpellSecrets, maker: Person, spell: str
) -> None:
    stranger = await make_person(database)
    await store.set(maker.account_id, spell, "TOKEN", "mine")
    for account, key in ((stranger.account_id, spell), (maker.account_id, "com.example.absent")):
        for attempt in (
            store.set(account, key, "TOKEN", "theirs"),
            store.summaries(account, key),
            store.remove(account, key, "TOKEN"),
        ):
            with pytest.raises(SpellError, match="publish its first version") as refused:
                await attempt
            assert refused.value.code == "SPELL_NOT_FOUND"
    assert await store.values(spell, ["TOKEN"]) == {"TOKEN": "mine"}


async def test_a_removed_secret_is_gone(
    store: PostgresSpellSecrets, maker: Person, spell: str
) -> None:
    await store.set(maker.account_id, spell, "TOKEN", "x")
    await store.remove(maker.account_id, spell, "TOKEN")
    assert await store.missing(spell, ["TOKEN"]) == ["TOKEN"]
    with pytest.raises(SpellError) as refused:
        await store.remove(maker.account_id, spell, "TOKEN")
    assert refused.value.code == "SECRET_NOT_FOUND"


async def test_a_spell_has_no_more_secrets_than_it_may_even_when_all_are_set_at_once(
    store: PostgresSpellSecrets, maker: Person, spell: str
) -> None:
    names = [f"NAME_{number}" for number in range(SECRETS_PER_SPELL_MAX + 5)]
    ends = await asyncio.gather(
        *(store.set(maker.account_id, spell, name, "x") for name in names), return_exceptions=True
    )
    refused = [end for end in ends if isinstance(end, SpellError)]
    assert {error.code for error in refused} == {"VALIDATION_ERROR"}
    assert len(refused) == 5
    kept = await store.summaries(maker.account_id, spell)
    assert len(kept) == SECRETS_PER_SPELL_MAX
    # One that is there already can still be changed.
    await store.set(maker.account_id, spell, kept[0].name, "new")
    assert await store.values(spell, [kept[0].name]) == {kept[0].name: "new"}

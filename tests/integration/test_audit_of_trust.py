"""Goal: the log tells, once each, what verdicts come to rest on. Method: the real repositories."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from infra.embedded.platform import EmbeddedPlatform
from infra.postgres import Database
from infra.repositories.advisory_exceptions import PostgresAdvisoryExceptions
from infra.repositories.signing_identities import PostgresSigningIdentities
from infra.repositories.supply_chain_log import PostgresSupplyChainLog
from infra.supply_chain.advisories.archives import Source
from infra.supply_chain.advisories.importing import import_sources
from schema.contracts.supply_chain import AdvisoryException, IdentityRule, Justification
from schema.contracts.supply_chain_log import LogEntryView
from schema.errors import SpellError
from tests.support.advisories import fresh_database
from tests.support.builders import make_person

RULE = IdentityRule(issuer="https://oidc.acme.example", identity="ada@acme.example")
SPELL = "com.acme.words"


@pytest.fixture
async def empty(servers: EmbeddedPlatform) -> AsyncIterator[Database]:
    async with fresh_database(servers) as database:
        yield database


async def logged(database: Database) -> list[LogEntryView]:
    """Everything, the oldest first."""
    log = PostgresSupplyChainLog(database)
    return (await log.entries(None, spell_key=None, kind=None, before=None, limit=50))[::-1]


async def test_who_may_sign_is_written_down_with_who_said_so(empty: Database) -> None:
    rules, account = PostgresSigningIdentities(empty), (await make_person(empty)).account_id
    await rules.pin(account, SPELL, RULE)
    await rules.pin(account, SPELL, RULE)
    made = await rules.allow(account, SPELL, RULE)
    await rules.allow(account, SPELL, RULE)
    await rules.remove(account, made.id)
    with pytest.raises(SpellError):
        await rules.remove(account, made.id)
    entries = await logged(empty)
    assert [(one.kind.value, one.details["origin"]) for one in entries] == [
        ("identity_allowed", "pinned"),
        ("identity_allowed", "allowed"),
        ("identity_removed", "allowed"),
    ]
    assert {(one.actor, one.spell_key) for one in entries} == {(account, SPELL)}
    assert entries[0].details["rule"]["identity"] == RULE.identity


async def test_exceptions_are_written_down_with_who_made_and_removed_them(empty: Database) -> None:
    exceptions = PostgresAdvisoryExceptions(empty)
    made = await exceptions.add(
        AdvisoryException(
            advisory_id="CVE-2018-18074",
            spell_key=SPELL,
            justification=Justification.INLINE_MITIGATIONS,
            statement="Redirects are refused.",
            added_by="acct_aaaaaaaaaaaaaaaa",
            expires_at=datetime.now(UTC) + timedelta(days=30),
        )
    )
    await exceptions.remove(made.id, "acct_bbbbbbbbbbbbbbbb")
    first, second = await logged(empty)
    assert (first.kind.value, first.actor) == ("exception_made", "acct_aaaaaaaaaaaaaaaa")
    assert (second.kind.value, second.actor) == ("exception_removed", "acct_bbbbbbbbbbbbbbbb")
    assert first.spell_key == SPELL
    assert first.details["advisory_id"] == "CVE-2018-18074"


async def test_an_import_is_written_down_when_it_makes_a_snapshot(empty: Database) -> None:
    for _ in range(2):
        source = Source("PyPI", None, lambda: iter(()))
        await import_sources(empty, [source], full=False, note=lambda _: None)
    (entry,) = await logged(empty)
    assert (entry.kind.value, entry.details["snapshot"]) == ("advisories_imported", 1)

"""Goal: no code path can rewrite what was found and told. Method: plain SQL, and races."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from infra.postgres import Database
from infra.repositories.findings import PostgresFindings
from infra.repositories.spells import PostgresSpells
from infra.repositories.supply_chain_log import PostgresSupplyChainLog
from schema.contracts.aftercare import VersionRef
from schema.contracts.publish import InspectedPackage
from schema.contracts.supply_chain_log import DeedKind, LogEntry
from schema.errors import SpellError
from schema.supply_chain.reasons import reason
from tests.support.aftercare import GRACE, a_decision, ref, vulnerable
from tests.support.builders import Person, make_person, publish


async def found(database: Database) -> tuple[Person, InspectedPackage]:
    maker = await make_person(database)
    package = await publish(database, maker)
    decision = a_decision(package.package_digest, [vulnerable()], "2026-11-25#1")
    await PostgresFindings(database, GRACE).apply(ref(package), decision)
    return maker, package


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE version_findings SET due_at = now() WHERE spell_key = :spell_key",
        "UPDATE version_findings SET purl = 'pkg:x/y' WHERE spell_key = :spell_key",
        "UPDATE version_findings SET closed_as = 'fixed' WHERE spell_key = :spell_key",
        "DELETE FROM version_findings WHERE spell_key = :spell_key",
        "UPDATE notifications SET details = '{}' WHERE spell_key = :spell_key",
        "DELETE FROM notifications WHERE spell_key = :spell_key",
        "UPDATE supply_chain_log SET actor = 'x' WHERE spell_key = :spell_key",
        "DELETE FROM supply_chain_log WHERE spell_key = :spell_key",
        "INSERT INTO version_findings (spell_key, version, advisory_id, aliases, purl, code,"
        " message, details, snapshot, due_at) SELECT spell_key, version, advisory_id, aliases,"
        " purl, code, message, details, snapshot, due_at FROM version_findings"
        " WHERE spell_key = :spell_key",
    ],
)
async def test_what_was_found_and_told_cannot_be_rewritten(
    database: Database, statement: str
) -> None:
    _, package = await found(database)
    with pytest.raises(DBAPIError) as refused:
        async with database.transaction() as connection:
            await connection.execute(text(statement), {"spell_key": package.spell_key})
    assert str(getattr(refused.value.orig, "sqlstate", "")).startswith("23")


async def test_verdicts_that_are_applied_at_once_open_one_finding(database: Database) -> None:
    maker = await make_person(database)
    package = await publish(database, maker)
    findings = PostgresFindings(database, GRACE)
    decision = a_decision(package.package_digest, [vulnerable()], "2026-11-25#1")
    changes = await asyncio.gather(*(findings.apply(ref(package), decision) for _ in range(8)))
    assert sum(len(change.opened) for change in changes) == 1
    assert all(len(change.open) == 1 for change in changes)


async def test_malware_is_delisted_at_once(database: Database) -> None:
    maker = await make_person(database)
    package = await publish(database, maker)
    malware = vulnerable().model_copy(update={"code": "MALICIOUS_PACKAGE"})
    decision = a_decision(package.package_digest, [malware], "2026-11-25#1")
    (opened,) = (await PostgresFindings(database, GRACE).apply(ref(package), decision)).opened
    assert opened.due_at == opened.opened_at


async def test_a_maker_does_not_bring_back_what_was_delisted(database: Database) -> None:
    maker, package = await found(database)
    findings = PostgresFindings(database, GRACE)
    due = (await findings.clock(ref(package))).due_at
    decision = a_decision(package.package_digest, [vulnerable()], "2026-11-25#1")
    assert due is not None
    assert (await findings.apply(ref(package), decision, delist_at=due)).delisted
    spells = PostgresSpells(database)
    for state in ("published", "yanked"):
        with pytest.raises(SpellError) as refused:
            await spells.set_state(maker.account_id, package.spell_key, package.version, state)
        assert refused.value.code == "SPELL_DELISTED"


@pytest.mark.parametrize("code", ["ADVISORIES_MORE", "SBOM_UNSUPPORTED"])
async def test_a_verdict_that_could_not_look_neither_closes_nor_lists_again(
    database: Database, code: str
) -> None:
    _, package = await found(database)
    findings = PostgresFindings(database, GRACE)
    blind = a_decision(package.package_digest, [reason(code)], "2026-11-25#2")
    change = await findings.apply(ref(package), blind)
    assert (len(change.open), change.closed) == (1, [])
    due = (await findings.clock(ref(package))).due_at
    assert (await findings.apply(ref(package), blind, delist_at=due)).delisted
    assert not (await findings.apply(ref(package), blind)).relisted
    clear = a_decision(package.package_digest, [], "2026-11-25#3")
    assert (await findings.apply(ref(package), clear)).relisted


async def test_who_yanks_before_each_rescan_gains_no_time(database: Database) -> None:
    maker = await make_person(database)
    package = await publish(database, maker)
    findings = PostgresFindings(database, timedelta(0))
    spells, log = PostgresSpells(database), PostgresSupplyChainLog(database)

    async def set_state(state: str) -> None:
        await spells.set_state(maker.account_id, package.spell_key, package.version, state)

    await set_state("yanked")
    place = VersionRef(spell_key=package.spell_key, version="0.0.0")
    listed = await findings.listed(place, limit=1)
    assert [(one.spell_key, one.version) for one in listed] == [
        (package.spell_key, package.version)
    ]
    decision = a_decision(package.package_digest, [vulnerable()], "2026-11-25#2")
    changes = [await findings.apply(ref(package), decision) for _ in range(2)]
    assert [len(change.opened) for change in changes] == [1, 0]
    assert not any(change.open for change in changes)
    with pytest.raises(SpellError) as refused:
        await set_state("published")
    assert refused.value.code == "SPELL_DELISTED"
    entries = await log.entries(None, spell_key=package.spell_key, kind=None, before=None, limit=9)
    assert entries[0].kind is DeedKind.DELISTED
    clear = a_decision(package.package_digest, [], "2026-11-25#3")
    assert (await findings.apply(ref(package), clear)).relisted
    for state in ("yanked", "published", "yanked"):
        await set_state(state)


async def test_malware_does_not_get_the_time_that_a_vulnerability_had(database: Database) -> None:
    maker, package = await found(database)
    findings, spells = PostgresFindings(database, GRACE), PostgresSpells(database)
    for state in ("yanked", "published"):
        await spells.set_state(maker.account_id, package.spell_key, package.version, state)
    malware = vulnerable().model_copy(update={"code": "MALICIOUS_PACKAGE"})
    decision = a_decision(package.package_digest, [malware], "2026-11-25#2")
    (opened,) = (await findings.apply(ref(package), decision)).opened
    assert opened.due_at == opened.opened_at


async def test_a_deed_that_is_repeated_is_written_down_once(database: Database) -> None:
    log = PostgresSupplyChainLog(database)
    maker = await make_person(database)
    entry = LogEntry(
        reference=f"published:{maker.account_id}", kind=DeedKind.PUBLISHED, actor=maker.account_id
    )
    assert [await log.append(entry), await log.append(entry)] == [True, False]
    (kept,) = await log.entries(maker.account_id, spell_key=None, kind=None, before=None, limit=10)
    assert kept.reference == entry.reference


async def test_a_yank_that_changes_nothing_is_no_deed(database: Database) -> None:
    maker = await make_person(database)
    package = await publish(database, maker)
    spells, log = PostgresSpells(database), PostgresSupplyChainLog(database)
    for state in ("yanked", "yanked", "published", "published", "yanked"):
        await spells.set_state(maker.account_id, package.spell_key, package.version, state)
    entries = await log.entries(None, spell_key=package.spell_key, kind=None, before=None, limit=10)
    kinds = [entry.kind.value for entry in entries if entry.kind is not DeedKind.PUBLISHED]
    assert kinds == ["yanked", "unyanked", "yanked"]


async def overdue(database: Database) -> tuple[Person, InspectedPackage]:
    """A version that was yanked with a finding open, whose time has run out since."""
    maker = await make_person(database)
    package = await publish(database, maker)
    decision = a_decision(package.package_digest, [vulnerable()], "2026-11-25#1")
    await PostgresFindings(database, timedelta(0)).apply(ref(package), decision)
    await PostgresSpells(database).set_state(
        maker.account_id, package.spell_key, package.version, "yanked"
    )
    return maker, package


async def test_a_version_that_was_yanked_until_its_time_ran_out_comes_back_delisted(
    database: Database,
) -> None:
    """Yanked at the hour of each re-scan, and castable between, it would never be delisted."""
    maker, package = await overdue(database)
    spells = PostgresSpells(database)
    place = (maker.account_id, package.spell_key, package.version)
    for _ in range(2):
        with pytest.raises(SpellError, match="SPELL_DELISTED"):
            await spells.set_state(*place, "published")
    (view,) = await spells.versions(*place)
    assert view.state == "delisted"
    log = PostgresSupplyChainLog(database)
    entries = await log.entries(
        None, spell_key=package.spell_key, kind=DeedKind.DELISTED, before=None, limit=5
    )
    assert len(entries) == 1
    # As every delisted version, it comes back when it is cleared, and then for good.
    cleared = a_decision(package.package_digest, [], "2026-11-26#1")
    change = await PostgresFindings(database, GRACE).apply(ref(package), cleared)
    assert change.relisted
    for state in ("yanked", "published"):
        await spells.set_state(*place, state)
    (view,) = await spells.versions(*place)
    assert view.state == "published"

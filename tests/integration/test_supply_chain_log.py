"""Goal: the log tells an account of its own spells and deeds, and of nobody else's."""

import secrets

from infra.postgres import Database
from infra.repositories.supply_chain_log import PostgresSupplyChainLog
from schema.contracts.supply_chain_log import DeedKind, LogEntry
from tests.support.builders import make_person, publish


async def test_a_refused_package_is_told_to_its_sender_whatever_key_it_names(
    database: Database,
) -> None:
    owner, stranger = await make_person(database), await make_person(database)
    spell = await publish(database, owner)
    log = PostgresSupplyChainLog(database)
    for kind, sender in ((DeedKind.REFUSED, stranger), (DeedKind.YANKED, owner)):
        entry = LogEntry(
            reference=f"{kind.value}:{secrets.token_hex(8)}",
            kind=kind,
            actor=sender.account_id,
            spell_key=spell.spell_key,
            version=spell.version,
        )
        assert await log.append(entry)

    async def seen_by(account_id: str | None) -> set[tuple[str, str]]:
        entries = await log.entries(
            account_id, spell_key=spell.spell_key, kind=None, before=None, limit=50
        )
        return {(entry.kind, entry.actor) for entry in entries}

    refused, yanked = ("refused", stranger.account_id), ("yanked", owner.account_id)
    assert await seen_by(stranger.account_id) == {refused}
    seen = await seen_by(owner.account_id)
    assert yanked in seen
    assert refused not in seen
    assert {refused, yanked} <= await seen_by(None)

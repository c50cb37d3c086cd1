"""Goal: nothing in the sealed ledger changes unseen. Method: tamper as a superuser, then look."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text

from infra.embedded.platform import EmbeddedPlatform
from infra.ledger.anchors import LedgerAnchors
from infra.ledger.sealer import LedgerTamperedError, TransactionsBehindError
from schema.blob_keys import ledger_anchor_key
from schema.contracts.ledger import FindingKind, SealAnchor
from tests.support.ledger import Ledger, fresh_ledger, ledger_template


@pytest.fixture(scope="module")
async def template(servers: EmbeddedPlatform) -> str:
    return await ledger_template(servers)


@pytest.fixture
async def ledger(servers: EmbeddedPlatform, template: str, tmp_path: Path) -> AsyncIterator[Ledger]:
    async with fresh_ledger(servers, template, tmp_path / "anchors") as made:
        yield made


class DyingAnchors(LedgerAnchors):
    """Object storage that goes away before it keeps anything."""

    async def keep(self, anchor: SealAnchor) -> None:
        raise ConnectionError(f"away, with {anchor.signed.seal.number} unkept")


async def found(ledger: Ledger) -> set[tuple[str, str]]:
    return {(one.kind.value, one.subject) for one in await ledger.findings()}


async def test_every_row_is_under_one_seal_and_all_of_it_verifies(ledger: Ledger) -> None:
    await ledger.caster(transfers=10)
    assert (await ledger.tail()).rows == 10
    assert await ledger.seal_all() == 10
    pages = await ledger.look()
    assert [one for page in pages for one in page.findings] == []
    assert (pages[0].checked, pages[0].rows) == (4, 10), "three rows under a seal"
    assert (await ledger.tail()).rows == 0
    assert await ledger.seal_all() == 0, "nothing is sealed twice"
    assert await ledger.one("SELECT count(*) FROM ledger_seals") == 4


async def test_a_row_of_a_running_transaction_is_left_for_a_later_seal(ledger: Ledger) -> None:
    """Method: a transaction that began before another one and commits after the seal."""
    caster = await ledger.caster()
    insert = text(
        "INSERT INTO ledger_transfers (reference, kind, debit_account_id, credit_account_id,"
        " currency, amount_micros) VALUES ('late', 'credit', 'processor_clearing\\:USD',"
        " 'caster_credit:' || :account_id || '\\:USD', 'USD', 5)"
    )
    async with ledger.database.transaction() as slow:
        await slow.execute(insert, {"account_id": caster.account_id})
        await ledger.caster(transfers=2)
        assert await ledger.seal_all() == 1, "what came before the slow one"
    assert await ledger.seal_all() == 3
    seals = [page for page in await ledger.look() if page.part == "seals"]
    assert seals[0].findings == []


@pytest.mark.parametrize(
    "change",
    [
        "amount_micros = amount_micros + 1",
        "reference = reference || 'x'",
        "created_at = created_at + interval '1 microsecond'",
        "cast_id = 'cast_x'",
        "debit_account_id = credit_account_id, credit_account_id = debit_account_id",
    ],
)
async def test_a_changed_row_is_named(ledger: Ledger, change: str) -> None:
    await ledger.caster(transfers=8)
    await ledger.seal_all()
    row_id = await ledger.one("SELECT min(id) + 4 FROM ledger_transfers")
    await ledger.tamper(f"UPDATE ledger_transfers SET {change} WHERE id = :id", id=row_id)
    changed = {one for one in await found(ledger) if one[0].startswith("row_")}
    assert changed == {("row_changed", f"transfer {row_id}")}


async def test_a_deleted_row_is_named(ledger: Ledger) -> None:
    await ledger.caster(transfers=8)
    await ledger.seal_all()
    row_id = await ledger.one("SELECT min(id) + 3 FROM ledger_transfers")
    await ledger.tamper("DELETE FROM ledger_transfers WHERE id = :id", id=row_id)
    assert ("row_deleted", f"transfer {row_id}") in await found(ledger)


async def test_a_row_that_is_put_into_the_past_is_named(ledger: Ledger) -> None:
    await ledger.caster(transfers=8)
    await ledger.seal_all()
    await ledger.tamper(
        "INSERT INTO ledger_transfers (reference, kind, debit_account_id, credit_account_id,"
        " currency, amount_micros, transaction_id) SELECT 'forged', kind, debit_account_id,"
        " credit_account_id, currency, amount_micros, transaction_id FROM ledger_transfers"
        " ORDER BY id OFFSET 2 LIMIT 1"
    )
    row_id = await ledger.one("SELECT id FROM ledger_transfers WHERE reference = 'forged'")
    assert ("row_added", f"transfer {row_id}") in await found(ledger)


async def test_a_row_of_a_transaction_that_has_not_begun_is_named(ledger: Ledger) -> None:
    await ledger.caster(transfers=2)
    await ledger.seal_all()
    await ledger.tamper(
        "INSERT INTO ledger_transfers (reference, kind, debit_account_id, credit_account_id,"
        " currency, amount_micros, transaction_id) SELECT 'ahead', kind, debit_account_id,"
        " credit_account_id, currency, amount_micros, transaction_id + 1000000"
        " FROM ledger_transfers LIMIT 1"
    )
    row_id = await ledger.one("SELECT id FROM ledger_transfers WHERE reference = 'ahead'")
    assert ("row_ahead", f"transfer {row_id}") in await found(ledger)


async def test_nobody_says_of_which_transaction_a_row_is(ledger: Ledger) -> None:
    caster = await ledger.caster()
    insert = text(
        "INSERT INTO ledger_transfers (reference, kind, debit_account_id, credit_account_id,"
        " currency, amount_micros, transaction_id) VALUES ('old', 'credit',"
        " 'processor_clearing\\:USD', 'caster_credit:' || :account_id || '\\:USD', 'USD', 5, 7)"
        " RETURNING transaction_id = pg_current_xact_id()::text::bigint"
    )
    async with ledger.database.transaction() as connection:
        values = {"account_id": caster.account_id}
        assert (await connection.execute(insert, values)).scalar_one() is True


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ("root = previous, signature = signature", FindingKind.SEAL_SIGNATURE),
        ("signature = 'bm90aGluZw=='", FindingKind.SEAL_SIGNATURE),
        ("last_id = last_id + 1", FindingKind.SEAL_SIGNATURE),
        ("key_id = 'another'", FindingKind.SEAL_SIGNATURE),
    ],
)
async def test_a_changed_seal_is_named_and_the_rows_still_verify(
    ledger: Ledger, change: str, kind: FindingKind
) -> None:
    await ledger.caster(transfers=8)
    await ledger.seal_all()
    await ledger.tamper(f"UPDATE ledger_seals SET {change} WHERE number = 2")
    assert await found(ledger) == {(kind.value, "seal 2")}


async def test_a_deleted_seal_is_named_wherever_it_was(ledger: Ledger) -> None:
    await ledger.caster(transfers=8)
    await ledger.seal_all()
    await ledger.tamper("DELETE FROM ledger_seals WHERE number IN (2, 3)")
    assert await found(ledger) >= {("seal_missing", "seal 2"), ("seal_missing", "seal 3")}


async def test_a_swapped_a_broken_and_a_lost_anchor_are_named(ledger: Ledger) -> None:
    await ledger.caster(transfers=14)
    await ledger.seal_all()
    swapped = await ledger.blobs.get(ledger_anchor_key(1))
    assert swapped is not None
    await ledger.blobs.put(ledger_anchor_key(2), swapped)
    await ledger.blobs.put(ledger_anchor_key(3), b"{}")
    honest = await ledger.anchors.find(4)
    assert honest is not None
    leaves = [(row_id, "0" * 64) for row_id, _ in honest.leaves]
    await ledger.anchors.keep(honest.model_copy(update={"leaves": leaves}))
    assert await found(ledger) == {("anchor_changed", f"seal {number}") for number in (2, 3, 4)}

    await ledger.blobs.delete(ledger_anchor_key(1))
    await ledger.tamper(
        "UPDATE ledger_seals SET sealed_at = sealed_at - interval '1 hour' WHERE number = 5"
    )
    await ledger.blobs.delete(ledger_anchor_key(5))
    named = await found(ledger)
    assert ("anchor_missing", "seal 5") in named
    assert ("anchor_missing", "seal 1") not in named, "it may be on its way: it is a minute old"


async def test_without_its_anchor_a_seal_still_tells_that_a_row_was_changed(
    ledger: Ledger,
) -> None:
    await ledger.caster(transfers=3)
    await ledger.seal_all()
    await ledger.blobs.delete(ledger_anchor_key(1))
    await ledger.tamper("UPDATE ledger_transfers SET amount_micros = 1")
    assert ("seal_root", "seal 1") in await found(ledger)


async def test_a_sealer_that_died_before_the_anchor_leaves_no_gap_and_seals_nothing_twice(
    ledger: Ledger,
) -> None:
    await ledger.caster(transfers=5)
    with pytest.raises(ConnectionError):
        await ledger.sealer(DyingAnchors(ledger.blobs)).seal()
    assert await ledger.anchors.find(1) is None
    await ledger.caster(transfers=2)
    assert await ledger.seal_all() == 4, "three are under the first seal already"
    assert await found(ledger) == set()
    anchored = [await ledger.anchors.find(number) for number in (1, 2, 3)]
    rows = [row_id for anchor in anchored if anchor for row_id, _ in anchor.leaves]
    assert sorted(rows) == sorted(set(rows))
    assert len(rows) == 7


async def test_what_was_changed_before_it_was_anchored_is_not_sealed_over(ledger: Ledger) -> None:
    await ledger.caster(transfers=3)
    with pytest.raises(ConnectionError):
        await ledger.sealer(DyingAnchors(ledger.blobs)).seal()
    await ledger.tamper("UPDATE ledger_transfers SET amount_micros = 1")
    with pytest.raises(LedgerTamperedError):
        await ledger.sealer().seal()
    assert ("seal_root", "seal 1") in await found(ledger)


async def test_sealers_that_run_at_once_make_one_line_of_seals(ledger: Ledger) -> None:
    await ledger.caster(transfers=20)
    for _ in range(8):
        await asyncio.gather(*(ledger.sealer().seal() for _ in range(4)))
    assert await ledger.seal_all() == 0
    assert await found(ledger) == set()
    assert await ledger.one("SELECT sum(rows) FROM ledger_seals") == 20


async def test_a_database_whose_transactions_begin_anew_is_not_sealed(ledger: Ledger) -> None:
    """As after a dump and restore into another cluster; docs/operations.md has the way out."""
    await ledger.caster(transfers=3)
    await ledger.seal_all()
    offset = "CREATE OR REPLACE FUNCTION ledger_transaction_offset() RETURNS bigint LANGUAGE sql"
    offset += " IMMUTABLE PARALLEL SAFE AS 'SELECT {}::bigint'"
    async with ledger.database.transaction() as connection:
        await connection.execute(text(offset.format(-1_000_000).replace(":", "\\:")))
    with pytest.raises(TransactionsBehindError):
        await ledger.sealer().seal()
    assert ("transactions_behind", "database") in await found(ledger)
    async with ledger.database.transaction() as connection:
        await connection.execute(text(offset.format(1_000_000).replace(":", "\\:")))
    await ledger.caster(transfers=2)
    assert await ledger.seal_all() == 2
    assert await found(ledger) == set()

"""Goal: everybody can check the books: own statement and proof, and operators the whole ledger.

Method: a real cast, sealed by the real worker; then over HTTP and by the command, and with a row
that a superuser changes.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url, text

from infra.embedded.postgres_server import ADMIN
from infra.postgres import create_engine
from schema.scopes import Scope
from tests.support.e2e import Caster, Json, WholePlatform, as_object, problem
from tests.support.e2e_cli import Shell


@pytest.fixture
async def charged(platform: WholePlatform) -> tuple[Caster, str]:
    """Somebody who paid for a cast, and the cast's id."""
    caster = await platform.new_caster(1_000_000)
    cast = await caster.ended(await platform.spell("metered"))
    assert cast["status"] == "succeeded", cast
    assert cast["cost"]["micros"] > 0
    return caster, str(cast["cast_id"])


async def statement(caster: Caster, **params: object) -> Json:
    return as_object(await caster.get("/v1/billing/statement", params=params))


async def proof_of(caster: Caster, transfer_id: int) -> Json:
    """The proof, as soon as the sealer has come to the transfer."""
    path = f"/v1/billing/transfers/{transfer_id}/proof"
    while (answer := await caster.get(path)).status_code == 404:
        problem(answer, 404, "TRANSFER_NOT_FOUND")
        await asyncio.sleep(0.5)
    return as_object(answer)


@asynccontextmanager
async def changed_row(platform: WholePlatform, transfer_id: int) -> AsyncIterator[None]:
    """A row of the ledger that a superuser has changed, and puts right again."""
    context = platform.embedded.context
    url = make_url(context.endpoints.database_url).set(
        username=ADMIN, password=context.credentials.postgres_admin_password
    )
    engine = create_engine(
        url.render_as_string(hide_password=False), pool_size=1, statement_cache=0
    )
    change = "UPDATE ledger_transfers SET amount_micros = amount_micros {} 1 WHERE id = :id"
    try:
        for sign in "+-":
            async with engine.begin() as connection:
                await connection.execute(text("SET LOCAL session_replication_role = replica"))
                await connection.execute(text(change.format(sign)), {"id": transfer_id})
            if sign == "+":
                yield
    finally:
        await engine.dispose()


async def test_a_statement_tells_how_a_cast_moved_money_and_adds_up(
    charged: tuple[Caster, str],
) -> None:
    caster, cast_id = charged
    whole = await statement(caster)
    kinds = [(line["kind"], line["account"].partition(":")[0]) for line in whole["items"]]
    assert kinds == [
        ("credit", "caster_credit"),
        ("hold", "caster_credit"),
        ("hold", "caster_hold"),
        ("post", "caster_hold"),
        ("fee", "caster_hold"),
        ("void", "caster_hold"),
        ("void", "caster_credit"),
    ]
    assert {line["cast_id"] for line in whole["items"]} == {None, cast_id}
    for balance in whole["balances"]:
        moved = [x["amount_micros"] for x in whole["items"] if x["account"] == balance["account"]]
        assert balance["opening_micros"] + sum(moved) == balance["balance_micros"]
    paged, cursor = [], None
    while True:
        page = await statement(caster, limit=2, **({"cursor": cursor} if cursor else {}))
        paged += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert paged == whole["items"]
    later = await statement(caster, **{"from": whole["end"]})
    assert later["items"] == []
    assert [b["opening_micros"] for b in later["balances"]] == [
        b["balance_micros"] for b in whole["balances"]
    ]
    balances = as_object(await caster.get("/v1/billing/balances"))["items"]
    credit = {one["kind"]: one["balance_micros"] for one in balances}
    assert credit == {"caster_credit": await caster.credit_left(), "caster_hold": 0}


async def test_a_maker_sees_what_was_earned_and_not_by_whom(
    platform: WholePlatform, charged: tuple[Caster, str]
) -> None:
    _, cast_id = charged
    maker = await platform.maker()
    lines = []
    cursor: dict[str, str] = {}
    while True:
        page = await statement(maker, limit=100, **cursor)
        lines += page["items"]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    earned = [line for line in lines if line["account"].startswith("maker_payable")]
    assert earned
    assert {(line["reference"], line["cast_id"]) for line in earned} == {(None, None)}
    assert cast_id not in json.dumps(earned)
    answer = await maker.get(f"/v1/billing/transfers/{earned[-1]['id']}/proof")
    problem(answer, 404, "TRANSFER_NOT_FOUND")


@pytest.mark.parametrize(
    "params",
    [
        {"from": "2026-01-01T00:00:00"},
        {"from": "9999-12-31T23:59:59-23:59"},
        {"from": "2026-02-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"},
        {"cursor": "nonsense"},
        {"cursor": "WzEsMl0="},
        {"limit": "101"},
    ],
    ids=str,
)
async def test_a_period_that_makes_no_sense_is_refused(
    caster: Caster, params: dict[str, str]
) -> None:
    answer = await caster.get("/v1/billing/statement", params=params)
    problem(answer, 422, "VALIDATION_ERROR")


async def test_a_proof_is_checked_without_the_platform_and_a_changed_one_does_not_hold(
    charged: tuple[Caster, str], stranger: Caster, tmp_path: Path
) -> None:
    caster, _ = charged
    line = next(x for x in (await statement(caster))["items"] if x["kind"] == "post")
    await asyncio.wait_for(proof_of(caster, line["id"]), 60)
    answer = await stranger.get(f"/v1/billing/transfers/{line['id']}/proof")
    problem(answer, 404, "TRANSFER_NOT_FOUND")

    shell = Shell.of(caster, tmp_path)
    said = await shell.spell("ledger", "proof", str(line["id"]))
    assert said.code == 0, said
    (tmp_path / "proof.json").write_text(said.stdout)
    keys = (await caster.platform.http.get("/v1/ledger/keys")).text
    (tmp_path / "keys.json").write_text(keys)
    offline: dict[str, Any] = {"SPELL_API_URL": "http://127.0.0.1:9"}
    check = ("ledger", "check", "proof.json", "--key", "keys.json")
    held = await shell.spell(*check, **offline)
    assert held.code == 0, held
    assert line["reference"] in held.stdout
    for name, change in (("amount_micros", line["amount_micros"] - 1), ("reference", "another")):
        proof = json.loads(said.stdout)
        proof["transfer"][name] = change
        (tmp_path / "proof.json").write_text(json.dumps(proof))
        assert (await shell.spell(*check, **offline)).code == 3
    proof = json.loads(said.stdout)
    proof["signed"]["seal"]["rows"] += 1
    (tmp_path / "proof.json").write_text(json.dumps(proof))
    assert (await shell.spell(*check, **offline)).code == 3
    (tmp_path / "proof.json").write_text("{}")
    assert (await shell.spell(*check, **offline)).code == 3


async def test_an_operator_verifies_the_books_and_a_row_that_was_changed_is_named(
    platform: WholePlatform, charged: tuple[Caster, str], tmp_path: Path
) -> None:
    caster, _ = charged
    line = next(x for x in (await statement(caster))["items"] if x["kind"] == "post")
    await asyncio.wait_for(proof_of(caster, line["id"]), 60)
    operator = await platform.new_caster(scopes=[Scope.DEPLOY])
    shell = Shell.of(operator, tmp_path)
    report = await shell.json("ledger", "verify")
    assert report["findings"] == []
    assert min(report[name] for name in ("seals", "rows", "accounts", "casts")) > 0
    assert report["last"]["seal"]["number"] == report["seals"]
    said = await shell.spell("ledger", "verify")
    assert said.stdout.startswith("in order: "), said

    async with changed_row(platform, line["id"]):
        found = await shell.spell("ledger", "verify")
        assert found.code == 1
        assert f"transfer {line['id']}" in found.stdout
        assert "row_changed" in found.stdout
        assert f"{line['reference']}: is not as seal" in found.stdout
    assert (await shell.json("ledger", "verify"))["findings"] == []


async def test_operators_read_any_account_of_the_ledger(
    platform: WholePlatform, charged: tuple[Caster, str], tmp_path: Path
) -> None:
    caster, cast_id = charged
    operator = await platform.new_caster(scopes=[Scope.DEPLOY])
    shell = Shell.of(operator, tmp_path)
    mine = await shell.json("ledger", "accounts", "--account-id", caster.person.account_id)
    assert {one["kind"] for one in mine["items"]} == {"caster_credit", "caster_hold"}
    first = await shell.json("ledger", "accounts", "--limit", "1")
    after = await shell.json("ledger", "accounts", "--cursor", first["next_cursor"])
    assert first["items"][0] not in after["items"]
    account = f"caster_hold:{caster.person.account_id}:USD"
    lines = await shell.json("ledger", "statement", account)
    assert {line["cast_id"] for line in lines["items"]} == {cast_id}
    for unknown in ("platform_revenue:ZZZ", "nonsense", "x" * 300):
        answer = await operator.get(f"/v1/ledger/accounts/{unknown}/statement")
        problem(answer, 404, "LEDGER_ACCOUNT_NOT_FOUND")
    for part, cursor in (("seals", "x"), ("accounts", "1 x"), ("casts", "\x00")):
        answer = await operator.get(f"/v1/ledger/verification/{part}", params={"cursor": cursor})
        problem(answer, 422, "VALIDATION_ERROR")


async def test_the_commands_of_an_account_show_its_own_books(
    charged: tuple[Caster, str], tmp_path: Path
) -> None:
    shell = Shell.of(charged[0], tmp_path)
    said = await shell.spell("billing", "statement", "--limit", "3")
    assert said.code == 0, said
    assert "before, " in said.stderr
    assert "--cursor" in said.stderr
    assert "credit" in said.stdout
    balances = await shell.json("billing", "balances")
    assert {one["kind"] for one in balances["items"]} == {"caster_credit", "caster_hold"}

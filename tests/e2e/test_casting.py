"""The main way: cast, read what came of it, and find the money where it belongs."""

import asyncio

import pytest

from schema.contracts.run import Usage
from schema.pricing import MeteredPrice, cost_of
from tests.modules.guests import guest
from tests.support.e2e import Caster, Json, WholePlatform, fresh_key, fresh_spell, problem
from tests.support.e2e_packages import METERED, package, says
from tests.support.money import assert_books_balance

FEE_BASIS_POINTS = 2_000


async def test_a_cast_with_wait_comes_back_finished(
    platform: WholePlatform, caster: Caster
) -> None:
    spell = await platform.spell("metered")
    before = await caster.credit_left()
    inputs = {"text": "Zoë", "numbers": [1, 2.5, -3], "none": None}
    answer = await caster.cast(spell, inputs, wait=30)
    assert answer.status_code == 200, answer.text
    cast: Json = answer.json()
    assert (cast["status"], cast["billing"], cast["problem"]) == ("succeeded", "settled", None)
    assert cast["result"] == inputs
    assert cast["spell"] == spell
    assert cast["engine"]
    usage = Usage.model_validate(cast["usage"])
    assert usage.fuel > 0
    assert usage.wall_ms > 0
    assert usage.memory_bytes_peak == 2 * 65536
    assert usage.input_bytes == usage.output_bytes > 0
    assert cast["cost"]["micros"] == cost_of(MeteredPrice.model_validate(METERED), usage)
    assert cast["cost"]["micros"] < cast["estimated_cost"]["micros"]
    assert await caster.credit_left() == before - cast["cost"]["micros"]
    assert cast["created_at"] <= cast["started_at"] <= cast["finished_at"]
    assert (await caster.get(cast["links"]["self"])).json() == cast


async def test_a_cast_without_wait_is_admitted_and_followed(
    platform: WholePlatform, caster: Caster
) -> None:
    spell = await platform.spell("metered")
    worst = (await caster.get(f"/v1/spells/{spell}")).json()["worst_case_cost_micros"]
    answer = await caster.cast(spell, [])
    assert answer.status_code == 202
    admitted: Json = answer.json()
    assert answer.headers["location"] == f"/v1/casts/{admitted['cast_id']}"
    assert admitted["progress_sse"] == f"/v1/casts/{admitted['cast_id']}/events"
    assert admitted["estimated_cost"] == {"micros": worst, "currency": "USD"}
    assert admitted["budget_remaining"] == {"micros": 10_000_000 - worst, "currency": "USD"}
    cast = await caster.followed(admitted["cast_id"])
    assert cast["status"] == "succeeded"
    assert (await caster.get(answer.headers["location"])).json() == cast


async def test_a_wait_that_is_too_short_leaves_the_cast_running(
    platform: WholePlatform, caster: Caster
) -> None:
    spell = await platform.spell("sleeper")
    answer = await caster.cast(spell, wait=1)
    assert answer.status_code == 202
    cancelled = await caster.post(f"{answer.headers['location']}:cancel")
    assert cancelled.json()["cast"]["status"] == "cancelled"


@pytest.mark.parametrize(
    ("prefer", "status"),
    [
        ("wait=30", 200),
        ("respond-async; wait = 30", 200),
        ("wait=99999", 200),
        ("wait=0", 202),
        ("wait=-5", 202),
        ("wait=soon", 202),
        ("await=30", 202),
        ("handling=strict", 202),
        ("", 202),
    ],
)
async def test_a_preference_that_is_not_understood_is_none(
    platform: WholePlatform, caster: Caster, prefer: str, status: int
) -> None:
    spell = await platform.spell("free")
    headers = {"Idempotency-Key": fresh_key(), "Prefer": prefer}
    answer = await caster.post(f"/v1/spells/{spell}:cast", json={"inputs": 1}, headers=headers)
    assert answer.status_code == status


async def test_the_ledger_tells_where_the_hold_went(
    platform: WholePlatform, caster: Caster, maker: Caster
) -> None:
    cast = await caster.ended(await platform.spell("metered"), {"a": 1})
    moved = {t["kind"]: t for t in await caster.transfers(cast["cast_id"])}
    assert set(moved) == {"hold", "post", "fee", "void"}
    amounts = {kind: transfer["amount_micros"] for kind, transfer in moved.items()}
    assert amounts["hold"] == cast["estimated_cost"]["micros"]
    assert amounts["hold"] == amounts["post"] + amounts["fee"] + amounts["void"]
    assert cast["cost"]["micros"] == amounts["post"] + amounts["fee"]
    assert amounts["fee"] == cast["cost"]["micros"] * FEE_BASIS_POINTS // 10_000
    account, made_by = caster.person.account_id, maker.person.account_id
    held = f"caster_hold:{account}:USD"
    assert moved["hold"]["debit_account_id"] == f"caster_credit:{account}:USD"
    assert moved["hold"]["credit_account_id"] == held
    assert {moved[kind]["debit_account_id"] for kind in ("post", "fee", "void")} == {held}
    assert moved["post"]["credit_account_id"] == f"maker_payable:{made_by}:USD"
    assert moved["fee"]["credit_account_id"] == "platform_revenue:USD"
    assert moved["void"]["credit_account_id"] == f"caster_credit:{account}:USD"
    assert await caster.open_holds() == 0
    await assert_books_balance(platform.database)


async def test_a_free_spell_runs_for_an_account_without_money(platform: WholePlatform) -> None:
    poor = await platform.new_caster()
    cast = await poor.ended(await platform.spell("free"), {"a": 1})
    assert (cast["status"], cast["cost"]["micros"]) == ("succeeded", 0)
    assert await poor.transfers(cast["cast_id"]) == []


async def test_the_error_stream_of_a_success_is_kept_as_logs(caster: Caster) -> None:
    key = fresh_spell()
    await caster.publish(package(key, says(b"1", "schön\n".encode() + b"\xff\n")))
    cast = await caster.ended(key)
    logs = await caster.get(cast["links"]["logs"])
    assert logs.headers["content-type"] == "text/plain; charset=utf-8"
    assert logs.text == "schön\n�\n"
    assert cast["usage"]["stderr_bytes"] == 9


async def test_a_cast_keeps_its_version_and_price_when_a_new_one_comes_out(
    caster: Caster,
) -> None:
    key = fresh_spell()
    await caster.publish(package(key, guest("echo"), version="1.0.0"))
    first = await caster.ended(key)
    dearer = {"model": "flat", "currency": "USD", "price_micros": 900}
    await caster.publish(package(key, guest("echo"), version="2.0.0", pricing=dearer))
    second = await caster.ended(key, version="2.0.0")
    assert [c["cost"]["micros"] for c in (first, second)] == [500, 900]
    again = (await caster.get(first["links"]["self"])).json()
    assert (again["version"], again["cost"]["micros"]) == ("1.0.0", 500)


async def test_pages_of_casts_are_newest_first_without_gap_or_repeat(
    platform: WholePlatform, caster: Caster
) -> None:
    spell = await platform.spell("free")
    made = await asyncio.gather(*(caster.ended(spell, number) for number in range(7)))
    whole = (await caster.get("/v1/casts", params={"limit": 100})).json()["items"]
    assert {c["cast_id"] for c in whole} == {c["cast_id"] for c in made}
    times = [c["created_at"] for c in whole]
    assert times == sorted(times, reverse=True)
    assert all(c["result"] is None for c in whole), "a list holds no results"

    paged: list[Json] = []
    query: dict[str, str | int] = {"limit": 2}
    sizes = []
    while True:
        page = (await caster.get("/v1/casts", params=query)).json()
        paged += page["items"]
        sizes.append(len(page["items"]))
        if page["next_cursor"] is None:
            break
        # What is made in between belongs before the first page, and must not move the others.
        await caster.ended(spell, "in between")
        query["cursor"] = page["next_cursor"]
    assert sizes == [2, 2, 2, 1]
    assert paged == whole


async def test_casts_can_be_listed_by_status(platform: WholePlatform, caster: Caster) -> None:
    good = await caster.ended(await platform.spell("metered"))
    bad = await caster.ended(await platform.spell("traps"))
    for status, wanted in (("succeeded", [good]), ("failed", [bad]), ("cancelled", [])):
        page = (await caster.get("/v1/casts", params={"status": status})).json()
        assert [c["cast_id"] for c in page["items"]] == [c["cast_id"] for c in wanted]


async def test_a_foreign_account_sees_nothing_of_a_cast(
    platform: WholePlatform, caster: Caster, stranger: Caster
) -> None:
    cast = await caster.ended(await platform.spell("echo"))
    base = cast["links"]["self"]
    for path in ("", "/events", "/logs", "/transfers"):
        assert (await caster.get(f"{base}{path}")).status_code == 200
        problem(await stranger.get(f"{base}{path}"), 404, "CAST_NOT_FOUND")
    problem(await stranger.post(f"{base}:cancel"), 404, "CAST_NOT_FOUND")
    assert (await stranger.get("/v1/casts")).json() == {"items": [], "next_cursor": None}


async def test_the_same_key_on_two_accounts_is_two_casts(
    platform: WholePlatform, caster: Caster, stranger: Caster
) -> None:
    spell, key = await platform.spell("free"), fresh_key()
    casts = [await who.ended(spell, who.person.account_id, key=key) for who in (caster, stranger)]
    assert [c["result"] for c in casts] == [caster.person.account_id, stranger.person.account_id]
    assert casts[0]["cast_id"] != casts[1]["cast_id"]

"""Casts that admission refuses: each with its code and what helps, none with a hold."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.e2e import Caster, Json, WholePlatform, problem

PRICE = 500


async def _untouched(caster: Caster, credit_micros: int = 10_000_000) -> None:
    """No cast, no hold, no cost."""
    assert (await caster.get("/v1/casts")).json()["items"] == []
    assert await caster.open_holds() == 0
    assert await caster.credit_left() == credit_micros


@pytest.mark.parametrize(
    ("inputs", "path", "message"),
    [
        ({}, "/inputs", "count"),
        ({"count": 0}, "/inputs/count", "minimum"),
        ({"count": "1"}, "/inputs/count", "integer"),
        ({"count": 1, "more": 2}, "/inputs", "'more'"),
        ([1], "/inputs", "object"),
        (None, "/inputs", "object"),
    ],
    ids=str,
)
async def test_inputs_that_break_the_schema_are_refused_with_the_place(
    platform: WholePlatform, caster: Caster, inputs: Any, path: str, message: str
) -> None:
    answer = await caster.cast(await platform.spell("counted"), inputs)
    errors = problem(answer, 422, "VALIDATION_ERROR")["details"]["errors"]
    assert errors[0]["path"] == path
    assert message in errors[0]["message"]
    await _untouched(caster)


async def test_a_refusal_does_not_quote_the_inputs(platform: WholePlatform, caster: Caster) -> None:
    answer = await caster.cast(await platform.spell("counted"), {"count": "hush-hush"})
    problem(answer, 422, "VALIDATION_ERROR")
    assert "hush-hush" not in answer.text


@pytest.mark.parametrize("key", ["com.example.nobody", "nodots", "Com.Example.Spell", "com..x"])
async def test_an_unknown_spell_is_not_found(caster: Caster, key: str) -> None:
    problem(await caster.cast(key), 404, "SPELL_NOT_FOUND")
    await _untouched(caster)


async def test_an_unknown_version_is_not_found(platform: WholePlatform, caster: Caster) -> None:
    answer = await caster.cast(await platform.spell("echo"), version="9.9.9")
    details = problem(answer, 404, "SPELL_NOT_FOUND")["details"]
    assert details["version"] == "9.9.9"
    await _untouched(caster)


@pytest.mark.parametrize("mode", ["workflow", "clone"])
async def test_a_mode_that_the_spell_does_not_have_is_refused(
    platform: WholePlatform, caster: Caster, mode: str
) -> None:
    answer = await caster.cast(await platform.spell("echo"), mode=mode)
    errors = problem(answer, 422, "VALIDATION_ERROR")["details"]["errors"]
    assert errors == [{"path": "/mode", "message": "must be 'service'"}]
    await _untouched(caster)


async def test_a_cap_of_the_cast_below_its_worst_case_refuses_it(
    platform: WholePlatform, caster: Caster
) -> None:
    spell = await platform.spell("echo")
    answer = await caster.cast(spell, budget_cap={"micros": PRICE - 1, "currency": "USD"})
    details = problem(answer, 402, "BUDGET_CAP_EXCEEDED")["details"]
    assert details == {
        "cap": "cast",
        "cap_micros": PRICE - 1,
        "currency": "USD",
        "estimate_micros": PRICE,
        "remaining_micros": PRICE - 1,
        "resets_at": None,
        "used_micros": 0,
    }
    await _untouched(caster)
    assert (await caster.ended(spell, budget_cap={"micros": PRICE}))["status"] == "succeeded"


async def test_a_cap_in_another_currency_than_the_price_is_not_ignored(
    platform: WholePlatform, caster: Caster
) -> None:
    spell = await platform.spell("echo")
    answer = await caster.cast(spell, budget_cap={"micros": 10**9, "currency": "EUR"})
    errors = problem(answer, 422, "VALIDATION_ERROR")["details"]["errors"]
    assert errors[0]["path"] == "/budget_cap/currency"
    await _untouched(caster)


@pytest.mark.parametrize("kind", ["account_day", "account_month", "account_total"])
async def test_a_cap_of_the_account_bounds_what_is_held_and_spent(
    platform: WholePlatform, caster: Caster, kind: str
) -> None:
    spell = await platform.spell("echo")
    await _set_cap(caster, kind=kind, cap_micros=2 * PRICE)
    for _ in range(2):
        await caster.ended(spell)
    details = problem(await caster.cast(spell), 402, "BUDGET_CAP_EXCEEDED")["details"]
    assert details["cap"] == kind
    assert (details["cap_micros"], details["used_micros"]) == (2 * PRICE, 2 * PRICE)
    assert details["remaining_micros"] == 0
    _check_reset(kind, details["resets_at"])
    assert await caster.open_holds() == 0
    assert await caster.credit_left() == 10_000_000 - 2 * PRICE

    usage = {u["kind"]: u for u in (await caster.get("/v1/billing/caps")).json()}
    assert set(usage) == {
        "account_day",
        "account_month",
        "account_total",
        "api_key",
        "api_key_day",
        "api_key_month",
        "balance",
    }
    assert {u["posted_micros"] for u in usage.values()} == {2 * PRICE}
    assert usage[kind]["remaining_micros"] == 0
    await _set_cap(caster, kind=kind, cap_micros=3 * PRICE)
    assert (await caster.ended(spell))["status"] == "succeeded"


async def test_a_cap_of_one_key_does_not_bind_another(
    platform: WholePlatform, caster: Caster
) -> None:
    spell = await platform.spell("echo")
    await _set_cap(
        caster, kind="api_key", api_key_id=caster.person.api_key_id, cap_micros=PRICE - 1
    )
    details = problem(await caster.cast(spell), 402, "BUDGET_CAP_EXCEEDED")["details"]
    assert details["cap"] == "api_key"
    other = await caster.with_key(scopes=["cast:invoke"])
    assert (await other.ended(spell))["status"] == "succeeded"


async def test_a_cap_of_zero_still_lets_free_spells_run(
    platform: WholePlatform, caster: Caster
) -> None:
    await _set_cap(caster, kind="account_total", cap_micros=0)
    problem(await caster.cast(await platform.spell("echo")), 402, "BUDGET_CAP_EXCEEDED")
    assert (await caster.ended(await platform.spell("free")))["status"] == "succeeded"


async def test_without_credit_a_priced_spell_needs_payment(platform: WholePlatform) -> None:
    poor = await platform.new_caster(PRICE - 1)
    spell = await platform.spell("echo")
    details = problem(await poor.cast(spell), 402, "PAYMENT_REQUIRED")["details"]
    assert (details["cap"], details["remaining_micros"]) == ("balance", PRICE - 1)
    await _untouched(poor, PRICE - 1)


async def test_the_hold_is_the_worst_case_even_if_the_cost_would_fit(
    platform: WholePlatform,
) -> None:
    spell = await platform.spell("metered")
    worst = 100 + 700 + 6000 + 1000
    poor = await platform.new_caster(worst - 1)
    problem(await poor.cast(spell), 402, "PAYMENT_REQUIRED")
    await platform.accounts.credit(poor.person.account_id, 1, "USD", reference=f"one-{spell}")
    cast = await poor.ended(spell)
    assert cast["estimated_cost"]["micros"] == worst
    assert await poor.credit_left() == worst - cast["cost"]["micros"] > 0


@pytest.mark.parametrize(
    "cap",
    [
        {"kind": "account_day", "cap_micros": -1},
        {"kind": "account_day", "cap_micros": 10**16},
        {"kind": "account_day", "cap_micros": "5"},
        {"kind": "account_day"},
        {"kind": "balance", "cap_micros": 10**9},
        {"kind": "api_key", "cap_micros": 1},
        {"kind": "account_day", "cap_micros": 1, "api_key_id": "key_aaaaaaaaaaaaaaaa"},
        {"kind": "account_day", "cap_micros": 1, "currency": "usd"},
        {"kind": "api_key_day", "cap_micros": 1},
        {"kind": "account_day", "cap_micros": 1, "alerts_at": [0]},
        {"kind": "account_day", "cap_micros": 1, "alerts_at": [101]},
        {"kind": "account_day", "cap_micros": 1, "alerts_at": [50, 50]},
        {"kind": "account_day", "cap_micros": 1, "alerts_at": [1, 2, 3, 4, 5, 6, 7, 8, 9]},
    ],
    ids=str,
)
async def test_a_cap_that_makes_no_sense_is_refused(caster: Caster, cap: Json) -> None:
    problem(await caster.post("/v1/billing/caps", json=cap), 422, "VALIDATION_ERROR")


async def test_a_cap_on_a_foreign_key_is_refused(caster: Caster, stranger: Caster) -> None:
    cap = {"kind": "api_key", "cap_micros": 0, "api_key_id": stranger.person.api_key_id}
    problem(await caster.post("/v1/billing/caps", json=cap), 404, "KEY_NOT_FOUND")


async def _set_cap(caster: Caster, **cap: Any) -> None:
    answer = await caster.post("/v1/billing/caps", json=cap)
    assert answer.status_code == 200, answer.text


def _check_reset(kind: str, resets_at: str | None) -> None:
    if kind == "account_total":
        assert resets_at is None
        return
    assert resets_at is not None
    left = datetime.fromisoformat(resets_at) - datetime.now(UTC)
    longest = timedelta(days=1 if kind == "account_day" else 31)
    assert timedelta() < left <= longest

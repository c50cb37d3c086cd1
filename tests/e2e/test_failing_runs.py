"""Spells that break or break out: each end has its code, its price, and leaves no hold."""

from typing import Any

import pytest

from schema.contracts.run import Usage
from schema.pricing import MeteredPrice, cost_of
from tests.modules.guests import guest
from tests.support.e2e import Caster, Json, WholePlatform, fresh_spell
from tests.support.e2e_packages import FLAT, METERED, package, says
from tests.support.e2e_spells import ENDLESS_FUEL
from tests.support.money import assert_books_balance

CREDIT = 10_000_000
PRICE = MeteredPrice.model_validate(METERED)


async def _ends(
    platform: WholePlatform, caster: Caster, spell: str, *, status: str, code: str
) -> Json:
    """Cast it; the end must be this one, and the money must be where the cost says."""
    cast = await caster.ended(spell, {"a": 1})
    assert (cast["status"], cast["problem"]["code"]) == (status, code), cast
    assert cast["problem"]["message"]
    assert cast["result"] is None
    assert await caster.open_holds() == 0
    assert await caster.credit_left() == CREDIT - cast["cost"]["micros"]
    last = (await caster.events(cast["cast_id"]))[-1]
    assert (last.kind, last.data["code"]) == ("failed", code)
    assert last.data["cost_micros"] == cast["cost"]["micros"]
    await assert_books_balance(platform.database)
    return cast


@pytest.mark.parametrize(
    ("name", "status", "code", "details"),
    [
        ("burns", "failed", "FUEL_EXHAUSTED", {"fuel": 3_000_000}),
        ("loops", "timed_out", "TIME_EXCEEDED", {"timeout_ms": 300}),
        ("naps", "timed_out", "TIME_EXCEEDED", {"timeout_ms": 300}),
        ("bomb", "failed", "MEMORY_EXCEEDED", {"memory_bytes_max": 4 * 1024**2}),
        ("recursion", "failed", "STACK_EXHAUSTED", {}),
        ("floods", "failed", "OUTPUT_TOO_LARGE", {"output_bytes_max": 1024**2}),
        ("traps", "failed", "SPELL_TRAPPED", {"trap": "unreachable"}),
        ("refuses", "failed", "SPELL_FAILED", {"exit_code": 3}),
    ],
)
async def test_a_spell_that_fails_or_meets_its_limit_costs_what_it_used(
    platform: WholePlatform,
    caster: Caster,
    name: str,
    status: str,
    code: str,
    details: dict[str, Any],
) -> None:
    spell = await platform.spell(name)
    cast = await _ends(platform, caster, spell, status=status, code=code)
    assert cast["problem"]["details"] == details
    usage = Usage.model_validate(cast["usage"])
    assert cast["billing"] == "settled"
    assert cast["cost"]["micros"] == cost_of(PRICE, usage) >= PRICE.base_micros
    assert cast["cost"]["micros"] <= cast["estimated_cost"]["micros"]


async def test_the_usage_of_a_failed_run_is_what_it_did(
    platform: WholePlatform, caster: Caster
) -> None:
    burns = await caster.ended(await platform.spell("burns"))
    assert burns["usage"]["fuel"] == 3_000_000
    naps = await caster.ended(await platform.spell("naps"))
    assert naps["usage"]["wall_ms"] == 300, "never more than was declared"
    assert naps["usage"]["cpu_ms"] < 300
    bomb = await caster.ended(await platform.spell("bomb"))
    assert bomb["usage"]["memory_bytes_peak"] == 4 * 1024**2
    floods = await caster.ended(await platform.spell("floods"))
    assert floods["usage"]["output_bytes"] == 1024**2


@pytest.mark.parametrize("name", ["not-json", "silent", "off-schema"])
async def test_an_output_that_is_not_what_was_promised_costs_nothing(
    platform: WholePlatform, caster: Caster, name: str
) -> None:
    spell = await platform.spell(name)
    cast = await _ends(platform, caster, spell, status="failed", code="OUTPUT_INVALID")
    assert (cast["billing"], cast["cost"]["micros"]) == ("released", 0)
    assert cast["problem"]["details"]["errors"]
    kinds = [t["kind"] for t in await caster.transfers(cast["cast_id"])]
    assert kinds == ["hold", "void"]


async def test_a_flat_price_is_due_when_the_spell_fails_by_itself(
    platform: WholePlatform, caster: Caster
) -> None:
    key = fresh_spell()
    await caster.publish(package(key, guest("traps"), entry="unreachable", pricing=FLAT))
    cast = await _ends(platform, caster, key, status="failed", code="SPELL_TRAPPED")
    assert (cast["billing"], cast["cost"]["micros"]) == ("settled", 500)


@pytest.mark.parametrize(
    ("name", "logs"),
    [("refuses", "no: the moon is full\n"), ("not-json", "wrote markup\n"), ("traps", "")],
)
async def test_what_a_failing_spell_said_can_be_read(
    platform: WholePlatform, caster: Caster, name: str, logs: str
) -> None:
    cast = await caster.ended(await platform.spell(name))
    assert (await caster.get(cast["links"]["logs"])).text == logs


async def test_a_flood_of_errors_is_cut_and_hurts_nobody(caster: Caster) -> None:
    key = fresh_spell()
    await caster.publish(package(key, guest("floods"), entry="stderr", pricing=METERED))
    cast = await caster.ended(key)
    assert cast["status"] == "failed", "it wrote nothing to stdout"
    assert cast["usage"]["stderr_bytes"] == 64 * 1024
    assert len((await caster.get(cast["links"]["logs"])).content) == 64 * 1024


async def test_an_exit_code_of_zero_is_a_success(caster: Caster) -> None:
    key = fresh_spell()
    await caster.publish(package(key, says(b'"fine"', exit_code=0)))
    cast = await caster.ended(key)
    assert (cast["status"], cast["result"]) == ("succeeded", "fine")


@pytest.mark.parametrize(
    "output",
    [
        b"NaN",
        b'{"a":1,"a":2}',
        b"{} {}",
        b"[" * 65 + b"]" * 65,
        b'"\xff"',
        b"1e999",
    ],
    ids=repr,
)
async def test_an_output_that_is_not_strict_json_is_invalid(caster: Caster, output: bytes) -> None:
    key = fresh_spell()
    await caster.publish(package(key, says(output)))
    cast = await caster.ended(key)
    assert (cast["status"], cast["problem"]["code"]) == ("failed", "OUTPUT_INVALID")
    assert cast["cost"]["micros"] == 0


async def test_an_endless_spell_does_not_hold_up_the_next_one(platform: WholePlatform) -> None:
    """More of them than the fleet has places; each ends at its own time limit."""
    caster = await platform.new_caster(1_000_000_000)
    loops, echo = await platform.spell("loops"), await platform.spell("echo")
    stuck = [await caster.admitted(loops, number) for number in range(platform.places + 1)]
    assert (await caster.ended(echo, "next"))["result"] == "next"
    for cast in stuck:
        assert (await caster.followed(cast["cast_id"]))["status"] == "timed_out"


@pytest.mark.xfail(
    strict=True,
    reason="BUG runner/sandbox/sandbox.py: wasmtime keeps fuel in a register until the next call, "
    "so a loop without calls that meets its time limit is metered as 0 fuel",
)
async def test_a_loop_that_meets_its_time_limit_has_used_fuel(
    platform: WholePlatform, caster: Caster
) -> None:
    cast = await caster.ended(await platform.spell("loops"))
    assert cast["problem"]["code"] == "TIME_EXCEEDED"
    assert cast["usage"]["wall_ms"] == 300
    assert 0 < cast["usage"]["fuel"] < ENDLESS_FUEL

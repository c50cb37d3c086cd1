"""Limits that a caster sets on one cast: a lower hold, lower bounds, and part of the request."""

from pathlib import Path

from schema.contracts.cast import CasterLimits
from schema.contracts.run import RunLimits
from schema.pricing import MeteredPrice, worst_case_of
from tests.support.e2e import Caster, WholePlatform, fresh_key, problem
from tests.support.e2e_cli import Shell
from tests.support.e2e_packages import METERED

PRICE = MeteredPrice.model_validate(METERED)


async def _worst_case(caster: Caster, spell: str, **limits: int) -> int:
    """By the limits that the catalogue shows."""
    declared = (await caster.get(f"/v1/spells/{spell}")).json()["limits"]
    tightened = CasterLimits(**limits).tighten(RunLimits.model_validate(declared))
    return worst_case_of(PRICE, tightened)


async def test_lower_limits_lower_the_hold_and_higher_ones_change_nothing(
    platform: WholePlatform, caster: Caster
) -> None:
    spell = await platform.spell("metered")
    limits = {"fuel": 1_000_000, "timeout_ms": 500, "memory_bytes_max": 2**40}
    admitted = await caster.admitted(spell, {"a": 1}, limits=limits)
    lowered = await _worst_case(caster, spell, **limits)
    assert admitted["estimated_cost"]["micros"] == lowered < await _worst_case(caster, spell)
    cast = await caster.followed(admitted["cast_id"])
    assert (cast["status"], cast["result"]) == ("succeeded", {"a": 1})
    assert cast["estimated_cost"]["micros"] == lowered
    assert cast["cost"]["micros"] <= lowered


async def test_a_budget_that_is_too_small_for_the_spell_is_enough_for_lower_limits(
    platform: WholePlatform, caster: Caster
) -> None:
    spell = await platform.spell("metered")
    limits = {"fuel": 1_000_000, "timeout_ms": 500}
    cap = {"micros": await _worst_case(caster, spell, **limits), "currency": "USD"}
    problem(await caster.cast(spell, budget_cap=cap), 402, "BUDGET_CAP_EXCEEDED")
    cast = await caster.ended(spell, {}, budget_cap=cap, limits=limits)
    assert cast["status"] == "succeeded"


async def test_the_run_ends_at_the_casters_limit_and_says_so(
    platform: WholePlatform, caster: Caster
) -> None:
    burned = await caster.ended(await platform.spell("burns"), limits={"fuel": 1_000_000})
    assert burned["problem"]["code"] == "FUEL_EXHAUSTED"
    assert burned["problem"]["details"] == {"fuel": 1_000_000}
    assert burned["usage"]["fuel"] == 1_000_000
    slept = await caster.ended(await platform.spell("sleeper"), limits={"timeout_ms": 200})
    assert (slept["status"], slept["problem"]["code"]) == ("timed_out", "TIME_EXCEEDED")
    assert slept["problem"]["details"] == {"timeout_ms": 200}


async def test_limits_are_part_of_what_an_idempotency_key_stands_for(
    platform: WholePlatform, caster: Caster
) -> None:
    spell, key = await platform.spell("metered"), fresh_key()
    first = await caster.cast(spell, {}, key=key, limits={"fuel": 1_000_000, "timeout_ms": 500})
    again = await caster.cast(spell, {}, key=key, limits={"timeout_ms": 500, "fuel": 1_000_000})
    assert again.json()["cast_id"] == first.json()["cast_id"]
    for limits in ({"fuel": 1_000_001, "timeout_ms": 500}, {"fuel": 1_000_000}, None):
        answer = await caster.cast(spell, {}, key=key, limits=limits)
        problem(answer, 409, "IDEMPOTENCY_CONFLICT")


async def test_no_limits_are_the_same_body_however_they_are_written(
    platform: WholePlatform, caster: Caster
) -> None:
    spell, key = await platform.spell("metered"), fresh_key()
    answers = [await caster.cast(spell, {}, key=key)]
    answers += [
        await caster.cast(spell, {}, key=key, limits=limits)
        for limits in (None, {}, {"fuel": None})
    ]
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["cast_id"] for answer in answers}) == 1


async def test_the_command_takes_limits(
    platform: WholePlatform, caster: Caster, tmp_path: Path
) -> None:
    shell = Shell.of(caster, tmp_path)
    spell = await platform.spell("burns")
    said = await shell.spell(
        *("--json", "cast", spell, "--limit", "fuel=1_000_000", "--limit", "timeout_ms=500")
    )
    assert said.code == 1
    assert said.document()["problem"]["details"] == {"fuel": 1_000_000}

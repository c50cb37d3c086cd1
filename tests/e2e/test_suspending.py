"""Suspension of whole spells, and the commands that withdraw trust, on the whole platform."""

from pathlib import Path
from typing import Any

import pytest

from schema import limits
from schema.scopes import Scope
from tests.modules.guests import guest
from tests.support.e2e import Caster, WholePlatform, fresh_spell, problem
from tests.support.e2e_cli import Shell
from tests.support.e2e_packages import FLAT, METERED, package, says


@pytest.fixture
async def operator(platform: WholePlatform) -> Caster:
    return await platform.new_caster(scopes=[Scope.DEPLOY])


async def _escaping(maker: Caster) -> str:
    """A spell that names a path outside of what it may reach."""
    key, policy = fresh_spell(), {"env_vars": ["TOKEN"], "fs_write": ["scratch"]}
    archive = package(
        key, guest("reaches"), entry="environment_in_a_path", pricing=FLAT, policy=policy
    )
    await maker.publish(archive)
    answer = await maker.request("PUT", f"/v1/spells/{key}/secrets/TOKEN", json={"value": "x"})
    assert answer.status_code == 200, answer.text
    return key


async def test_ten_casts_that_reach_for_what_is_not_theirs_suspend_their_spell(
    platform: WholePlatform, maker: Caster, operator: Caster
) -> None:
    spell = await _escaping(maker)
    for number in range(limits.SUSPENDING_VIOLATIONS):
        counts = (await maker.get(f"/v1/spells/{spell}/violations")).json()
        assert (counts["counted"], counts["suspension"]) == (number, None)
        caster = await platform.new_caster(1_000_000)
        cast = await caster.ended(spell)
        assert [one["kind"] for one in cast["violations"]] == ["path_escape"]
    problem(await caster.cast(spell), 403, "SPELL_SUSPENDED")
    shown = (await caster.get(f"/v1/spells/{spell}")).json()["suspension"]
    assert shown["suspended_by"] == "platform"
    assert (await operator.post(f"/v1/spells/{spell}:unsuspend")).status_code == 204
    assert (await caster.ended(spell))["status"] == "succeeded"
    counts = (await operator.get(f"/v1/spells/{spell}/violations")).json()
    assert (counts["counted"], counts["by_kind"]) == (1, {"path_escape": 1})


async def test_a_suspended_spell_takes_no_new_casts_and_ends_the_running_ones(
    maker: Caster, caster: Caster, operator: Caster
) -> None:
    spell = fresh_spell()
    options: dict[str, Any] = {"entry": "sleep_a_second", "deterministic": False}
    module = guest("time")
    await maker.publish(package(spell, module, pricing=METERED, timeout_ms=20_000, **options))
    running = await caster.admitted(spell)
    await caster.events(running["cast_id"], until="running")
    answer = await operator.post(f"/v1/spells/{spell}:suspend", json={"reason": "looked at"})
    assert answer.status_code == 204, answer.text
    problem(await caster.cast(spell), 403, "SPELL_SUSPENDED")
    ended = await caster.followed(running["cast_id"])
    # It slept to its own end, and answered nothing.
    assert ended["problem"]["code"] == "OUTPUT_INVALID"
    assert ended["usage"]["wall_ms"] >= 1000
    view = (await caster.get(f"/v1/spells/{spell}/versions/1.0.0")).json()
    assert (view["state"], view["suspension"]["reason"]) == ("published", "looked at")


async def test_suspending_is_for_operators_and_counts_are_for_the_maker(
    maker: Caster, stranger: Caster, operator: Caster
) -> None:
    spell = fresh_spell()
    await maker.publish(package(spell, says()))
    other = await stranger.with_key(scopes=["spell:publish", "cast:invoke"])
    for verb in ("suspend", "unsuspend"):
        answer = await other.post(f"/v1/spells/{spell}:{verb}", json={"reason": "x"})
        problem(answer, 403, "FORBIDDEN")
        answer = await operator.post(f"/v1/spells/com.example.none:{verb}", json={"reason": "x"})
        problem(answer, 404, "SPELL_NOT_FOUND")
    problem(await other.get(f"/v1/spells/{spell}/violations"), 404, "SPELL_NOT_FOUND")
    unreasoned = await operator.post(f"/v1/spells/{spell}:suspend", json={})
    problem(unreasoned, 422, "VALIDATION_ERROR")


async def test_trust_is_withdrawn_and_given_back_from_the_shell(
    maker: Caster, caster: Caster, operator: Caster, tmp_path: Path
) -> None:
    spell, shell = fresh_spell(), Shell.of(operator, tmp_path)
    await maker.publish(package(spell, says()))
    for argument in ("suspend", "unsuspend"):
        options = ("--reason", "looked at") if argument == "suspend" else ()
        assert await shell.json(argument, spell, *options) == {f"{argument}ed": spell}
    said = await shell.spell("revoke", "spell", spell, "--reason", "it mines coins")
    assert said.code == 0, said
    assert f"revoked spell {spell}: number" in said.stdout
    problem(await caster.cast(spell), 403, "SPELL_REVOKED")
    revoked = (await caster.get(f"/v1/spells/{spell}/versions/1.0.0")).json()["revoked"]
    assert (revoked["kind"], revoked["reason"]) == ("spell", "it mines coins")
    listed = (await shell.json("revocations", "list"))["items"]
    (number,) = [one["id"] for one in listed if one["value"] == spell]
    assert (await shell.json("revocations", "lift", str(number)))["in_force"] is False
    assert (await caster.ended(spell))["status"] == "succeeded"
    lifted = (await shell.json("revocations", "list", "--lifted"))["items"]
    (shown,) = [one for one in lifted if one["id"] == number]
    assert shown["lifted_by"] == operator.person.account_id
    refused = await shell.spell("revoke", "digest", "sha256:12", "--reason", "x")
    assert refused.code == 3, refused
    counts = await Shell.of(maker, tmp_path).json("violations", spell)
    assert counts["counted"] == 0


async def test_a_list_of_revocations_has_pages(operator: Caster) -> None:
    for number in range(3):
        body = {"trusted": {"kind": "spell", "value": f"com.page.n{number}"}, "reason": "x"}
        answer = await operator.post("/v1/revocations", json=body)
        assert answer.json()["packages"] == answer.json()["casts_stopped"] == 0
    first = (await operator.get("/v1/revocations", params={"limit": 2})).json()
    second = (
        await operator.get("/v1/revocations", params={"limit": 1, "cursor": first["next_cursor"]})
    ).json()
    shown = [one["value"] for one in first["items"] + second["items"]]
    assert shown == ["com.page.n2", "com.page.n1", "com.page.n0"]
    problem(await operator.get("/v1/revocations", params={"cursor": "x"}), 422, "VALIDATION_ERROR")

"""Aliases lead to versions; never to more than the caster agreed to."""

from typing import Any

import pytest

from tests.modules.guests import guest
from tests.support.e2e import Caster, fresh_spell, problem
from tests.support.e2e_cli import Shell
from tests.support.e2e_packages import package

CHEAP = {"model": "flat", "currency": "USD", "price_micros": 500}
DEAR = {"model": "flat", "currency": "USD", "price_micros": 900}


async def publish(maker: Caster, key: str, version: str, **changes: Any) -> None:
    changes.setdefault("pricing", CHEAP)
    await maker.publish(package(key, guest("echo"), version=version, **changes))


async def cast_version(caster: Caster, key: str, **body: Any) -> str:
    """The version that a cast ran."""
    return str((await caster.ended(key, **body))["version"])


async def test_latest_is_the_highest_release_whatever_came_last(caster: Caster) -> None:
    key = fresh_spell()
    for version in ("1.10.0", "2.0.0-rc.1", "1.9.0"):
        await publish(caster, key, version)
    assert await cast_version(caster, key) == "1.10.0"
    assert await cast_version(caster, key, version="latest") == "1.10.0"
    assert (await caster.get(f"/v1/spells/{key}")).json()["version"] == "1.10.0"
    listed = (await caster.get(f"/v1/spells/{key}/versions")).json()
    assert [each["version"] for each in listed] == ["2.0.0-rc.1", "1.10.0", "1.9.0"]
    await caster.post(f"/v1/spells/{key}/versions/1.10.0:yank")
    assert await cast_version(caster, key) == "1.9.0"


async def test_a_maker_names_a_version_and_casters_use_the_name(
    maker: Caster, caster: Caster
) -> None:
    key = fresh_spell()
    await publish(maker, key, "1.0.0")
    await publish(maker, key, "1.1.0")
    path = f"/v1/spells/{key}/aliases"
    named = await maker.request("PUT", f"{path}/stable", json={"version": "1.0.0"})
    assert named.status_code == 204, named.text
    assert (await caster.get(path)).json() == {"latest": "1.1.0", "stable": "1.0.0"}
    assert await cast_version(caster, key, version="stable") == "1.0.0"
    await maker.request("PUT", f"{path}/stable", json={"version": "1.1.0"})
    assert await cast_version(caster, key, version="stable") == "1.1.0"
    assert (await maker.request("DELETE", f"{path}/stable")).status_code == 204
    problem(await caster.cast(key, version="stable"), 404, "SPELL_NOT_FOUND")
    problem(await maker.request("DELETE", f"{path}/stable"), 404, "ALIAS_NOT_FOUND")


@pytest.mark.parametrize(
    ("changes", "member"),
    [
        ({"pricing": DEAR}, "price.base_micros"),
        ({"policy": {"net_allow": ["api.outside.example"]}}, "policy.net_allow"),
        ({"policy": {"fs_write": ["scratch"]}}, "policy.scratch"),
        ({"timeout_ms": 2500}, "limits.timeout_ms"),
    ],
    ids=["price", "network", "scratch", "time"],
)
async def test_a_wider_version_needs_consent_before_an_alias_leads_to_it(
    maker: Caster, caster: Caster, changes: dict[str, Any], member: str
) -> None:
    key = fresh_spell()
    await publish(maker, key, "1.0.0")
    assert await cast_version(caster, key) == "1.0.0"
    await publish(maker, key, "1.1.0", **changes)
    held = await caster.credit_left()
    document = problem(await caster.cast(key), 409, "CONSENT_REQUIRED")
    assert member in {each["member"] for each in document["details"]["widenings"]}
    assert document["details"]["version"] == "1.1.0"
    assert await caster.credit_left() == held
    consent = await caster.post(f"/v1/spells/{key}:consent", json={"version": "1.1.0"})
    assert consent.status_code == 204, consent.text
    assert await cast_version(caster, key) == "1.1.0"


async def test_naming_the_exact_version_is_consent(maker: Caster, caster: Caster) -> None:
    key = fresh_spell()
    await publish(maker, key, "1.0.0")
    assert await cast_version(caster, key) == "1.0.0"
    await publish(maker, key, "2.0.0", pricing=DEAR)
    assert await cast_version(caster, key, version="2.0.0") == "2.0.0"
    assert await cast_version(caster, key) == "2.0.0"


async def test_consent_is_each_casters_own(maker: Caster, caster: Caster, stranger: Caster) -> None:
    key = fresh_spell()
    await publish(maker, key, "1.0.0")
    for each in (caster, stranger):
        assert await cast_version(each, key) == "1.0.0"
    await publish(maker, key, "2.0.0", pricing=DEAR)
    await caster.post(f"/v1/spells/{key}:consent", json={"version": "2.0.0"})
    assert await cast_version(caster, key) == "2.0.0"
    problem(await stranger.cast(key), 409, "CONSENT_REQUIRED")


async def test_only_the_maker_names_versions_and_nobody_sets_latest(
    maker: Caster, stranger: Caster
) -> None:
    key = fresh_spell()
    await publish(maker, key, "1.0.0")
    path = f"/v1/spells/{key}/aliases"
    body = {"version": "1.0.0"}
    problem(await stranger.request("PUT", f"{path}/x", json=body), 404, "SPELL_NOT_FOUND")
    problem(await maker.request("PUT", f"{path}/latest", json=body), 422, "VALIDATION_ERROR")
    problem(await maker.request("PUT", f"{path}/1.0.0", json=body), 404, "ALIAS_NOT_FOUND")
    absent = {"version": "9.9.9"}
    problem(await maker.request("PUT", f"{path}/x", json=absent), 404, "SPELL_NOT_FOUND")
    problem(await stranger.post(f"/v1/spells/{key}:consent", json=absent), 404, "SPELL_NOT_FOUND")


async def test_aliases_by_the_command_line(maker: Caster, tmp_path: Any) -> None:
    key = fresh_spell()
    await publish(maker, key, "1.0.0")
    shell = Shell.of(maker, tmp_path)
    assert (await shell.spell("alias", "set", key, "stable", "1.0.0")).code == 0
    listed = await shell.spell("--json", "alias", "list", key)
    assert listed.document() == {"latest": "1.0.0", "stable": "1.0.0"}
    assert (await shell.spell("alias", "remove", key, "stable")).code == 0
    assert (await shell.spell("consent", key, "1.0.0")).code == 0
    refused = await shell.spell("alias", "set", key, "latest", "1.0.0")
    assert refused.code == 3
    assert "VALIDATION_ERROR" in refused.stderr

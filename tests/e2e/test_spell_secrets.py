"""Makers' secrets over the doors: set, listed, removed by the maker alone; never shown again."""

from pathlib import Path
from typing import Any

import pytest

from schema.limits import SECRET_BYTES_MAX, SECRETS_PER_SPELL_MAX
from tests.modules.guests import guest
from tests.support.e2e import Caster, WholePlatform, fresh_spell, problem
from tests.support.e2e_cli import Shell
from tests.support.e2e_packages import FLAT, package

JSON = {"Content-Type": "application/json"}


async def _published(maker: Caster, *names: str) -> str:
    """A spell that names these variables in `env_vars`."""
    policy = {"env_vars": list(names)}
    archive = package(fresh_spell(), guest("echo"), pricing=FLAT, policy=policy)
    result = await maker.publish(archive)
    assert result.spell_key is not None
    return result.spell_key


async def test_a_secret_is_set_listed_changed_and_removed(stranger: Caster) -> None:
    spell = await _published(stranger, "TOKEN")
    path = f"/v1/spells/{spell}/secrets"
    made = await stranger.request("PUT", f"{path}/TOKEN", json={"value": "first-value"})
    assert made.status_code == 200, made.text
    assert set(made.json()) == {"name", "created_at", "updated_at"}
    await stranger.request("PUT", f"{path}/TOKEN", json={"value": "second-value"})
    listed = await stranger.get(path)
    assert [one["name"] for one in listed.json()] == ["TOKEN"]
    assert listed.json()[0]["updated_at"] > made.json()["updated_at"]
    assert "value" not in listed.text
    gone = await stranger.request("DELETE", f"{path}/TOKEN")
    assert (gone.status_code, gone.content) == (204, b"")
    problem(await stranger.request("DELETE", f"{path}/TOKEN"), 404, "SECRET_NOT_FOUND")
    assert (await stranger.get(path)).json() == []


async def test_a_foreign_spell_is_not_found_whatever_is_asked_of_its_secrets(
    maker: Caster, stranger: Caster
) -> None:
    spell = await _published(maker, "TOKEN")
    path = f"/v1/spells/{spell}/secrets"
    await maker.request("PUT", f"{path}/TOKEN", json={"value": "x"})
    for answer in (
        await stranger.get(path),
        await stranger.request("PUT", f"{path}/TOKEN", json={"value": "y"}),
        await stranger.request("DELETE", f"{path}/TOKEN"),
    ):
        problem(answer, 404, "SPELL_NOT_FOUND")
    assert len((await maker.get(path)).json()) == 1


async def test_the_secrets_of_a_spell_that_is_not_published_yet_are_refused_with_the_way_out(
    stranger: Caster,
) -> None:
    path = f"/v1/spells/{fresh_spell()}/secrets/TOKEN"
    answer = await stranger.request("PUT", path, json={"value": "x"})
    assert "publish its first version" in problem(answer, 404, "SPELL_NOT_FOUND")["message"]


@pytest.mark.parametrize("name", ["1TOKEN", "TO-KEN", "TÖKEN", "%00", "A" * 129, "A%20B"])
async def test_a_name_that_no_variable_can_have_is_refused(maker: Caster, name: str) -> None:
    spell = await _published(maker)
    path = f"/v1/spells/{spell}/secrets/{name}"
    for method in ("PUT", "DELETE"):
        answer = await maker.request(method, path, json={"value": "x"})
        assert "variable" in problem(answer, 422, "VALIDATION_ERROR")["message"]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("", "at least 1"),
        ("hush" + "x" * SECRET_BYTES_MAX, "at most"),
        # One character less than the limit, but more bytes.
        ("hush" + "é" * (SECRET_BYTES_MAX - 5), "at most"),
        ("hush\u0000", "U+0000"),
        (5, "string"),
        (None, "string"),
        (["hush"], "string"),
    ],
    ids=["empty", "long", "long in bytes", "zero byte", "number", "null", "list"],
)
async def test_a_value_that_cannot_be_a_variable_is_refused_and_not_quoted(
    maker: Caster, value: Any, words: str
) -> None:
    spell = await _published(maker)
    answer = await maker.request("PUT", f"/v1/spells/{spell}/secrets/TOKEN", json={"value": value})
    (error,) = problem(answer, 422, "VALIDATION_ERROR")["details"]["errors"]
    assert error["path"] == "/value"
    assert words in error["message"]
    assert "hush" not in answer.text


async def test_the_largest_value_is_taken_and_a_larger_body_is_cut_off(maker: Caster) -> None:
    spell = await _published(maker)
    path = f"/v1/spells/{spell}/secrets/TOKEN"
    largest = {"value": "\u0001" * SECRET_BYTES_MAX}
    assert (await maker.request("PUT", path, json=largest)).status_code == 200
    huge = await maker.request("PUT", path, content=b"x" * 70_000, headers=JSON)
    problem(huge, 413, "PAYLOAD_TOO_LARGE")


async def test_one_secret_too_many_is_refused(maker: Caster) -> None:
    spell = await _published(maker)
    path = f"/v1/spells/{spell}/secrets"
    for number in range(SECRETS_PER_SPELL_MAX):
        answer = await maker.request("PUT", f"{path}/NAME_{number}", json={"value": "x"})
        assert answer.status_code == 200
    answer = await maker.request("PUT", f"{path}/ONE_MORE", json={"value": "x"})
    assert "at most" in problem(answer, 422, "VALIDATION_ERROR")["message"]


async def test_a_cast_without_its_secret_is_refused_names_it_and_holds_nothing(
    maker: Caster, caster: Caster
) -> None:
    spell = await _published(maker, "TOKEN", "REGION")
    await maker.request("PUT", f"/v1/spells/{spell}/secrets/REGION", json={"value": "x"})
    refused = problem(await caster.cast(spell), 409, "SECRET_MISSING")
    assert refused["details"] == {"names": ["TOKEN"]}
    assert await caster.open_holds() == 0
    await maker.request("PUT", f"/v1/spells/{spell}/secrets/TOKEN", json={"value": "x"})
    assert (await caster.ended(spell, {"a": 1}))["status"] == "succeeded"


async def test_the_command_sets_from_stdin_lists_and_removes(
    platform: WholePlatform, maker: Caster, tmp_path: Path
) -> None:
    spell = await _published(maker, "TOKEN")
    shell = Shell.of(maker, tmp_path)
    platform.secrets.add("cli-secret-marker")
    said = await shell.spell("secrets", "set", spell, "TOKEN", stdin=b"cli-secret-marker\n")
    assert (said.code, said.stdout) == (0, f"set TOKEN of {spell}\n"), said
    listed = await shell.json("secrets", "list", spell)
    assert [one["name"] for one in listed] == ["TOKEN"]
    assert "TOKEN" in (await shell.spell("secrets", "list", spell)).stdout
    assert await shell.json("secrets", "remove", spell, "TOKEN") == {"removed": "TOKEN"}
    again = await shell.spell("secrets", "remove", spell, "TOKEN")
    assert again.code == 3
    assert "SECRET_NOT_FOUND" in again.stderr

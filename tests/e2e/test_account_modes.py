"""Which modes an account may use, and how it restricts its own casts."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.e2e import Caster, problem
from tests.support.e2e_cli import Shell

MODES = "/v1/account/modes"
ALL = {"service": (True, None), "workflow": (True, None), "clone": (True, None)}


def uses(document: Any) -> dict[str, tuple[bool, str | None]]:
    return {each["mode"]: (each["use"], each["code"]) for each in document["modes"]}


async def test_without_a_restriction_an_account_may_use_what_the_installation_has(
    caster: Caster,
) -> None:
    found = (await caster.get(MODES)).json()
    assert found["restricted_to"] is None
    assert uses(found) == ALL
    assert all(each["publish"] for each in found["modes"])


async def test_a_restriction_counts_from_the_next_cast_on_and_can_be_lifted(
    caster: Caster, stranger: Caster
) -> None:
    key = await caster.platform.spell("free")
    put = await caster.request("PUT", MODES, json={"modes": ["workflow", "clone"]})
    assert put.status_code == 200, put.text
    assert uses(put.json()) == {**ALL, "service": (False, "MODE_FORBIDDEN")}
    assert (await caster.get(MODES)).json() == put.json()
    assert all(each["publish"] for each in put.json()["modes"]), "publishing is not casting"
    refused = problem(await caster.cast(key), 403, "MODE_FORBIDDEN")
    assert refused["details"] == {"mode": "service", "allowed": []}
    assert await caster.open_holds() == 0
    assert (await stranger.ended(key))["status"] == "succeeded", "it is one account's own"
    for _ in range(2):
        assert (await caster.request("DELETE", MODES)).status_code == 204
    assert uses((await caster.get(MODES)).json()) == ALL
    assert (await caster.ended(key))["status"] == "succeeded"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"modes": []},
        {"modes": None},
        {"modes": "service"},
        {"modes": ["batch"]},
        {"modes": ["service", "service"]},
        {"modes": ["service"], "account_id": "acct_aaaaaaaaaaaaaaaa"},
    ],
    ids=str,
)
async def test_a_restriction_that_makes_no_sense_changes_nothing(caster: Caster, body: Any) -> None:
    problem(await caster.request("PUT", MODES, json=body), 422, "VALIDATION_ERROR")
    assert (await caster.get(MODES)).json()["restricted_to"] is None


async def test_the_command_shows_restricts_and_lifts(caster: Caster, tmp_path: Path) -> None:
    shell = Shell.of(caster, tmp_path)
    assert uses(await shell.json("modes")) == ALL
    said = await shell.spell("modes", "--only", "service")
    assert said.code == 0, said
    assert "MODE_FORBIDDEN" in said.stdout
    assert "restricted by this account to service" in said.stderr
    assert (await shell.json("modes"))["restricted_to"] == ["service"]
    assert (await shell.spell("modes", "--only", "clone", "--any")).code == 2
    assert (await shell.json("modes"))["restricted_to"] == ["service"], "it asked for both"
    lifted = await shell.json("modes", "--any")
    assert (lifted["restricted_to"], uses(lifted)) == (None, ALL)

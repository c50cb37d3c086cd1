"""Who may sign, over the doors: set by the account's owner, never by a key that only publishes."""

from pathlib import Path

import pytest

from schema.scopes import Scope
from tests.support.e2e import Caster, WholePlatform, problem
from tests.support.e2e_cli import Shell

PATH = "/v1/signing-identities"
GITHUB = "https://token.actions.githubusercontent.com"
WORKFLOW = {"issuer": GITHUB, "repository": "acme/words", "ref": "refs/tags/*"}


async def test_a_rule_is_allowed_listed_and_removed(stranger: Caster) -> None:
    made = await stranger.request("POST", PATH, json={**WORKFLOW, "spell_key": "com.acme.words"})
    assert made.status_code == 201, made.text
    assert made.json()["rule"] == {**WORKFLOW, "identity": None}
    assert (made.json()["spell_key"], made.json()["origin"]) == ("com.acme.words", "allowed")
    assert (await stranger.get(PATH)).json() == [made.json()]
    path = f"{PATH}/{made.json()['id']}"
    gone = await stranger.request("DELETE", path)
    assert (gone.status_code, gone.content) == (204, b"")
    problem(await stranger.request("DELETE", path), 404, "SIGNING_IDENTITY_NOT_FOUND")
    assert (await stranger.get(PATH)).json() == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"issuer": GITHUB},
        {"identity": "maker@acme.example"},
        {**WORKFLOW, "issuer": "http://plain.example"},
        {**WORKFLOW, "repository": "acme"},
        {**WORKFLOW, "ref": "main"},
        {**WORKFLOW, "ref": "refs/*/v1"},
        {**WORKFLOW, "spell_key": "Not A Key"},
        {"issuer": GITHUB, "identity": "two\nlines"},
        {"issuer": GITHUB, "identity": "x" * 513},
        {**WORKFLOW, "colour": "red"},
    ],
)
async def test_a_rule_that_names_nobody_is_refused(stranger: Caster, body: dict[str, str]) -> None:
    problem(await stranger.request("POST", PATH, json=body), 422, "VALIDATION_ERROR")


async def test_a_strangers_rule_is_not_found(maker: Caster, stranger: Caster) -> None:
    made = await maker.request("POST", PATH, json=WORKFLOW)
    path = f"{PATH}/{made.json()['id']}"
    problem(await stranger.request("DELETE", path), 404, "SIGNING_IDENTITY_NOT_FOUND")
    problem(await stranger.request("DELETE", f"{PATH}/%00"), 404, "SIGNING_IDENTITY_NOT_FOUND")
    assert (await maker.request("DELETE", path)).status_code == 204


async def test_a_key_that_only_publishes_cannot_say_who_signs(
    platform: WholePlatform, stranger: Caster
) -> None:
    made = await stranger.request(
        "POST", "/v1/keys", json={"name": "ci", "scopes": [Scope.PUBLISH.value]}
    )
    headers = {"Authorization": f"Bearer {made.json()['key']}"}
    for answer in (
        await stranger.request("GET", PATH, headers=headers),
        await stranger.request("POST", PATH, json=WORKFLOW, headers=headers),
        await stranger.request("DELETE", f"{PATH}/sid_aaaaaaaaaaaaaaaa", headers=headers),
    ):
        problem(answer, 403, "FORBIDDEN")


async def test_the_command_says_who_may_sign(platform: WholePlatform, tmp_path: Path) -> None:
    shell = Shell.of(await platform.new_caster(0), tmp_path)
    made = await shell.json(
        *("identities", "allow", "--issuer", GITHUB, "--repository", "acme/words"),
        *("--ref", "refs/tags/*", "--spell", "com.acme.words"),
    )
    said = await shell.spell("identities", "list")
    assert "acme/words" in said.stdout
    assert "refs/tags/*" in said.stdout
    assert (await shell.spell("identities", "remove", made["id"])).code == 0
    assert await shell.json("identities", "list") == []
    refused = await shell.spell("identities", "allow", "--issuer", GITHUB)
    assert refused.code == 3

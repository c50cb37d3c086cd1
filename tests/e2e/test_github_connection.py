"""Goal: a maker connects an account with a GitHub user, and offers what is that user's to offer.

Method: the command `spell` and HTTP against the whole platform, whose GitHub is the local one.
"""

import asyncio
import base64
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from cli.client import ExitCode
from infra.embedded.environment import base_environment
from schema.package import build_package
from tests.support.bills import with_bill
from tests.support.e2e import Caster, Json, WholePlatform, as_object, fresh_spell, problem
from tests.support.e2e_cli import Shell
from tests.support.e2e_github import connect, decide, github_of, keep_secret, local
from tests.support.traces import places_of

_WORKFLOW = b"""\
name: cast
run-name: ${{ inputs.cast_id }}
on:
  workflow_dispatch:
    inputs:
      cast_id: {required: true, type: string}
      inputs_url: {required: true, type: string}
jobs:
  cast:
    runs-on: ubuntu-latest
    steps:
      - run: "true"
"""
_BASE64 = base64.b64encode(_WORKFLOW).decode()


async def connect_by_command(shell: Shell, platform: WholePlatform, login: str) -> Json:
    """`spell github connect`, while a person enters the code that it shows."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli.main", "github", "connect", "--json"),
        cwd=shell.folder,
        env={**base_environment(), **shell.environment},
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    async with asyncio.timeout(60), github_of(platform) as github:
        shown = json.loads(await process.stdout.readline())
        assert shown["verification_uri"].endswith("/login/device")
        await local(github, "POST", "owners", {"login": login})
        await decide(github, shown["user_code"], login)
        connected: Json = json.loads(await process.stdout.readline())
        assert await process.wait() == 0
    return connected


async def repository(platform: WholePlatform, repo: str) -> None:
    """A repository with a workflow, where the platform's App is installed."""
    owner, _, name = repo.partition("/")
    async with github_of(platform) as github:
        body = {"owner": owner, "name": name, "files": {".github/workflows/cast.yml": _BASE64}}
        await local(github, "POST", "repositories", body)
        await local(github, "PUT", "installations", {"account": owner})


def package(repo: str, key: str) -> bytes:
    """A spell that runs in a repository."""
    manifest = f"""
        manifest_version = 1
        [spell]
        key = "{key}"
        name = "For a test"
        version = "1.0.0"
        description = "Runs on GitHub Actions."
        author = "Tests"
        license = "Apache-2.0"
        [execution]
        mode = "workflow"
        [execution.workflow]
        repo = "{repo}"
        workflow = "cast.yml"
        ref = "main"
        dispatch = "workflow_dispatch"
        timeout_ms = 60_000
        [pricing]
        model = "free"
    """
    schemas = b'{"input":{"type":"object"},"output":{"type":"object"}}'
    return build_package(with_bill({"manifest.toml": manifest.encode(), "schema.json": schemas}))


async def test_a_maker_connects_by_command_and_publishes_into_a_repository_of_their_own(
    platform: WholePlatform, caster: Caster, tmp_path: Path
) -> None:
    shell, login = Shell.of(caster, tmp_path), f"maker-{fresh_spell()[-8:]}"
    since = datetime.now(UTC)
    assert await shell.json("github", "status") == {"connected": None, "pending": None}
    await repository(platform, f"{login}/own")
    refused = await caster.upload(package(f"{login}/own", fresh_spell()))
    problem(refused, 409, "GITHUB_NOT_CONNECTED")

    connected = await connect_by_command(shell, platform, login)
    assert connected["connected"]["login"] == login
    assert await shell.json("github", "status") == connected
    said = await shell.spell("github", "status")
    assert said.stdout.startswith(f"connected with {login} since 20")

    [installed] = await shell.json("github", "installations")
    assert (installed["owner"], installed["every_repository"]) == (login, True)
    assert installed["permissions"]["actions"] == "write"

    published = await caster.publish(package(f"{login}/own", fresh_spell()))
    assert published.created

    assert "Postgres rows" in await places_of(login, platform, since)
    for token in await keep_secret(caster):
        assert await places_of(token, platform, since) == set()


async def test_nobody_offers_a_repository_of_somebody_else(
    platform: WholePlatform, caster: Caster
) -> None:
    await connect(caster)
    other = f"other-{fresh_spell()[-8:]}"
    await repository(platform, f"{other}/public")
    answer = await caster.upload(package(f"{other}/public", fresh_spell()))
    refused = problem(answer, 422, "MANIFEST_INVALID")
    [error] = refused["details"]["errors"]
    assert error["field"] == "execution.workflow.repo"
    assert f"{other}/public" in error["message"]


async def test_a_maker_who_disconnects_offers_nothing_more(
    platform: WholePlatform, caster: Caster, tmp_path: Path
) -> None:
    shell, login = Shell.of(caster, tmp_path), await connect(caster)
    await repository(platform, f"{login}/own")
    ended = await shell.json("github", "disconnect")
    assert ended == {"was_connected": True, "revoked": True}
    assert (await shell.spell("github", "disconnect")).stdout == "was not connected\n"
    answer = await caster.upload(package(f"{login}/own", fresh_spell()))
    problem(answer, 409, "GITHUB_NOT_CONNECTED")


async def test_a_user_who_is_connected_is_nobody_elses(caster: Caster, stranger: Caster) -> None:
    login = await connect(caster)
    code = as_object(await stranger.post("/v1/account/github"))
    async with github_of(caster.platform) as github:
        await decide(github, code["user_code"], login)
    answer = await stranger.post("/v1/account/github:complete")
    problem(answer, 409, "GITHUB_USER_TAKEN")


async def test_a_code_that_nobody_confirmed_says_when_to_look_again(caster: Caster) -> None:
    code = as_object(await caster.post("/v1/account/github"))
    answer = await caster.post("/v1/account/github:complete")
    assert (answer.status_code, answer.headers["retry-after"]) == (202, "5")
    assert as_object(answer) == {"connected": None, "pending": code}


async def test_a_person_who_says_no_is_told_so_by_the_command(
    platform: WholePlatform, caster: Caster, tmp_path: Path
) -> None:
    shell = Shell.of(caster, tmp_path)
    code = as_object(await caster.post("/v1/account/github"))
    async with github_of(platform) as github:
        await local(github, "POST", "owners", {"login": "naysayer"})
        body = {"user_code": code["user_code"], "login": "naysayer", "allow": False}
        await local(github, "POST", "device", body)
    said = await shell.spell("github", "connect")
    assert said.code == ExitCode.REFUSED
    assert code["user_code"] in said.stdout
    assert "GITHUB_CODE_DENIED" in said.stderr

"""Goal: the example that makers copy goes the whole way, and leaves a receipt that holds.

Method: the command `spell` against the whole platform, whose GitHub is the local one. Copied is
what the repository has; changed are the key and the repository's name, as the README says.
"""

import base64
import json
import shutil
from pathlib import Path

import pytest

from tests.support.e2e import Caster, Json, WholePlatform, fresh_spell, problem
from tests.support.e2e_cli import EXAMPLES, Shell
from tests.support.e2e_github import connect, github_of, local

NOWHERE = {"SPELL_API_URL": "http://127.0.0.1:9", "SPELL_API_KEY": "sk_nothing"}


class Report:
    """The example, published by a maker of its own."""

    def __init__(self, key: str, repo: str) -> None:
        self.key, self.repo = key, repo


@pytest.fixture(scope="session")
async def report(platform: WholePlatform, tmp_path_factory: pytest.TempPathFactory) -> Report:
    maker = await platform.new_caster()
    login, key = await connect(maker), fresh_spell()
    repo = f"{login}/actions-report"
    shell = Shell.of(maker, tmp_path_factory.mktemp("report"))
    folder = shell.folder / "actions-report"
    shutil.copytree(EXAMPLES / "actions-report", folder)
    manifest = folder / "manifest.toml"
    text = manifest.read_text().replace("com.example.actions-report", key)
    manifest.write_text(text.replace("your-name/actions-report", repo))
    await push(platform, repo, folder)
    await shell.json("sbom", "generate", "actions-report")
    tested = await shell.json("test", "actions-report")
    assert tested["passed"] is True
    published = await shell.json("publish", "--sign", "actions-report")
    assert published["created"] is True
    return Report(key, repo)


async def push(platform: WholePlatform, repo: str, folder: Path) -> None:
    owner, _, name = repo.partition("/")
    body = {"owner": owner, "name": name, "files": files_of(folder)}
    async with github_of(platform) as github:
        await local(github, "POST", "repositories", body)
        await local(github, "PUT", "installations", {"account": owner})


def files_of(folder: Path) -> dict[str, str]:
    """As the local GitHub takes them."""
    return {
        path.relative_to(folder).as_posix(): base64.b64encode(path.read_bytes()).decode()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


async def cast(shell: Shell, report: Report) -> Json:
    """The README's way to cast it."""
    shutil.copy(EXAMPLES / "actions-report" / "inputs.json", shell.folder)
    document: Json = await shell.json("cast", report.key, "inputs.json")
    return document


async def test_a_report_is_cast_and_what_it_left_is_fetched(
    report: Report, caster: Caster, tmp_path: Path
) -> None:
    shell = Shell.of(caster, tmp_path)
    ended = await cast(shell, report)
    assert (ended["status"], ended["mode"]) == ("succeeded", "workflow")
    assert ended["result"]["total"] == 13817.1
    assert ended["cost"]["micros"] == 1_000 + ended["usage"]["wall_ms"]
    left = await shell.json("artifacts", "list", ended["cast_id"])
    names = {one["name"] for one in left["items"]}
    assert names == {"output.json", "report.html", "data/chart.svg", "data/groups.csv"}
    await shell.json("artifacts", "get", ended["cast_id"], "data/chart.svg", "-o", "chart.svg")
    assert (tmp_path / "chart.svg").read_text().startswith("<svg ")
    assert await caster.open_holds() == 0


async def test_its_receipt_is_checked_without_the_platform_and_not_replayed(
    report: Report, caster: Caster, tmp_path: Path
) -> None:
    shell = Shell.of(caster, tmp_path)
    ended = await cast(shell, report)
    cast_id = ended["cast_id"]
    await shell.json("receipt", "get", cast_id, "-o", "receipt.json", "--output", "output.json")
    await shell.json("receipt", "keys", "-o", "keys.json")
    (tmp_path / "left" / "data").mkdir(parents=True)
    for name in ("report.html", "data/chart.svg", "data/groups.csv"):
        await shell.json("artifacts", "get", cast_id, name, "-o", f"left/{name}")
    alone = Shell(tmp_path, NOWHERE)
    verify = ("receipt", "verify", "receipt.json", "--key", "keys.json", "--input", "inputs.json")
    checked = await alone.json(*verify, "--output", "output.json", "--artifacts", "left")
    assert checked["holds"] is True
    assert "artifact digest data/chart.svg" in {check["name"] for check in checked["checks"]}
    said = await alone.spell("--json", *verify, "--replay", "--module", "output.json")
    assert said.code == 3
    assert "ran on GitHub Actions" in said.document()["message"]
    inputs = json.loads((tmp_path / "inputs.json").read_text())
    refused = await caster.post(f"/v1/casts/{cast_id}/receipt:replay", json={"inputs": inputs})
    found = problem(refused, 422, "NOT_REPLAYABLE")
    assert "ran on GitHub Actions" in found["details"]["reason"]


async def test_its_receipt_names_what_github_ran(
    report: Report, caster: Caster, platform: WholePlatform, tmp_path: Path
) -> None:
    ended = await cast(Shell.of(caster, tmp_path), report)
    answer = await caster.get(f"/v1/casts/{ended['cast_id']}/receipt")
    statement = json.loads(base64.b64decode(answer.json()["payload"]))
    run = statement["predicate"]["run"]
    assert (run["repo"], run["workflow"], run["ref"]) == (report.repo, "report.yml", "main")
    async with github_of(platform) as github:
        token = (await local(github, "POST", f"tokens/{report.repo.partition('/')[0]}", {}))[
            "token"
        ]
        path = f"/repos/{report.repo}/actions/runs/{run['github']['run_id']}"
        on_github = (await github.get(path, headers={"Authorization": f"Bearer {token}"})).json()
    assert on_github["display_title"] == ended["cast_id"]
    assert run["repository_id"] == on_github["repository"]["id"]
    assert run["github"]["commit"] == on_github["head_sha"]
    assert run["github"]["conclusion"] == on_github["conclusion"] == "success"
    assert statement["subject"][1] == {
        "name": f"{report.repo}/.github/workflows/report.yml",
        "digest": {"gitCommit": on_github["head_sha"]},
    }

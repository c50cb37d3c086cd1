"""The command `spell` on the example spells and on real files."""

import asyncio
import base64
import csv
import json
import re
import shutil
import struct
from datetime import UTC, datetime
from pathlib import Path

import pytest

from infra.nats_connection import open_nats
from infra.runner_bus import NatsRunnerBus
from schema.contracts.run import DeadReason, DeadRun
from tests.support.e2e import Caster, WholePlatform
from tests.support.e2e_cli import EXAMPLES, Shell

FILES = EXAMPLES / "files"
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def shell(caster: Caster, tmp_path: Path) -> Shell:
    return Shell.of(caster, tmp_path)


@pytest.fixture(scope="session")
async def examples(platform: WholePlatform, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A shell whose account has signed and published copies of the repository's examples."""
    owner = await platform.new_caster(10_000_000)
    shell = Shell.of(owner, tmp_path_factory.mktemp("examples"))
    names = ("chart", "letter", "markdown", "table", "thumbnail")
    for name in names:
        shutil.copytree(EXAMPLES / name, shell.folder / name)
    published = await asyncio.gather(*(shell.json("publish", "--sign", name) for name in names))
    assert [p["created"] for p in published] == [True] * len(names)
    return shell


async def test_markdown_becomes_html(examples: Shell, shell: Shell) -> None:
    out = shell.folder / "page.json"
    said = await shell.spell(
        *("cast", "com.example.markdown", "--text", f"markdown={FILES / 'platform.md'}"),
        *("--input", "full_page=true", "--out", str(out)),
    )
    assert said.code == 0, said
    assert said.stdout == "succeeded\n"
    for word in ("cast     cast_", "held     0.0032 USD", "event    running", "settled  0.000"):
        assert word in said.stderr
    page = json.loads(out.read_text())
    title = (FILES / "platform.md").read_text().splitlines()[0].removeprefix("# ")
    assert page["title"] == title
    assert page["html"].startswith("<!DOCTYPE html>")
    assert page["words"] > 100


async def test_a_picture_becomes_a_thumbnail(examples: Shell, shell: Shell) -> None:
    out = shell.folder / "small.json"
    said = await shell.spell(
        *("cast", "com.example.thumbnail", "-b", f"png_base64={FILES / 'picture.png'}"),
        *("-i", "width=64", "--out", str(out)),
    )
    assert said.code == 0, said
    result = json.loads(out.read_text())
    picture = base64.b64decode(result["png_base64"], validate=True)
    assert picture.startswith(PNG)
    assert struct.unpack(">II", picture[16:24]) == (64, result["height"])
    original = (FILES / "picture.png").read_bytes()
    assert struct.unpack(">I", original[16:20]) == (result["source_width"],)


async def test_a_chart_is_left_beside_the_result(examples: Shell, shell: Shell) -> None:
    said = await shell.spell(
        *("cast", "com.example.chart", str(EXAMPLES / "chart" / "inputs.json")),
        *("--artifacts", "left"),
    )
    assert said.code == 0, said
    left = shell.folder / "left"
    files = json.loads((left / "output.json").read_text())["files"]
    assert files == ["chart.svg", "data/bars.csv"]
    chart = (left / files[0]).read_text()
    assert chart.count("<rect ") == 3
    assert "&lt;late&gt;" in chart
    assert (left / files[1]).read_text().splitlines()[-1] == '"""Wednesday"", <late>",90'


async def test_a_table_is_summed_up(examples: Shell, shell: Shell) -> None:
    cast = await shell.json(
        "cast", "com.example.table", "--text", f"csv={FILES / 'orders.csv'}", "--version", "1.0.0"
    )
    assert (cast["status"], cast["cost"]["micros"]) == ("succeeded", 500)
    with (FILES / "orders.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert cast["result"]["rows"] == len(rows)
    columns = {column["name"]: column for column in cast["result"]["columns"]}
    assert list(columns) == list(rows[0])
    prices = [float(row["price"]) for row in rows]
    assert columns["price"]["max"] == max(prices)
    assert columns["price"]["mean"] == pytest.approx(sum(prices) / len(prices))


async def test_a_component_in_javascript_fills_a_letter(examples: Shell, shell: Shell) -> None:
    document = EXAMPLES / "letter" / "inputs.json"
    first, second = await asyncio.gather(
        *(shell.json("cast", "com.example.letter", str(document)) for _ in range(2))
    )
    assert (first["status"], first["cost"]["micros"]) == ("succeeded", 300)
    lines = first["result"]["text"].splitlines()
    assert lines[0] == "Dear Åse Tørnquist,"
    assert lines[4] == "  2 \N{MULTIPLICATION SIGN} Kettle"
    assert lines[5].endswith("Crème brûlée set (gift wrap)")
    assert lines[-2:] == ["With kind regards", "Kettle & Lamp, Bergen"]
    assert first["usage"]["fuel"] == second["usage"]["fuel"] > 0


async def test_a_component_says_no_by_its_error(examples: Shell, shell: Shell) -> None:
    said = await shell.spell("cast", "com.example.letter", "--input", "template={{name")
    assert said.code == 1
    assert "SPELL_FAILED" in said.stderr
    cast_id = re.search(r"cast_\w+", said.stderr)
    assert cast_id is not None
    logs = await shell.spell("logs", cast_id[0])
    assert logs.stdout == "In line 1 of the template, a tag is not closed.\n"


async def test_inputs_come_from_a_document_or_from_stdin(examples: Shell, shell: Shell) -> None:
    document = EXAMPLES / "table" / "inputs.json"
    by_file, by_stdin = await asyncio.gather(
        shell.json("cast", "com.example.table", str(document)),
        shell.json("cast", "com.example.table", "-", stdin=document.read_bytes()),
    )
    assert by_file["result"] == by_stdin["result"]
    assert by_file["cast_id"] != by_stdin["cast_id"]


async def test_a_folder_is_published_once_and_changes_nothing_again(examples: Shell) -> None:
    said = await examples.spell("publish", "markdown")
    assert said.code == 0
    expected = "already published com.example.markdown 1.0.0, at most 0.0032 USD a cast\n"
    assert said.stdout == expected
    assert "UNSIGNED" not in said.stderr, "its signature lies beside it"


async def test_casts_are_listed_shown_and_explained(
    platform: WholePlatform, caster: Caster, shell: Shell
) -> None:
    good = await caster.ended(await platform.spell("metered"), {"a": 1})
    bad = await caster.ended(await platform.spell("refuses"))
    listed, failed, shown, explained, logs = await asyncio.gather(
        shell.spell("casts"),
        shell.spell("casts", "--status", "failed", "--limit", "5"),
        shell.spell("show", good["cast_id"]),
        shell.spell("show", bad["cast_id"]),
        shell.spell("logs", bad["cast_id"]),
    )
    assert [good["cast_id"] in said.stdout for said in (listed, failed)] == [True, False]
    assert all(bad["cast_id"] in said.stdout for said in (listed, failed))
    assert (shown.code, json.loads(shown.stdout)) == (0, {"a": 1})
    assert "settled" in shown.stderr
    assert explained.code == 1
    assert "SPELL_FAILED: The spell ran and refused by its own error." in explained.stderr
    assert "exit_code: 3" in explained.stderr
    assert "What to do: Read `spell logs <cast>`" in explained.stderr
    assert (logs.code, logs.stdout) == (0, "no: the moon is full\n")


async def test_a_detached_cast_is_followed_and_cancelled(
    platform: WholePlatform, caster: Caster, shell: Shell
) -> None:
    detached = await shell.spell("cast", await platform.spell("sleeper"), "--detach")
    cast_id = detached.stdout.strip()
    await caster.events(cast_id, until="running")
    following = asyncio.create_task(shell.spell("logs", "--follow", cast_id))
    cancelled = await shell.spell("cancel", cast_id)
    assert cancelled.code == 0
    assert cancelled.stdout.startswith("cancelled (cancelled, settled, 0.")
    followed = await following
    assert followed.code == 0
    assert "event    cancelled" in followed.stderr
    again = await shell.spell("cancel", cast_id)
    assert (again.code, "CAST_FINISHED" in again.stderr) == (3, True)


async def test_one_key_is_one_cast_from_the_shell_too(
    platform: WholePlatform, shell: Shell
) -> None:
    spell = await platform.spell("echo")
    first, second = [
        await shell.json("cast", spell, "-i", "a=1", "--key", "my-own-key") for _ in range(2)
    ]
    assert first == second
    conflict = await shell.spell("cast", spell, "-i", "a=2", "--key", "my-own-key")
    assert (conflict.code, "IDEMPOTENCY_CONFLICT" in conflict.stderr) == (3, True)


async def test_keys_are_made_listed_and_revoked(
    platform: WholePlatform, caster: Caster, shell: Shell
) -> None:
    made = await shell.spell("keys", "create", "for ci", "-s", "cast:invoke")
    key = made.stdout.strip()
    platform.secrets.add(key)
    key_id = made.stderr.split(":")[0]
    assert made.code == 0
    assert key.startswith("sk_")
    by_key = Shell.of(caster, shell.folder)
    before, listed = await asyncio.gather(
        by_key.spell("spells", SPELL_API_KEY=key), shell.spell("keys", "list")
    )
    assert before.code == 0
    assert key_id in listed.stdout
    assert "for ci" in listed.stdout
    assert key not in listed.stdout
    revoked = await shell.spell("keys", "revoke", key_id)
    assert (revoked.code, revoked.stdout) == (0, f"revoked {key_id}\n")
    after = await by_key.spell("spells", SPELL_API_KEY=key)
    assert (after.code, "UNAUTHORIZED" in after.stderr) == (3, True)


async def test_a_cap_is_set_shown_and_kept(platform: WholePlatform, shell: Shell) -> None:
    spell = await platform.spell("echo")
    done = await shell.spell("cap", "set", "account_day", "499")
    assert done.code == 0
    shown, refused = await asyncio.gather(
        shell.spell("cap", "show"), shell.spell("cast", spell, "-i", "a=1")
    )
    day = next(line for line in shown.stdout.splitlines() if line.startswith("account_day"))
    assert day.split()[5:7] == ["0.000499", "USD"]
    assert refused.code == 3
    assert "BUDGET_CAP_EXCEEDED" in refused.stderr
    assert "cap: account_day" in refused.stderr


async def test_an_operator_sees_the_runs_that_the_fleet_gave_up_on(
    platform: WholePlatform, tmp_path: Path
) -> None:
    """Method: a note as a runner writes it; how runs come to be dead is shown with runners."""
    cast_id = "cast_" + "d" * 16 + "_" + "e" * 26
    dead = DeadRun(
        reason=DeadReason.LOST, cast_id=cast_id, runner_id="r-1", deliveries=5, cause="it died"
    )
    async with open_nats(platform.embedded.endpoints.nats_url, name="test") as client:
        await NatsRunnerBus(client).bury(dead)
    operator = Shell(tmp_path, platform.embedded.context.platform_environment)
    shown, documents = await asyncio.gather(
        operator.spell("runs", "dead"), operator.json("runs", "dead", "--limit", "1000")
    )
    assert shown.code == 0
    (line,) = [line for line in shown.stdout.splitlines() if cast_id in line]
    assert line.split()[1:5] == ["lost", cast_id, "5", "r-1"]
    (document,) = [one for one in documents if one["cast_id"] == cast_id]
    assert document.pop("noted_at") <= datetime.now(UTC).isoformat()
    assert document == dead.model_dump(mode="json")
    away = await operator.spell(
        "runs", "dead", SPELL_NATS_URL="nats://platform:hunter2@127.0.0.1:9"
    )
    assert away.code == 4
    assert "hunter2" not in away.stdout + away.stderr


async def test_the_operators_commands_work_on_the_platforms_settings(
    platform: WholePlatform, tmp_path: Path
) -> None:
    environment = platform.embedded.context.platform_environment
    operator = Shell(tmp_path, environment)
    current, check, made = await asyncio.gather(
        operator.spell("db", "current"),
        operator.spell("db", "check"),
        operator.json("accounts", "create", "Ada", "-s", "cast:invoke", "--credit-micros", "700"),
    )
    assert (current.code, "head" in current.stdout) == (0, True)
    assert check.code == 0, check
    platform.secrets.add(made["key"])
    shell = Shell(tmp_path, {"SPELL_API_URL": platform.api_url, "SPELL_API_KEY": made["key"]})
    cast = await shell.json("cast", await platform.spell("echo"), "-i", "hello=Ada")
    assert cast["result"] == {"hello": "Ada"}

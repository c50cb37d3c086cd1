"""How `spell` fails: a message for people, one JSON document for programs, and an exit code."""

import asyncio
from pathlib import Path

import pytest

from tests.support.bills import with_bill
from tests.support.e2e import Caster, WholePlatform
from tests.support.e2e_cli import Shell
from tests.support.e2e_packages import files_of, says

DONE, CAST_FAILED, USAGE, REFUSED, PLATFORM = range(5)
# The discard port: nobody listens there.
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def shell(caster: Caster, tmp_path: Path) -> Shell:
    return Shell.of(caster, tmp_path)


def _folder(folder: Path) -> str:
    for name, content in with_bill(files_of("com.example.folder", says())).items():
        (folder / name).write_bytes(content)
    return str(folder)


async def test_json_is_one_document_whatever_the_command(
    platform: WholePlatform, caster: Caster, shell: Shell
) -> None:
    """Before the command or behind it, for results, lists and failures."""
    cast = await caster.ended(await platform.spell("metered"))
    refuses = await platform.spell("refuses")
    commands = {
        ("--json", "spells"): DONE,
        ("casts", "--json"): DONE,
        ("show", "--json", cast["cast_id"]): DONE,
        ("logs", "--follow", cast["cast_id"], "--json"): DONE,
        ("keys", "list", "--json"): DONE,
        ("cap", "set", "account_total", "5000000", "--json"): DONE,
        ("publish", _folder(shell.folder), "--sign", "--json"): DONE,
        ("cast", refuses, "--detach", "--json"): DONE,
        ("cast", refuses, "--json"): CAST_FAILED,
        ("--json", "nonsense"): USAGE,
        ("cancel", cast["cast_id"], "--json"): REFUSED,
    }
    ended = await asyncio.gather(*(shell.spell(*arguments) for arguments in commands))
    for (arguments, code), said in zip(commands.items(), ended, strict=True):
        assert (said.code, said.stderr) == (code, ""), (arguments, said)
        assert said.stdout.count("\n") == 1, arguments
        document = said.document()
        assert isinstance(document, dict | list), arguments
        if code != DONE:
            assert "message" in document or "problem" in document, arguments
    failed = ended[list(commands).index(("cast", refuses, "--json"))].document()
    assert failed["problem"]["code"] == "SPELL_FAILED"
    assert failed["billing"] == "settled"


async def test_a_failed_cast_ends_with_one_and_says_why(
    platform: WholePlatform, shell: Shell
) -> None:
    names = {"refuses": "SPELL_FAILED", "loops": "TIME_EXCEEDED", "off-schema": "OUTPUT_INVALID"}
    ended = await asyncio.gather(
        *[shell.spell("cast", await platform.spell(name)) for name in names]
    )
    for code, said in zip(names.values(), ended, strict=True):
        assert (said.code, said.stdout) == (CAST_FAILED, "")
        assert f"{code}: " in said.stderr
        assert "What to do: " in said.stderr
    assert "released: 0.00 USD" in ended[2].stderr


async def test_what_the_platform_refuses_ends_with_three(
    platform: WholePlatform, shell: Shell
) -> None:
    echo = await platform.spell("echo")
    refused = {
        ("cast", "com.example.none"): "SPELL_NOT_FOUND",
        ("cast", echo, "--cap-micros", "499"): "BUDGET_CAP_EXCEEDED",
        ("cast", await platform.spell("counted"), "-i", "count=NaN"): "/inputs/count",
        ("show", "../keys"): "NOT_FOUND",
        ("cancel", "cast_none"): "CAST_NOT_FOUND",
    }
    ended = await asyncio.gather(*(shell.spell(*arguments) for arguments in refused))
    for (arguments, word), said in zip(refused.items(), ended, strict=True):
        assert (said.code, said.stdout) == (REFUSED, ""), (arguments, said)
        assert word in said.stderr, arguments


async def test_a_platform_that_does_not_answer_ends_with_four_and_a_hint(shell: Shell) -> None:
    listed, cast = await asyncio.gather(
        shell.spell("spells", SPELL_API_URL=NOWHERE),
        shell.spell("cast", "com.example.x", "--json", SPELL_API_URL=NOWHERE),
    )
    assert (listed.code, listed.stdout) == (PLATFORM, "")
    assert f"{NOWHERE} does not answer" in listed.stderr
    assert "`spell dev` starts a local one" in listed.stderr
    assert cast.code == PLATFORM
    assert cast.document()["idempotency_key"].startswith("cli-"), "so that it can be repeated"

"""How `spell` fails: a message for people, one JSON document for programs, and an exit code."""

import asyncio
import json
import os
from pathlib import Path

import pytest

from tests.support.e2e import Caster, WholePlatform
from tests.support.e2e_cli import EXAMPLES, Shell
from tests.support.e2e_packages import files_of, says

DONE, CAST_FAILED, USAGE, REFUSED, PLATFORM = range(5)
# The discard port: nobody listens there.
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def shell(caster: Caster, tmp_path: Path) -> Shell:
    return Shell.of(caster, tmp_path)


def _folder(shell: Shell, **files: bytes) -> str:
    for name, content in {**files_of("com.example.folder", says()), **files}.items():
        path = shell.folder / name.replace("__", "/")
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    return str(shell.folder)


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
        ("logs", cast["cast_id"], "--json"): DONE,
        ("logs", "--follow", cast["cast_id"], "--json"): DONE,
        ("keys", "list", "--json"): DONE,
        ("cap", "show", "--json"): DONE,
        ("cap", "set", "account_total", "5000000", "--json"): DONE,
        ("publish", _folder(shell), "--json"): DONE,
        ("cast", refuses, "--detach", "--json"): DONE,
        ("cast", refuses, "--json"): CAST_FAILED,
        ("--json", "nonsense"): USAGE,
        ("casts", "--limit", "0", "--json"): USAGE,
        ("cancel", cast["cast_id"], "--json"): REFUSED,
        ("keys", "revoke", "--json", "key_none"): REFUSED,
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


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nonsense"], "No such command"),
        (["casts", "--limit", "0"], "--limit"),
        (["cast"], "Missing argument"),
        (["keys", "create", "x", "-s", "root"], "--scope"),
        (["cast", "com.example.x", "no-such-file.json"], "No such file"),
        (["cast", "com.example.x", "-t", "text=no-such-file"], "No such file"),
        (["cast", "com.example.x", "-i", "no equals sign"], "name=value"),
        (["cast", "com.example.x", "-i", "=x"], "name=value"),
        (["cast", "com.example.x", "-i", "a=9007199254740993"], "cannot be sent"),
        (["cast", "com.example.x", "-i", 'a="\\ud800"'], "cannot be sent"),
        (["cast", "com.example.x", "--key", "schön"], "cannot be sent in a header"),
        (["cast", "com.example.x", "--out", "no/such/folder/x.json"], "no such folder"),
        (["publish", "no-such-folder"], "does not exist"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
async def test_wrong_use_ends_with_two(shell: Shell, arguments: list[str], words: str) -> None:
    said = await shell.spell(*arguments)
    assert (said.code, said.stdout) == (USAGE, "")
    assert words in said.stderr


async def test_a_document_that_is_none_is_wrong_use(shell: Shell) -> None:
    (shell.folder / "list.json").write_text("[1]")
    broken, member = await asyncio.gather(
        shell.spell("cast", "com.example.x", "-", stdin=b'{"a": 1, "a": 2}'),
        shell.spell("cast", "com.example.x", "list.json", "-i", "a=1"),
    )
    assert (broken.code, "appears twice" in broken.stderr) == (USAGE, True)
    assert (member.code, "JSON object" in member.stderr) == (USAGE, True)


async def test_what_the_platform_refuses_ends_with_three(
    platform: WholePlatform, shell: Shell
) -> None:
    echo = await platform.spell("echo")
    refused = {
        ("cast", "com.example.none"): "SPELL_NOT_FOUND",
        ("cast", "../keys"): "NOT_FOUND",
        ("cast", echo, "--cap-micros", "499"): "BUDGET_CAP_EXCEEDED",
        ("cast", echo, "--version", "9.9.9"): "SPELL_NOT_FOUND",
        ("cast", await platform.spell("counted"), "-i", "count=NaN"): "/inputs/count",
        ("show", "cast_none"): "CAST_NOT_FOUND",
        ("show", "../keys"): "NOT_FOUND",
        ("cancel", "cast_none"): "CAST_NOT_FOUND",
    }
    ended = await asyncio.gather(*(shell.spell(*arguments) for arguments in refused))
    for (arguments, word), said in zip(refused.items(), ended, strict=True):
        assert (said.code, said.stdout) == (REFUSED, ""), (arguments, said)
        assert word in said.stderr, arguments


async def test_a_folder_that_is_no_package_is_refused_before_it_is_sent(shell: Shell) -> None:
    """The platform's address leads nowhere: nothing of this needs it."""
    shell = Shell(shell.folder, {**shell.environment, "SPELL_API_URL": NOWHERE})
    folder = _folder(shell, **{"manifest.toml": b'[spell]\nkey = "No"\n'})
    said = await shell.spell("publish", folder)
    assert (said.code, said.stdout) == (REFUSED, "")
    assert "MANIFEST_INVALID" in said.stderr
    assert "line 2: spell.key" in said.stderr
    (shell.folder / "spell.wasm").unlink()
    _folder(shell)
    os.mkfifo(shell.folder / "README.md")
    said = await shell.spell("publish", folder)
    assert (said.code, "README.md is a link or a device" in said.stderr) == (REFUSED, True)


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


async def test_without_a_platform_the_way_to_one_is_told(tmp_path: Path) -> None:
    nobody = Shell(tmp_path, {})
    bare, wrong = await asyncio.gather(
        nobody.spell("casts"),
        nobody.spell("casts", SPELL_API_URL=NOWHERE, SPELL_API_KEY="schlüssel"),
    )
    assert (bare.code, "spell dev" in bare.stderr) == (USAGE, True)
    assert (wrong.code, "SPELL_API_KEY is no key" in wrong.stderr) == (USAGE, True)
    assert "schlüssel" not in wrong.stderr
    (tmp_path / ".spell").mkdir()
    (tmp_path / ".spell" / "client.json").write_text("{")
    broken = await nobody.spell("casts")
    assert (broken.code, "cannot be read" in broken.stderr) == (USAGE, True)


async def test_the_profile_of_a_local_platform_is_found_from_below(
    caster: Caster, tmp_path: Path
) -> None:
    (tmp_path / ".spell").mkdir()
    profile = {"api_url": caster.platform.api_url, "api_key": caster.person.key_text}
    (tmp_path / ".spell" / "client.json").write_text(json.dumps(profile))
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    assert await Shell(below, {}).json("casts") == {"items": [], "next_cursor": None}


async def test_help_is_no_failure(shell: Shell) -> None:
    whole, one = await asyncio.gather(shell.spell("--help"), shell.spell("cast", "--help"))
    assert (whole.code, one.code) == (DONE, DONE)
    assert "Exit codes: 0 done, 1 the cast failed" in whole.stdout
    assert "--idempotency-key" not in one.stdout
    assert "--key" in one.stdout


def test_the_examples_are_where_the_tests_look() -> None:
    assert {path.parent.name for path in EXAMPLES.glob("*/manifest.toml")} == {
        "markdown",
        "table",
        "thumbnail",
    }

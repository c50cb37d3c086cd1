"""Components from package to result: what is refused, and one of 18 MB made from Python."""

import asyncio
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from schema.limits import COMPONENT_BYTES_MAX, MODULE_BYTES_MAX
from tests.modules.component_guests import component
from tests.modules.guests import guest
from tests.support.bills import with_bill
from tests.support.e2e import Caster, WholePlatform, fresh_spell, problem
from tests.support.e2e_cli import EXAMPLES, Shell
from tests.support.e2e_packages import files_of, unchecked_package, wasm

COMPONENT = {"target": "wasm32-wasip2"}
COMPONENTIZE_PY = Path(sys.executable).parent / "componentize-py"


def unchecked(key: str, module: bytes, **changes: Any) -> bytes:
    return unchecked_package(with_bill(files_of(key, module, **changes)))


@pytest.mark.parametrize(
    ("module", "target", "words"),
    [
        ("component", "wasm32-wasip1", "is a component: runtime.target"),
        ("core module", "wasm32-wasip2", "is a core module: runtime.target"),
    ],
)
async def test_a_module_of_another_kind_than_its_target_is_refused(
    caster: Caster, module: str, target: str, words: str
) -> None:
    content = component("texts") if module == "component" else guest("echo")
    answer = await caster.upload(unchecked(fresh_spell(), content, target=target, entry="cast"))
    refused = problem(answer, 422, "PACKAGE_INVALID")
    assert refused["details"]["entry"] == "spell.wasm"
    assert words in refused["message"]


@pytest.mark.parametrize(
    ("target", "bytes_max"),
    [("wasm32-wasip1", MODULE_BYTES_MAX), ("wasm32-wasip2", COMPONENT_BYTES_MAX)],
)
async def test_each_kind_of_module_has_its_own_size_limit(
    caster: Caster, target: str, bytes_max: int
) -> None:
    archive = unchecked(fresh_spell(), bytes(bytes_max + 1), target=target, entry="cast")
    refused = problem(await caster.upload(archive), 422, "PACKAGE_INVALID")
    assert refused["details"]["entry"] == "spell.wasm"
    assert str(bytes_max) in refused["message"]


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("no-such", "exports no 'no-such'"),
        ("count", "has another type than func(inputs: string) -> result<string, string>"),
        ("wasi:cli/run", "exports no wasi:cli/run"),
    ],
)
async def test_a_component_without_a_fitting_entry_is_refused(
    caster: Caster, entry: str, words: str
) -> None:
    archive = unchecked(fresh_spell(), component("texts"), entry=entry, **COMPONENT)
    assert words in problem(await caster.upload(archive), 422, "MODULE_INVALID")["message"]


async def test_an_import_that_is_not_offered_is_refused_by_its_name(caster: Caster) -> None:
    module = wasm('(component (import "wasi:sockets/tcp@0.2.0" (instance)))')
    archive = unchecked(fresh_spell(), module, entry="cast", **COMPONENT)
    refused = problem(await caster.upload(archive), 422, "MODULE_INVALID")
    assert refused["details"]["unknown_import"] == "wasi:sockets/tcp@0.2.0"


async def test_a_command_answers_on_standard_output(caster: Caster) -> None:
    key = fresh_spell()
    archive = unchecked(key, component("surroundings"), entry="wasi:cli/run", **COMPONENT)
    await caster.publish(archive)
    cast = await caster.ended(key, {"word": "é"})
    assert (cast["status"], cast["result"]) == ("succeeded", {"word": "é"})
    assert cast["usage"]["host_calls"] > 0


async def test_what_a_function_prints_is_its_log_and_not_its_output(caster: Caster) -> None:
    key = fresh_spell()
    await caster.publish(unchecked(key, component("surroundings"), entry="print", **COMPONENT))
    cast = await caster.ended(key, {"word": "é"})
    assert cast["problem"]["code"] == "OUTPUT_INVALID"
    assert (await caster.get(cast["links"]["logs"])).text == '{"word":"é"}'


@pytest.mark.skipif(not COMPONENTIZE_PY.exists(), reason="componentize-py is not installed")
@pytest.mark.timeout(180)
async def test_a_component_of_18_megabytes_in_python_finds_a_trend(
    platform: WholePlatform, tmp_path: Path
) -> None:
    """Goal: the largest module that a toolchain makes comes through every door.

    Method: build the example, publish its folder and cast it, as a maker would.
    """
    folder = tmp_path / "trends"
    shutil.copytree(EXAMPLES / "trends", folder)
    await _build(folder)
    assert (folder / "spell.wasm").stat().st_size > 3 * MODULE_BYTES_MAX
    shell = Shell.of(await platform.new_caster(10_000_000), tmp_path)
    await shell.json("sbom", "generate", str(folder))
    assert (await shell.json("publish", "--sign", str(folder)))["created"] is True
    cast = await shell.json("cast", "com.example.trends", str(folder / "inputs.json"))
    assert (cast["status"], cast["cost"]["micros"]) == ("succeeded", 1000)
    assert cast["result"]["rows"] == 500
    counts = [group["count"] for group in cast["result"]["groups"]]
    assert sum(counts) == 500
    assert all(abs(group["trend"]["correlation"]) < 1 for group in cast["result"]["groups"])
    refused = json.loads((folder / "inputs.json").read_text()) | {"value": "product"}
    said = await shell.spell("cast", "com.example.trends", "-", stdin=json.dumps(refused).encode())
    assert said.code == 1
    assert "SPELL_FAILED" in said.stderr


async def _build(folder: Path) -> None:
    """Make the module as `examples/Makefile` does."""
    process = await asyncio.create_subprocess_exec(
        *(str(COMPONENTIZE_PY), "--quiet", "--wit-path", str(EXAMPLES / "wit")),
        *("--world", "spell", "componentize", "--stub-wasi", "--python-path", "src", "trends"),
        *("--output", "spell.wasm"),
        cwd=folder,
    )
    assert await asyncio.wait_for(process.wait(), 100) == 0

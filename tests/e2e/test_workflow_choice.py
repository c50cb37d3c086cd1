"""Goal: a caster gets the mode that was asked for, or a fallback that cannot run anything twice.

Method: spells that offer both modes, cast over the api and with the command `spell`.
"""

import json
from pathlib import Path
from typing import Any

from tests.modules.guests import guest
from tests.support.e2e import Caster, Json, problem
from tests.support.e2e_cli import Shell
from tests.support.workflow_mode import CREDIT, ActionsSpell, Case, LocalActions

# What it is told, which fits the schema of what it says.
IN_SERVICE = "in the sandbox"


async def both(github: LocalActions, **execution: Any) -> tuple[ActionsSpell, Case]:
    """A spell that offers both modes, and inputs that each of them answers in its own way."""
    owner = f"owner-{execution['mode']}"
    await github.own(owner)
    spell = await github.spell(owner, module=guest("echo"), execution=execution)
    return spell, spell.case(said=IN_SERVICE)


async def test_the_command_casts_in_the_mode_that_it_is_given(
    caster: Caster, github: LocalActions, tmp_path: Path
) -> None:
    spell, case = await both(github, mode="service")
    (tmp_path / "inputs.json").write_text(json.dumps(case.inputs))
    shell = Shell.of(caster, tmp_path)
    cast = ("cast", spell.key, "inputs.json")
    first = await shell.json(*cast)
    assert (first["mode"], first["result"]["said"]) == ("service", IN_SERVICE)
    assert await spell.runs() == []
    said = await shell.spell(*cast, "--mode", "workflow", "--out", "result.json")
    assert said.code == 0, said
    assert "event    settled status=succeeded" in said.stderr + said.stdout
    assert json.loads((tmp_path / "result.json").read_text()) == {"said": "done"}
    assert len(case.executions) == 1
    await spell.the_run()


async def test_the_command_says_how_to_install_the_app(
    caster: Caster, github: LocalActions, tmp_path: Path
) -> None:
    spell, case = await both(github, mode="workflow")
    await github.uninstall(spell)
    (tmp_path / "inputs.json").write_text(json.dumps(case.inputs))
    said = await Shell.of(caster, tmp_path).spell("cast", spell.key, "inputs.json")
    assert said.code != 0
    assert "FORBIDDEN_REPO" in said.stderr
    assert "/apps/spell-platform-local/installations/new" in said.stderr
    assert await caster.credit_left() == CREDIT


async def test_a_declared_fallback_runs_where_github_cannot(
    caster: Caster, github: LocalActions
) -> None:
    spell, case = await both(github, mode="workflow", fallback="service")
    await github.uninstall(spell)
    cast = await caster.ended(spell.key, case.inputs)
    assert (cast["status"], cast["mode"]) == ("succeeded", "service")
    assert cast["result"]["said"] == IN_SERVICE
    why = {"first": "workflow", "mode": "service", "code": "FORBIDDEN_REPO"}
    assert cast["fell_back"] == why
    assert await spell.runs() == []
    assert await caster.open_holds() == 0
    assert await caster.credit_left() == CREDIT - cast["cost"]["micros"]

    named = await caster.cast(spell.key, case.inputs, mode="workflow")
    problem(named, 403, "FORBIDDEN_REPO")


async def test_nothing_falls_back_once_it_may_have_run(
    caster: Caster, github: LocalActions
) -> None:
    spell, _ = await both(github, mode="workflow", fallback="service")
    case = spell.case(fails=True, said=IN_SERVICE)
    cast: Json = await caster.ended(spell.key, case.inputs)
    assert (cast["status"], cast["mode"], cast["fell_back"]) == ("failed", "workflow", None)
    assert cast["problem"]["code"] == "SPELL_FAILED"
    assert len(case.executions) == 1

"""Goal: the workflows and folders that makers copy are safe and fit the command."""

import re
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from hatchling.builders.wheel import WheelBuilder

from cli.main import app
from cli.scaffold import Language
from tests.architecture.source import ROOT, relative

TEMPLATES = ROOT / "cli" / "templates"
WORKFLOWS = TEMPLATES / "every" / "dot-github" / "workflows"
EXAMPLES = ROOT / "examples" / "github-actions"
PUBLISH = EXAMPLES / "publish-spell.yml"
CALLERS = [EXAMPLES / f"publish-{language}.yml" for language in Language]
RUN_BY_CASTS = [
    ROOT / "examples" / "actions-report" / ".github" / "workflows" / "report.yml",
    TEMPLATES / "workflow" / "dot-github" / "workflows" / "@NAME@.yml.template",
]
MAY_SIGN = {"contents": "read", "id-token": "write"}


def document(path: Path) -> dict[str, Any]:
    read = yaml.safe_load(path.read_text("utf-8").replace("@NAME@", "name"))
    # YAML 1.1 takes the word for a truth value.
    return {("on" if name is True else name): value for name, value in read.items()}


def steps(path: Path = PUBLISH) -> list[dict[str, Any]]:
    found = [step for job in document(path)["jobs"].values() for step in job.get("steps", [])]
    assert found
    return found


def scripts() -> list[str]:
    return [step["run"] for step in steps() if "run" in step]


def test_the_examples_are_what_a_new_spell_gets() -> None:
    template = (WORKFLOWS / "publish.yml.template").read_text("utf-8")
    assert PUBLISH.read_text("utf-8") == (WORKFLOWS / "publish-spell.yml.template").read_text()
    for language, path in zip(Language, CALLERS, strict=True):
        assert path.read_text("utf-8") == template.replace("@LANGUAGE@", language.value)
    assert set(EXAMPLES.glob("*.yml")) == {PUBLISH, *CALLERS}


def test_the_interface_of_components_is_one() -> None:
    wit = (ROOT / "examples" / "wit" / "spell.wit").read_text("utf-8")
    copies = sorted(TEMPLATES.rglob("spell.wit.template"))
    assert len(copies) == 2
    assert [relative(path) for path in copies if path.read_text("utf-8") != wit] == []


def test_the_workflow_is_only_called_and_its_callers_run_for_tags_alone() -> None:
    assert set(document(PUBLISH)["on"]) == {"workflow_call"}
    for path in CALLERS:
        assert document(path)["on"] == {"push": {"tags": ["v*"]}}


def test_permissions_are_the_least() -> None:
    publish = document(PUBLISH)
    assert publish["permissions"] == {}
    permissions = {name: job["permissions"] for name, job in publish["jobs"].items()}
    assert permissions == {"build": {"contents": "read"}, "publish": MAY_SIGN}
    for path in CALLERS:
        assert document(path)["permissions"] == {}
        assert [job["permissions"] for job in document(path)["jobs"].values()] == [MAY_SIGN]


def test_the_job_that_builds_has_no_key_and_the_one_with_the_key_builds_nothing() -> None:
    jobs = document(PUBLISH)["jobs"]
    assert "secrets." not in yaml.safe_dump(jobs["build"])
    with_key = [step for step in jobs["publish"]["steps"] if "secrets." in str(step)]
    assert [step["run"] for step in with_key] == ['spell publish "$FOLDER"']
    ran = "\n".join(step.get("run", "") for step in jobs["publish"]["steps"])
    assert "spell sign" in ran
    assert not re.search(r"spell build|npm|cargo|rustup|requirements\.txt", ran)


def test_every_action_is_pinned_by_a_commit_and_says_its_version() -> None:
    lines = [line for line in PUBLISH.read_text("utf-8").splitlines() if "uses:" in line]
    assert len(lines) > 4
    pin = re.compile(r" +uses: actions/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
    assert [line for line in lines if pin.fullmatch(line) is None] == []


@pytest.mark.parametrize("path", RUN_BY_CASTS, ids=lambda path: path.name)
def test_a_workflow_that_casts_run_has_no_permission_but_to_read(path: Path) -> None:
    told = document(path)
    assert told["permissions"] == {"contents": "read"}
    assert [job for job in told["jobs"].values() if "permissions" in job] == []
    scripts = [step["run"] for step in steps(path) if "run" in step]
    assert scripts
    assert [script for script in scripts if "${{" in script] == []
    checkouts = [step for step in steps(path) if "checkout" in step.get("uses", "")]
    assert [step["with"]["persist-credentials"] for step in checkouts] == [False]
    assert [job["timeout-minutes"] for job in told["jobs"].values()] == [5]


def test_checkouts_keep_no_credentials() -> None:
    checkouts = [step for step in steps() if step.get("uses", "").startswith("actions/checkout")]
    assert checkouts
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_no_value_of_a_caller_is_put_into_a_script() -> None:
    assert [script for script in scripts() if "${{" in script] == []


@pytest.mark.parametrize("script", scripts())
def test_a_script_is_one_that_bash_can_read(script: str) -> None:
    checked = subprocess.run(
        ["bash", "-n"], input=script, text=True, capture_output=True, check=False
    )
    assert checked.returncode == 0, checked.stderr


def test_the_pin_of_the_command_is_checked() -> None:
    (script,) = {script for script in scripts() if "cli-commit" in script}
    for commit, code in (("a1" * 20, 0), ("0" * 40, 1), ("main", 1), ("a1" * 19, 1), ("", 1)):
        environment = {"COMMIT": commit, "PATH": "/usr/bin:/bin"}
        ended = subprocess.run(
            ["bash", "-e", "-c", script], env=environment, capture_output=True, check=False
        )
        assert ended.returncode == code, commit


def _command(words: list[str]) -> Any:
    """The command that a line begins with."""
    found: Any = typer.main.get_command(app)
    for word in words:
        below = getattr(found, "commands", {})
        if word not in below:
            break
        found = below[word]
    return found


def test_the_commands_of_workflow_and_readme_exist_with_their_options() -> None:
    readmes = [*TEMPLATES.rglob("README.md.template"), EXAMPLES.parent / "actions-report/README.md"]
    assert len(readmes) == 3
    text = "".join(path.read_text("utf-8") for path in readmes)
    lines = re.findall(r"^ *(?:run: )?spell ([a-z].*?)(?: +#.*)?$", text, re.MULTILINE)
    lines += [line.split("spell ", 1)[1] for line in scripts() if line.startswith("spell ")]
    assert len(lines) > 6
    for line in lines:
        command = _command(line.split())
        assert not getattr(command, "commands", None), f"spell {line}: no such command"
        known = {option for parameter in command.params for option in parameter.opts}
        used = re.findall(r"(?<=\s)--?[a-z][a-z-]*", line)
        assert [option for option in used if option not in known] == [], line


def test_the_wheel_has_every_template(tmp_path: Path) -> None:
    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    templates = {relative(path) for path in TEMPLATES.rglob("*") if path.is_file()}
    assert len(templates) > 20
    assert templates - names == set()
    assert [name for name in templates if not name.endswith(".template")] == []

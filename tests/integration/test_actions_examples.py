"""Goal: what makers copy runs as it is. Method: push the folders to the local GitHub, run a cast.

The workflow files are executed by `act`; the platform's own adapter dispatches and fetches.
"""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from infra.schema_checker import KillableSchemaChecker
from schema.canonical import canonical_json
from tests.support.actions_casts import Left, push, run_once
from tests.support.command import spell
from tests.support.e2e_cli import EXAMPLES
from tests.support.local_github import LocalGitHub, local_github

REPORT = EXAMPLES / "actions-report"
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LocalGitHub]:
    with local_github(tmp_path / "github") as started:
        yield started


def cast(server: LocalGitHub, folder: Path, inputs: Any) -> Left:
    """A cast: its inputs are canonical and fit the schema, and so does its output."""
    content = canonical_json(inputs)
    assert faults(folder, "input", content) == []
    push(server, folder)
    left = run_once(server, folder, content)
    if left.look.conclusion == "success":
        assert left.output is not None
        assert faults(folder, "output", left.output) == []
    return left


def faults(folder: Path, which: Any, content: bytes) -> list[Any]:
    async def check() -> list[Any]:
        async with KillableSchemaChecker(children=1) as checker:
            schemas = (folder / "schema.json").read_bytes()
            await checker.check_schemas(schemas)
            return list(await checker.violations(schemas, which, content))

    return asyncio.run(check())


def report_inputs(**changes: Any) -> Any:
    return {**json.loads((REPORT / "inputs.json").read_text()), **changes}


def test_the_report_gives_a_result_a_page_a_chart_and_a_table(server: LocalGitHub) -> None:
    left = cast(server, REPORT, report_inputs())
    assert left.look.conclusion == "success", left.logs
    assert left.output is not None
    output = json.loads(left.output)
    assert (output["title"], output["rows"], output["left_out"]) == (
        "Revenue of the third quarter",
        12,
        1,
    )
    assert [(group["name"], group["sum"]) for group in output["groups"]] == [
        ("East", 6340.5),
        ("North", 3965.75),
        ("South", 2865.75),
        ("West", 645.1),
    ]
    assert output["total"] == 13817.1
    assert set(left.artifacts) == {"report.html", "data/chart.svg", "data/groups.csv"}
    assert left.artifacts["data/groups.csv"].decode().splitlines()[:2] == [
        "region,rows,revenue",
        "East,3,6340.5",
    ]
    chart = ET.fromstring(left.artifacts["data/chart.svg"])
    assert len(chart.findall(f"{SVG}rect")) == 4
    page = left.artifacts["report.html"].decode()
    assert left.artifacts["data/chart.svg"].decode() in page
    assert "1 rows had no number" in page


def test_names_from_a_table_are_text_on_the_page_and_never_a_command(
    server: LocalGitHub, tmp_path: Path
) -> None:
    name = f"<script>x</script>$(touch {tmp_path}/made)`id`${{{{ github.token }}}}"
    table = f'who,what\n"{name}",-2\n"second ""one""",3\n'
    left = cast(server, REPORT, {"csv": table, "by": "who", "sum": "what", "bars": 1})
    assert left.look.conclusion == "success", left.logs
    assert left.output is not None
    groups = json.loads(left.output)["groups"]
    assert [group["name"] for group in groups] == ['second "one"', name]
    assert not (tmp_path / "made").exists()
    assert b"<script>" not in left.artifacts["report.html"]
    chart = ET.fromstring(left.artifacts["data/chart.svg"])
    assert len(chart.findall(f"{SVG}rect")) == 1


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"sum": "profit"}, "there is no column 'profit'"),
        ({"sum": "month", "by": "region"}, "no row has a number in 'month'"),
        ({"csv": 'region,revenue\n"' + "x" * 140_000 + '",1\n'}, "line "),
    ],
    ids=["no column", "no number", "huge field"],
)
def test_a_table_that_cannot_be_summed_up_fails_with_a_sentence(
    server: LocalGitHub, changes: dict[str, Any], says: str
) -> None:
    left = cast(server, REPORT, report_inputs(**changes))
    assert (left.look.conclusion, left.output, left.artifacts) == ("failure", None, {})
    assert "The table cannot be summed up: " + says in left.logs
    assert "Traceback" not in left.logs


def test_a_new_spell_of_mode_workflow_runs_unmodified(
    server: LocalGitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert spell(monkeypatch, "new", "say-hi", "--mode", "workflow", "--repo", "acme/hi") == 0
    left = cast(server, tmp_path / "say-hi", {"name": 'Ada "the first" <Lovelace>'})
    assert left.look.conclusion == "success", left.logs
    assert left.output is not None
    assert json.loads(left.output) == {"greeting": 'Hello, Ada "the first" <Lovelace>!'}
    card = ET.fromstring(left.artifacts["card.svg"])
    assert card.findtext(f"{SVG}text") == 'Hello, Ada "the first" <Lovelace>!'

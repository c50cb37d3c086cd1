"""Goal: whoever meets a workflow or an activity finds its name, its rules and its page."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.architecture.source import (
    DOCS,
    ROOT,
    classes_in,
    decorator_call,
    imported_modules,
    keyword_text,
    last_name,
    methods_of,
    place,
    python_files,
    tree_of,
)

WORKFLOW_LINES = ("Id:", "Messages:", "Undo:", "Never:")
ACTIVITY_LINES = ("Effect:", "Same twice:", "Gives up on:", "Heartbeat:")
MESSAGES = ("workflow.update", "workflow.signal", "workflow.query")

# Their workflow twins are replayed; these are not.
FORBIDDEN_MODULES = {"time", "random", "uuid", "secrets", "os", "socket", "threading"}
FORBIDDEN_CALLS = {
    *("now", "utcnow", "today", "time", "time_ns", "monotonic", "perf_counter"),
    *("uuid1", "uuid4", "random", "randint", "urandom", "getenv"),
    *("wait", "as_completed", "run_in_executor", "to_thread"),
}


@dataclass(frozen=True)
class Defined:
    """A workflow class or an activity method, as the source has it."""

    path: Path
    node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    name: str | None
    owner: str

    @property
    def docstring(self) -> str:
        return ast.get_docstring(self.node) or ""

    def __str__(self) -> str:
        return f"{self.owner}.{self.node.name}" if self.owner else self.node.name


def _workflows() -> Iterator[Defined]:
    for path in python_files("workflows"):
        for node in classes_in(path):
            call = decorator_call(node, "workflow.defn")
            if call is not None:
                yield Defined(path, node, keyword_text(call, "name"), "")


def _activities() -> Iterator[Defined]:
    for path in python_files("activities"):
        for owner in classes_in(path):
            for node in methods_of(owner):
                call = decorator_call(node, "activity.defn")
                if call is not None:
                    yield Defined(path, node, keyword_text(call, "name"), owner.name)


WORKFLOWS, ACTIVITIES = list(_workflows()), list(_activities())


def _messages(workflow: Defined) -> Iterator[tuple[ast.AST, str | None]]:
    assert isinstance(workflow.node, ast.ClassDef)
    for method in methods_of(workflow.node):
        for kind in MESSAGES:
            call = decorator_call(method, kind)
            if call is not None:
                yield method, keyword_text(call, "name")


def test_the_repository_has_workflows_and_activities() -> None:
    assert {str(workflow) for workflow in WORKFLOWS} >= {"CastSpell", "PublishSpell"}
    assert "BillingActivities.settle" in {str(activity) for activity in ACTIVITIES}


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=str)
def test_a_workflow_has_its_files_name_written_out(workflow: Defined) -> None:
    """Renaming the class must not break histories; the file shows where the name leads."""
    assert workflow.name == workflow.path.stem


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=str)
def test_a_workflows_messages_have_names_written_out(workflow: Defined) -> None:
    unnamed = [place(workflow.path, node) for node, name in _messages(workflow) if not name]
    assert unnamed == []


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=str)
def test_a_workflows_docstring_answers_the_fixed_questions(workflow: Defined) -> None:
    lines = [line.strip() for line in workflow.docstring.splitlines()]
    missing = [word for word in WORKFLOW_LINES if not any(line.startswith(word) for line in lines)]
    assert missing == []
    assert f"docs/workflows/{workflow.path.stem}.md" in workflow.docstring


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=str)
def test_a_workflow_has_a_page_that_names_its_messages_and_activities(workflow: Defined) -> None:
    page = (DOCS / "workflows" / f"{workflow.path.stem}.md").read_text("utf-8")
    words = {name for _, name in _messages(workflow)} | _activities_called_by(workflow)
    assert {word for word in words if f"`{word}`" not in page} == set()


def _activities_called_by(workflow: Defined) -> set[str | None]:
    used = {
        ast.unparse(node) for node in ast.walk(workflow.node) if isinstance(node, ast.Attribute)
    }
    return {activity.name for activity in ACTIVITIES if str(activity) in used}


def test_every_page_of_a_workflow_has_a_workflow() -> None:
    pages = {path.stem for path in (DOCS / "workflows").glob("*.md")}
    assert pages == {workflow.path.stem for workflow in WORKFLOWS}


@pytest.mark.parametrize("activity", ACTIVITIES, ids=str)
def test_an_activity_has_a_name_of_area_and_verb_written_out(activity: Defined) -> None:
    assert activity.name is not None
    assert re.fullmatch(r"[a-z]+\.[a-z_]+", activity.name)
    assert activity.name == f"{activity.path.stem}.{activity.node.name}"


@pytest.mark.parametrize("activity", ACTIVITIES, ids=str)
def test_an_activitys_docstring_answers_the_fixed_questions(activity: Defined) -> None:
    lines = [line.strip() for line in activity.docstring.splitlines()]
    missing = [word for word in ACTIVITY_LINES if not any(line.startswith(word) for line in lines)]
    assert missing == []


def test_names_are_used_once() -> None:
    names = [defined.name for defined in (*WORKFLOWS, *ACTIVITIES)]
    assert len(names) == len(set(names))


def test_the_workers_run_every_workflow_and_every_activity() -> None:
    nodes = [node for path in python_files("workers") for node in ast.walk(tree_of(path))]
    loaded = {last_name(node) for node in nodes}
    listed = {
        last_name(element)
        for call in nodes
        if isinstance(call, ast.Call) and last_name(call.func) == "Worker"
        for keyword in call.keywords
        if keyword.arg in ("workflows", "activities") and isinstance(keyword.value, ast.List)
        for element in keyword.value.elts
    }
    assert {workflow.node.name for workflow in WORKFLOWS} - listed == set()
    assert {activity.node.name for activity in ACTIVITIES} - listed == set()
    assert {activity.owner for activity in ACTIVITIES} - loaded == set()


def _texts_of_infra(suffix: str) -> dict[str, str]:
    """Constants such as `CAST_WORKFLOW = "cast_spell"`."""
    return {
        target.id: node.value.value
        for path in python_files("infra")
        for node in tree_of(path).body
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
        for target in node.targets
        if isinstance(target, ast.Name) and target.id.endswith(suffix)
    }


def test_infra_starts_workflows_by_the_names_that_they_have() -> None:
    """`workflows` and `infra` do not import each other, so names are written twice."""
    named = {workflow.name for workflow in WORKFLOWS}
    started = _texts_of_infra("_WORKFLOW")
    assert {"CAST_WORKFLOW", "PUBLISH_WORKFLOW"} <= set(started)
    assert {name: text for name, text in started.items() if text not in named} == {}


def test_infra_sends_updates_by_the_names_that_they_have() -> None:
    known = {name for workflow in WORKFLOWS for _, name in _messages(workflow)}
    sent = _texts_of_infra("_UPDATE")
    assert {"ADMIT_UPDATE", "CANCEL_UPDATE"} <= set(sent)
    assert {name: text for name, text in sent.items() if text not in known} == {}


def test_the_package_of_workflows_is_empty() -> None:
    """It runs again for every sandboxed workflow instance (design/style.md 2, measured)."""
    assert (ROOT / "workflows" / "__init__.py").read_text("utf-8") == ""


def test_workflows_import_no_clock_and_no_chance() -> None:
    found = [
        f"{place(path, node)} {name}"
        for path in python_files("workflows")
        for node, name in imported_modules(tree_of(path))
        if name.partition(".")[0] in FORBIDDEN_MODULES
    ]
    assert found == []


def test_workflows_call_no_clock_and_no_chance() -> None:
    found = [
        f"{place(path, node)} {ast.unparse(node.func)}"
        for path in python_files("workflows")
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call)
        and last_name(node.func) in FORBIDDEN_CALLS
        and not ast.unparse(node.func).startswith("workflow.")
    ]
    assert found == []

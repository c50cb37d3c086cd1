"""What the file of a GitHub Actions workflow must say, so that casts can be dispatched to it."""

import re
from collections.abc import Iterator

from schema.contracts.plans import ActionsTarget, Dispatch
from schema.contracts.repositories import WorkflowFacts
from schema.packaging.toml_lines import Path

CAST_ID_INPUT = "cast_id"
INPUTS_URL_INPUT = "inputs_url"
INPUTS = (CAST_ID_INPUT, INPUTS_URL_INPUT)
"""What a dispatch gives: as inputs, or as the client payload."""

_SECTION: Path = ("execution", "workflow")
_EXPRESSION = re.compile(r"\$\{\{\s*(\S+)\s*\}\}")
_RUN_NAMES = {
    Dispatch.WORKFLOW: ("inputs.cast_id", "github.event.inputs.cast_id"),
    Dispatch.REPOSITORY: ("github.event.client_payload.cast_id",),
}


def workflow_faults(target: ActionsTarget, facts: WorkflowFacts) -> Iterator[tuple[Path, str]]:
    """What is in the way, each with the member of the manifest that names the culprit."""
    if target.dispatch.value not in facts.triggers:
        message = f"needs `on: {target.dispatch.value}` in {target.workflow}, which has none"
        yield (*_SECTION, "dispatch"), message
    elif target.dispatch is Dispatch.WORKFLOW:
        yield from _input_faults(target.workflow, facts.inputs)
    if not _names_the_cast(target.dispatch, facts.run_name):
        wanted = _RUN_NAMES[target.dispatch][0]
        message = f"needs `run-name: ${{{{ {wanted} }}}}` and nothing else in {target.workflow}"
        yield (*_SECTION, "workflow"), message


def _input_faults(file: str, inputs: dict[str, bool]) -> Iterator[tuple[Path, str]]:
    for name in INPUTS:
        if name not in inputs:
            yield (*_SECTION, "workflow"), f"needs the input {name} of workflow_dispatch in {file}"
    for name, required in inputs.items():
        if required and name not in INPUTS:
            message = f"must not require the input {name} in {file}: casts give {', '.join(INPUTS)}"
            yield (*_SECTION, "workflow"), message


def _names_the_cast(dispatch: Dispatch, run_name: str | None) -> bool:
    """A run is found again by its name: it is the cast id, whole."""
    match = _EXPRESSION.fullmatch((run_name or "").strip())
    return match is not None and match.group(1) in _RUN_NAMES[dispatch]

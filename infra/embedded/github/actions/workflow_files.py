"""What a workflow file says of itself: name, triggers, inputs, run-name, time limits."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from infra.embedded.github.actions.expressions import ExpressionError, fill
from infra.embedded.github.actions.yaml_reading import read_yaml

INPUTS_MAX = 25
MATRIX_JOBS_MAX = 256
_FILES_KEPT = 64
FILE_BYTES_MAX = 512 * 1024
_JOB_MINUTES_DEFAULT = 360.0


class WorkflowFileError(ValueError):
    """The file is no workflow."""


class InputsError(ValueError):
    """The inputs of a dispatch are not those that the workflow declares."""


@dataclass(frozen=True)
class WorkflowFile:
    """A parsed workflow file."""

    path: str
    name: str
    run_name: str | None
    triggers: Mapping[str, Any]
    jobs: Mapping[str, Any] = field(default_factory=dict)

    def inputs(self, given: Mapping[str, Any]) -> dict[str, str]:
        """The inputs of a `workflow_dispatch`, completed by defaults.

        Raises:
            InputsError: too many, unknown, missing, or not of the declared choice.
        """
        declared = (self.triggers.get("workflow_dispatch") or {}).get("inputs") or {}
        if len(given) > INPUTS_MAX:
            raise InputsError(f"you may only define up to {INPUTS_MAX} `inputs`")
        unknown = sorted(set(given) - set(declared))
        if unknown:
            raise InputsError(f"Unexpected inputs provided: {unknown}")
        return {
            name: _input(name, declaration or {}, given.get(name))
            for name, declaration in declared.items()
        }

    def title(self, contexts: Mapping[str, Any], commit_message: str) -> str:
        """What a run is called: `run-name`, or what GitHub takes without one."""
        if not self.run_name:
            return self.name if "workflow_dispatch" in self.triggers else commit_message
        try:
            return fill(self.run_name, contexts).strip() or self.name
        except ExpressionError:
            return self.name

    def wants(self, event: str, kind: str | None = None) -> bool:
        """Whether the event (of a kind, for `repository_dispatch`) starts a run."""
        if event not in self.triggers:
            return False
        kinds = (self.triggers[event] or {}).get("types")
        return kind is None or not kinds or kind in kinds

    def seconds_max(self, job_id: str) -> float:
        """The job's `timeout-minutes`, in seconds."""
        said = (self.jobs.get(job_id) or {}).get("timeout-minutes", _JOB_MINUTES_DEFAULT)
        return float(said) * 60 if isinstance(said, (int, float)) else _JOB_MINUTES_DEFAULT * 60

    def labels(self) -> set[str]:
        """The runner labels that its jobs ask for, as far as they are plain words."""
        found = {"ubuntu-latest", "ubuntu-24.04", "ubuntu-22.04", "self-hosted"}
        for job in self.jobs.values():
            wanted = (job or {}).get("runs-on")
            found.update(
                label
                for label in ([wanted] if isinstance(wanted, str) else wanted or [])
                if isinstance(label, str) and "${{" not in label and "=" not in label
            )
        return found


@lru_cache(_FILES_KEPT)
def parse(path: str, source: bytes) -> WorkflowFile:
    """Read a workflow file. Raises WorkflowFileError."""
    if len(source) > FILE_BYTES_MAX:
        raise WorkflowFileError(f"{path} is larger than {FILE_BYTES_MAX} bytes.")
    try:
        document = read_yaml(source)
    except ValueError as error:
        raise WorkflowFileError(f"{path} is not YAML: {error}") from None
    if not isinstance(document, dict) or not _are_objects(document.get("jobs")):
        raise WorkflowFileError(f"{path} has no jobs.")
    for job_id, job in document["jobs"].items():
        if _matrix_jobs(job or {}) > MATRIX_JOBS_MAX:
            raise WorkflowFileError(f"{path}: the matrix of {job_id} has too many jobs.")
    name, run_name = document.get("name"), document.get("run-name")
    return WorkflowFile(
        path=path,
        name=str(name) if name else path,
        run_name=str(run_name) if run_name else None,
        # YAML 1.1 reads the key `on` as true.
        triggers=_triggers(document.get("on", document.get(True))),
        jobs=document["jobs"],
    )


def _are_objects(said: Any) -> bool:
    """Whether it is an object of objects, as far as they are said."""
    return isinstance(said, dict) and all(
        isinstance(value, dict) or value is None for value in said.values()
    )


def _matrix_jobs(job: Mapping[str, Any]) -> int:
    """How many jobs a matrix makes of one, as far as it is written out."""
    strategy = job.get("strategy")
    matrix = strategy.get("matrix") if isinstance(strategy, dict) else None
    if not isinstance(matrix, dict):
        return 1
    lists = [values for values in matrix.values() if isinstance(values, list)]
    return math.prod(max(1, len(values)) for values in lists)


def _triggers(said: Any) -> dict[str, Any]:
    if isinstance(said, str):
        return {said: None}
    if isinstance(said, list):
        return {str(event): None for event in said}
    if not isinstance(said, dict):
        return {}
    ours = [said.get(event) or {} for event in ("workflow_dispatch", "repository_dispatch")]
    if not all(isinstance(one, dict) and _are_objects(one.get("inputs") or {}) for one in ours):
        raise WorkflowFileError("What starts the workflow is not written as objects.")
    return {str(event): value for event, value in said.items()}


def _input(name: str, declaration: Mapping[str, Any], given: Any) -> str:
    value = declaration.get("default") if given is None else given
    if value is None or value == "":
        if declaration.get("required"):
            raise InputsError(f"Required input '{name}' not provided")
        return ""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if declaration.get("type") == "choice" and text not in map(
        str, declaration.get("options") or []
    ):
        raise InputsError(f"Provided value '{text}' for input '{name}' not in the list of options")
    if declaration.get("type") == "boolean" and text not in {"true", "false"}:
        raise InputsError(f"Provided value '{text}' for input '{name}' is not a boolean")
    return text

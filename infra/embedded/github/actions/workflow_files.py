"""What a workflow file says of itself: name, triggers, inputs, run-name, time limits."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from infra.embedded.github.actions.expressions import ExpressionError, fill

INPUTS_MAX = 25
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


def parse(path: str, source: bytes) -> WorkflowFile:
    """Read a workflow file. Raises WorkflowFileError."""
    if len(source) > FILE_BYTES_MAX:
        raise WorkflowFileError(f"{path} is larger than {FILE_BYTES_MAX} bytes.")
    try:
        document = yaml.safe_load(source)
    except (yaml.YAMLError, UnicodeDecodeError, ValueError) as error:
        raise WorkflowFileError(f"{path} is not YAML: {error}") from None
    if not isinstance(document, dict) or not isinstance(document.get("jobs"), dict):
        raise WorkflowFileError(f"{path} has no jobs.")
    name, run_name = document.get("name"), document.get("run-name")
    return WorkflowFile(
        path=path,
        name=str(name) if name else path,
        run_name=str(run_name) if run_name else None,
        # YAML 1.1 reads the key `on` as true.
        triggers=_triggers(document.get("on", document.get(True))),
        jobs=document["jobs"],
    )


def _triggers(said: Any) -> dict[str, Any]:
    if isinstance(said, str):
        return {said: None}
    if isinstance(said, list):
        return {str(event): None for event in said}
    return {str(event): value for event, value in said.items()} if isinstance(said, dict) else {}


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

"""Reading the files of GitHub Actions workflows: strangers' YAML, so bounded before it is built."""

from typing import Any

import yaml

from schema.contracts.repositories import WorkflowFacts

BYTES_MAX = 128 * 1024
EVENTS_MAX = 20_000
DEPTH_MAX = 40
ALIASES_MAX = 16
"""An alias costs what it stands for, and one may stand for many of another."""


class YamlWorkflowFiles:
    """Reads what a file says of how it is started. Fits the port `WorkflowFiles`."""

    def read(self, source: bytes) -> WorkflowFacts:
        """What the file says.

        Raises:
            ValueError: it is no YAML document of a workflow, or beyond the bounds.
        """
        if len(source) > BYTES_MAX:
            raise ValueError(f"is larger than {BYTES_MAX} bytes")
        try:
            _check_bounds(source)
            document = yaml.safe_load(source)
        except (yaml.YAMLError, RecursionError, UnicodeDecodeError) as error:
            raise ValueError("is no valid YAML") from error
        if not isinstance(document, dict):
            raise ValueError("is no mapping")  # noqa: TRY004  (of the file, not of a program)
        # YAML 1.1 reads the word `on` as true.
        triggers = document.get("on", document.get(True))
        run_name = document.get("run-name")
        return WorkflowFacts(
            triggers=_names(triggers),
            inputs=_inputs(triggers),
            run_name=run_name if isinstance(run_name, str) else None,
        )


def _check_bounds(source: bytes) -> None:
    depth = aliases = 0
    for count, event in enumerate(yaml.parse(source, Loader=yaml.SafeLoader)):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        aliases += isinstance(event, yaml.AliasEvent)
        if count > EVENTS_MAX or depth > DEPTH_MAX or aliases > ALIASES_MAX:
            raise ValueError("is too large, nested too deep, or has too many aliases")


def _names(triggers: Any) -> list[str]:
    if isinstance(triggers, str):
        return [triggers]
    if isinstance(triggers, list | dict):
        return [str(name) for name in triggers]
    return []


def _inputs(triggers: Any) -> dict[str, bool]:
    """The inputs of `workflow_dispatch`, and whether each must be given."""
    dispatch = triggers.get("workflow_dispatch") if isinstance(triggers, dict) else None
    inputs = dispatch.get("inputs") if isinstance(dispatch, dict) else None
    if not isinstance(inputs, dict):
        return {}
    return {str(name): _is_required(about) for name, about in inputs.items()}


def _is_required(about: Any) -> bool:
    if not isinstance(about, dict):
        return False
    return about.get("required") is True and about.get("default") is None

"""Whether the workflow file beside a spell is one that casts can be dispatched to."""

from collections.abc import Iterator
from pathlib import Path

from cli.files import read_file
from schema.actions_files import workflow_faults
from schema.contracts.plans import ActionsTarget

WORKFLOWS = Path(".github", "workflows")


def faults_of_workflow(folder: Path, target: ActionsTarget) -> Iterator[str]:
    """What is wrong with it, as the platform will find it in the repository when it is published.

    Raises:
        CliError: it cannot be read.
    """
    from infra.github.workflow_files import BYTES_MAX, YamlWorkflowFiles

    source = read_file(folder / WORKFLOWS / target.workflow, bytes_max=BYTES_MAX)
    try:
        facts = YamlWorkflowFiles().read(source)
    except ValueError as error:
        yield f"The file {error}."
        return
    for path, message in workflow_faults(target, facts):
        yield f"{'.'.join(map(str, path))} {message}"

"""Repositories that a manifest names, as messages: what is asked, and what a file there says."""

from pydantic import Field

from schema.contracts.base import Contract
from schema.contracts.publish import OpenedPackage, PublishInput


class RepositoriesOrder(Contract):
    """Argument of the step that looks at the repositories that a manifest names."""

    request: PublishInput
    opened: OpenedPackage


class FoundRepositories(Contract):
    """What the repositories that a manifest names are, beyond their names."""

    actions_id: int | None = None
    """GitHub's id of the one that casts are dispatched to."""


class WorkflowFacts(Contract):
    """What the file of a GitHub Actions workflow says of how it is started."""

    triggers: list[str] = Field(default_factory=list)
    """The events under `on`."""
    inputs: dict[str, bool] = Field(default_factory=dict)
    """Those of `workflow_dispatch`, and whether each must be given."""
    run_name: str | None = None
    """As it is written, with its expressions."""

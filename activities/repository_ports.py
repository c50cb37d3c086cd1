"""The roles that the check of a manifest's repositories needs played."""

from typing import Protocol

from schema.contracts.repositories import WorkflowFacts


class RepositoryRights(Protocol):
    """What the GitHub user may do whom an account is connected with."""

    async def own_repository(self, account_id: str, repo: str) -> int | None:
        """GitHub's id of `owner/name`, if that user may push to it; None of all others.

        Raises SpellError: GITHUB_NOT_CONNECTED, MODE_UNAVAILABLE (no GitHub App here),
        SERVICE_UNAVAILABLE, RATE_LIMITED.
        """


class WorkflowSources(Protocol):
    """GitHub, as far as it has the files of its workflows; a part of `ActionsHost`."""

    def workflow_source(self, repo: str, workflow: str, ref: str) -> bytes:
        """The workflow's YAML. Raises SpellError: FORBIDDEN_REPO, WORKFLOW_NOT_FOUND."""


class WorkflowFiles(Protocol):
    """Readers of such files."""

    def read(self, source: bytes) -> WorkflowFacts:
        """What the file says of how it is started. Raises ValueError when it is none."""

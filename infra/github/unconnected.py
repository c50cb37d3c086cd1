"""GitHub where the installation has no App."""

from schema.errors import SpellError


class NoApp:
    """Has no files. Fits `WorkflowSources`."""

    def workflow_source(self, repo: str, workflow: str, ref: str) -> bytes:
        """Raises SpellError: MODE_UNAVAILABLE."""
        del workflow, ref
        raise SpellError("MODE_UNAVAILABLE", details={"repo": repo})

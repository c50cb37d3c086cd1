"""Why a workflow failed, as the error that the rest of us knows."""

from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ApplicationError

from schema.contracts.problem import Problem
from schema.errors import SpellError


def spell_error_of(error: WorkflowFailureError) -> SpellError:
    """The problem that the workflow failed with; `INTERNAL` when it says none."""
    cause = error.cause
    details = cause.details[0] if isinstance(cause, ApplicationError) and cause.details else None
    if isinstance(details, dict):
        return Problem.model_validate(details).to_error()
    return SpellError("INTERNAL")

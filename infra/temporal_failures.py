"""Why a workflow or an update failed, as the error that the rest of us knows."""

from temporalio.client import WorkflowFailureError, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from schema.contracts.problem import Problem
from schema.errors import SpellError, catalogue


def spell_error_of(error: WorkflowFailureError | WorkflowUpdateFailedError) -> SpellError:
    """The problem that it failed with, or the code in the failure's type; else `INTERNAL`."""
    cause = error.cause
    if not isinstance(cause, ApplicationError):
        return SpellError("INTERNAL")
    details = cause.details[0] if cause.details else None
    if isinstance(details, dict):
        return Problem.model_validate(details).to_error()
    if cause.type and cause.type in catalogue():
        return SpellError(cause.type, cause.message)
    return SpellError("INTERNAL")

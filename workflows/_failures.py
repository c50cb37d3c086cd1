"""What a workflow makes of a failure: a problem with a code, and back to a failure."""

import asyncio
from typing import Any

from temporalio import exceptions
from temporalio.exceptions import (
    ApplicationError,
    FailureError,
    is_cancelled_exception,
)

from schema.contracts.problem import Problem
from schema.errors import SpellError, catalogue


def problem_of(error: BaseException) -> Problem:
    """The problem that a failure stands for: its own code, or the platform's fault."""
    if isinstance(error, asyncio.CancelledError) or is_cancelled_exception(error):
        return Problem.of(SpellError("CAST_CANCELLED"))
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ApplicationError) and cause.type in catalogue():
            return _carried(cause) or Problem(code=cause.type, message=cause.message)
        if isinstance(cause, exceptions.TimeoutError):
            return Problem.of(SpellError("SERVICE_UNAVAILABLE", retry_after=5))
        cause = cause.cause if isinstance(cause, FailureError) else None
    return Problem.of(SpellError("INTERNAL"))


def to_failure(problem: Problem) -> ApplicationError:
    """A failure whose type is the problem's code and whose detail is the whole problem."""
    return ApplicationError(
        problem.message, problem.model_dump(mode="json"), type=problem.code, non_retryable=True
    )


def _carried(error: ApplicationError) -> Problem | None:
    """The whole problem, where the failure carries one."""
    details: Any = error.details[0] if error.details else None
    return Problem.model_validate(details) if isinstance(details, dict) else None

"""How errors with a code become Temporal failures and back: the code is the failure type."""

from temporalio.exceptions import ApplicationError

from schema.contracts.problem import Problem
from schema.errors import SpellError


def to_failure(error: SpellError, *, for_good: bool = False) -> ApplicationError:
    """The failure for an error; what a repetition cannot mend (or is `for_good`) is not retried."""
    return ApplicationError(
        error.message,
        Problem.of(error).model_dump(mode="json"),
        type=error.code,
        non_retryable=for_good or not error.kind.retryable,
    )

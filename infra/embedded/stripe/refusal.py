"""Refusals in the form of Stripe's errors."""

from typing import Any


class RefusedError(Exception):
    """A request that Stripe would refuse.

    Args:
        message: what a developer reads.
        status: of the answer.
        kind: `type` of the error; stripe-python picks its exception by it and the status.
        error_code: `code` of the error, such as `resource_missing`.
        parameter: what of the request is wrong.
        more: other members of the error: `decline_code`, `payment_intent` …
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        kind: str = "invalid_request_error",
        error_code: str | None = None,
        parameter: str | None = None,
        **more: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        error = {"message": message, "type": kind, "code": error_code, "param": parameter, **more}
        self.document: dict[str, Any] = {
            "error": {name: value for name, value in error.items() if value is not None}
        }


def missing(kind: str, identifier: str) -> RefusedError:
    """The refusal for an id that is not there."""
    message = f"No such {kind}: '{identifier[:255]}'"
    return RefusedError(message, status=404, error_code="resource_missing", parameter="id")

"""Answers that say no, in GitHub's form."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

DOCUMENTATION = "https://docs.github.com/rest"


class RefusedError(Exception):
    """An answer other than success.

    Args:
        status: the HTTP status.
        message: what GitHub would say.
        headers: more headers, such as `retry-after`.
    """

    def __init__(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or {}


def answer(_: Request, error: Exception) -> JSONResponse:
    """The exception handler of the app."""
    if not isinstance(error, RefusedError):
        raise error
    body: dict[str, Any] = {
        "message": str(error),
        "documentation_url": DOCUMENTATION,
        "status": str(error.status),
    }
    return JSONResponse(body, status_code=error.status, headers=error.headers)

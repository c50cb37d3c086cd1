"""Answers that say no, in GitHub's form."""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

DOCUMENTATION = "https://docs.github.com/rest"


class RefusedError(Exception):
    """An answer other than success.

    Args:
        status: the HTTP status.
        message: what GitHub would say.
        headers: more headers, such as `retry-after`.
        errors: what is wrong, for programs.
    """

    def __init__(
        self,
        status: int,
        message: str,
        headers: Mapping[str, str] | None = None,
        errors: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = dict(headers or {})
        self.errors = errors


def refusal(
    status: int,
    message: str,
    headers: Mapping[str, str] | None = None,
    errors: Sequence[Mapping[str, Any]] = (),
) -> JSONResponse:
    """The answer itself."""
    body: dict[str, Any] = {"message": message}
    if errors:
        body["errors"] = list(errors)
    body |= {"documentation_url": DOCUMENTATION, "status": str(status)}
    return JSONResponse(body, status, headers)


def answer(_: Request, error: Exception) -> JSONResponse:
    """The exception handler of the app."""
    if not isinstance(error, RefusedError):
        raise error
    return refusal(error.status, str(error), error.headers, error.errors)


def no_such_route(_: Request, error: Exception) -> JSONResponse:
    """What GitHub says where it has no route, or none of that verb."""
    if not isinstance(error, HTTPException):
        raise error
    if error.status_code in {404, 405}:
        return refusal(404, "Not Found")
    return refusal(error.status_code, str(error.detail), error.headers)


def not_fitting(_: Request, error: Exception) -> JSONResponse:
    """What GitHub says to parameters that do not fit: of an address 404, of a body 400 or 422."""
    if not isinstance(error, RequestValidationError):
        raise error
    places = [tuple(map(str, one["loc"])) for one in error.errors()]
    if any(place[0] == "path" for place in places):
        return refusal(404, "Not Found")
    if any(one["type"] == "json_invalid" for one in error.errors()):
        return refusal(400, "Problems parsing JSON")
    said = "\n".join(f"{'.'.join(place[1:])}: does not fit" for place in places)
    return refusal(422, f"Invalid request.\n\n{said}")

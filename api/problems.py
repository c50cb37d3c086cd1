"""Errors as RFC 9457 problem documents, from the one catalogue."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from schema.errors import SpellError, catalogue

MEDIA_TYPE = "application/problem+json"
OPENAPI_RESPONSE: dict[str, Any] = {
    "description": "A problem document (RFC 9457); `code` is from the catalogue",
    "content": {
        MEDIA_TYPE: {
            "schema": {
                "type": "object",
                "required": ["code", "message", "status", "retryable", "charged", "request_id"],
                "properties": {
                    "type": {"type": "string"},
                    "title": {"type": "string"},
                    "status": {"type": "integer"},
                    "code": {"type": "string", "enum": list(catalogue())},
                    "message": {"type": "string"},
                    "remedy": {"type": "string"},
                    "details": {"type": "object"},
                    "retry_after": {"type": ["integer", "null"]},
                    "retryable": {"type": "boolean"},
                    "charged": {"type": "boolean"},
                    "request_id": {"type": "string"},
                    "docs": {"type": "string"},
                },
            }
        }
    },
}

_CODE_OF_STATUS = {404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED", 415: "UNSUPPORTED_MEDIA_TYPE"}


def problem_response(
    request: Request, error: SpellError, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """The answer for an error, with what to do about it."""
    headers = dict(headers or {})
    if error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after)
    if error.kind.status == 401:  # noqa: PLR2004
        headers["WWW-Authenticate"] = "Bearer"
    if error.code == "RANGE_NOT_SATISFIABLE":
        headers["Content-Range"] = f"bytes */{error.details['bytes']}"
    return JSONResponse(
        problem_document(error, request_id_of(request)),
        status_code=error.kind.status,
        headers=headers,
        media_type=MEDIA_TYPE,
    )


def problem_document(error: SpellError, request_id: str) -> dict[str, Any]:
    """The members of a problem document (product.md 8)."""
    anchor = anchor_of(error.code)
    return {
        "type": f"/docs/errors#{anchor}",
        "title": error.kind.title,
        "status": error.kind.status,
        "code": error.code,
        "message": error.message,
        "remedy": error.kind.remedy,
        "details": error.details,
        "retry_after": error.retry_after,
        "retryable": error.kind.retryable,
        "charged": False,
        "request_id": request_id,
        "docs": f"/docs/errors#{anchor}",
    }


def anchor_of(code: str) -> str:
    """Where the error page explains a code."""
    return code.lower().replace("_", "-")


def request_id_of(request: Request) -> str:
    """The id that the middleware gave this request."""
    return str(getattr(request.state, "request_id", ""))


def validation_error(errors: list[Any]) -> SpellError:
    """A VALIDATION_ERROR from pydantic's list: where and what, never the value itself."""
    shown = [
        {"path": "/" + "/".join(str(part) for part in item["loc"]), "message": item["msg"]}
        for item in errors[:20]
    ]
    return SpellError("VALIDATION_ERROR", details={"errors": shown})


def install(app: FastAPI) -> None:
    """Make every error leave as a problem document."""

    @app.exception_handler(SpellError)
    async def _spell_error(request: Request, error: SpellError) -> JSONResponse:
        return problem_response(request, error)

    @app.exception_handler(RequestValidationError)
    async def _bad_request(request: Request, error: RequestValidationError) -> JSONResponse:
        return problem_response(request, validation_error(list(error.errors())))

    @app.exception_handler(ValidationError)
    async def _bad_body(request: Request, error: ValidationError) -> JSONResponse:
        return problem_response(request, validation_error(list(error.errors())))

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> JSONResponse:
        code = _CODE_OF_STATUS.get(error.status_code, "INTERNAL")
        # Among the headers is `Allow`, which the remedy of a 405 speaks of.
        return problem_response(request, SpellError(code), error.headers)

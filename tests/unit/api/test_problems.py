"""Problem documents: one shape for every code, and never what a stranger sent."""

import json
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request, Response
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.responses import StreamingResponse

from api import problems
from api.middleware import LastResort, RequestIds
from api.problems import problem_document, validation_error
from schema.errors import SpellError, catalogue

# product.md 8: the members that every problem has.
MEMBERS = {
    "type",
    "title",
    "status",
    "code",
    "message",
    "remedy",
    "details",
    "retry_after",
    "retryable",
    "charged",
    "request_id",
    "docs",
}
# product.md 8 and 3: codes that callers may rely on.
PROMISED = {
    "UNAUTHORIZED": 401,
    "FORBIDDEN": 403,
    "SPELL_UNVERIFIED": 403,
    "SPELL_SUSPENDED": 403,
    "PAYMENT_REQUIRED": 402,
    "BUDGET_CAP_EXCEEDED": 402,
    "SPELL_NOT_FOUND": 404,
    "CAST_NOT_FOUND": 404,
    "IDEMPOTENCY_KEY_REQUIRED": 400,
    "IDEMPOTENCY_CONFLICT": 409,
    "VERSION_EXISTS": 409,
    "SPELL_YANKED": 410,
    "PAYLOAD_TOO_LARGE": 413,
    "VALIDATION_ERROR": 422,
    "RATE_LIMITED": 429,
    "INTERNAL": 500,
    "SERVICE_UNAVAILABLE": 503,
    "TIMEOUT": 504,
}


@pytest.mark.parametrize("code", list(catalogue()))
def test_every_code_makes_a_whole_problem(code: str) -> None:
    document = problem_document(SpellError(code, details={"a": 1}, retry_after=3), "request-1")
    assert set(document) == MEMBERS
    assert json.loads(json.dumps(document)) == document
    assert 400 <= document["status"] <= 599
    assert document["code"] == code
    assert document["message"] == document["title"]
    assert document["title"].endswith(".")
    assert document["remedy"].endswith(".")
    assert document["type"] == document["docs"] == f"/docs/errors#{_anchor(code)}"
    assert (document["details"], document["retry_after"]) == ({"a": 1}, 3)
    assert document["request_id"] == "request-1"
    assert document["charged"] is False, "nobody pays for a request that was refused"


@pytest.mark.parametrize(("code", "status"), PROMISED.items())
def test_promised_codes_have_their_status(code: str, status: int) -> None:
    assert catalogue()[code].status == status


def test_what_a_caller_may_repeat_is_the_platforms_trouble() -> None:
    retryable = {code for code, kind in catalogue().items() if kind.retryable}
    assert {catalogue()[code].status for code in retryable} <= {429, 500, 502, 503, 504}


def test_an_occurrence_may_say_more_than_the_catalogue() -> None:
    document = problem_document(SpellError("INTERNAL", "The module is gone."), "")
    assert document["message"] == "The module is gone."
    assert document["title"] == catalogue()["INTERNAL"].title


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")

    secret: int


def test_a_validation_error_names_the_place_and_never_the_value() -> None:
    with pytest.raises(ValidationError) as caught:
        Body.model_validate({"secret": "hush", "other": "shh"})
    error = validation_error(list(caught.value.errors()))
    assert [e["path"] for e in error.details["errors"]] == ["/secret", "/other"]
    assert "hush" not in json.dumps(error.details)
    assert "shh" not in json.dumps(error.details)


def test_a_thousand_validation_errors_are_cut() -> None:
    errors = [{"loc": ("a", number), "msg": "is wrong"} for number in range(1000)]
    assert len(validation_error(errors).details["errors"]) == 20


def _application() -> FastAPI:
    application = FastAPI(openapi_url=None)
    application.add_middleware(LastResort)
    application.add_middleware(RequestIds)
    problems.install(application)

    @application.get("/refuses")
    async def refuses() -> None:
        raise SpellError("SERVICE_UNAVAILABLE", retry_after=7)

    @application.get("/unauthorized")
    async def unauthorized() -> None:
        raise SpellError("UNAUTHORIZED")

    @application.get("/breaks")
    async def breaks() -> None:
        raise RuntimeError("the password is hush")

    @application.get("/breaks-off")
    async def breaks_off() -> Response:
        async def content() -> Any:
            yield "begun"
            raise RuntimeError("in the middle")

        return StreamingResponse(content())

    @application.get("/number")
    async def number(request: Request, size: int) -> dict[str, Any]:
        return {"size": size, "id": request.state.request_id}

    return application


async def _get(path: str, **headers: str) -> httpx.Response:
    transport = httpx.ASGITransport(_application())
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        return await client.get(path, headers=headers)


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/refuses", 503, "SERVICE_UNAVAILABLE"),
        ("/unauthorized", 401, "UNAUTHORIZED"),
        ("/breaks", 500, "INTERNAL"),
        ("/number?size=x", 422, "VALIDATION_ERROR"),
        ("/nowhere", 404, "NOT_FOUND"),
    ],
)
async def test_every_way_to_fail_leaves_as_a_problem_with_its_request_id(
    path: str, status: int, code: str
) -> None:
    answer = await _get(path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == problems.MEDIA_TYPE
    assert answer.headers["x-request-id"] == answer.json()["request_id"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert set(answer.json()) == MEMBERS


async def test_headers_say_when_to_repeat_and_how_to_authenticate() -> None:
    assert (await _get("/refuses")).headers["retry-after"] == "7"
    assert (await _get("/unauthorized")).headers["www-authenticate"] == "Bearer"


async def test_an_unexpected_error_is_logged_and_not_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    answer = await _get("/breaks")
    assert "hush" not in answer.text
    (record,) = [r for r in caplog.records if r.levelname == "ERROR"]
    assert record.exc_info is not None
    assert "hush" in str(record.exc_info[1])


async def test_an_answer_that_has_begun_is_broken_off() -> None:
    """Nothing else tells a reader that what it has is not all."""
    with pytest.raises(RuntimeError, match="in the middle"):
        await _get("/breaks-off")


@pytest.mark.parametrize(
    ("offered", "is_kept"),
    [
        ("0123456789abcdef", True),
        ("trace.id_1-2", True),
        ("short", False),
        ("x" * 65, False),
        ("with blanks in it", False),
        ('quote"12345', False),
    ],
)
async def test_a_request_id_is_taken_over_when_it_is_a_plain_one(
    offered: str, *, is_kept: bool
) -> None:
    answer = await _get("/number?size=1", **{"X-Request-Id": offered})
    assert answer.json()["id"] == answer.headers["x-request-id"]
    assert (answer.headers["x-request-id"] == offered) is is_kept


def _anchor(code: str) -> str:
    return code.lower().replace("_", "-")

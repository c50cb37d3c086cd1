"""Requests that are none: refused with their code, before they cost or hold anything."""

from collections.abc import AsyncIterator

import pytest

from schema.limits import INPUTS_BYTES_MAX
from tests.support.e2e import Caster, WholePlatform, fresh_key, problem

JSON = {"Content-Type": "application/json"}


async def _refused(
    platform: WholePlatform, caster: Caster, body: bytes, **headers: str
) -> dict[str, object]:
    """Send a body as a cast; it must be a VALIDATION_ERROR and leave no trace."""
    spell = await platform.spell("echo")
    answer = await caster.post(
        f"/v1/spells/{spell}:cast",
        content=body,
        headers={**JSON, "Idempotency-Key": fresh_key(), **headers},
    )
    refused = problem(answer, 422, "VALIDATION_ERROR")
    assert (await caster.get("/v1/casts")).json()["items"] == []
    assert await caster.credit_left() == 10_000_000
    return refused


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"inputs=1",
        b'{"inputs": 1} {}',
        b"{'inputs': 1}",
        b'{"inputs": 1,}',
        b'\xef\xbb\xbf{"inputs": 1}',
        '{"inputs": 1}'.encode("utf-16"),
        b'{"inputs": "\xff"}',
        b'{"inputs": NaN}',
        b'{"inputs": [-Infinity]}',
        b'{"inputs": 1e400}',
        b'{"inputs": 1, "inputs": 2}',
        b'{"inputs": {"a": {"b": 1, "b": 1}}}',
        b'{"inputs": ' + b"[" * 64 + b"]" * 64 + b"}",
        b'{"inputs": ' + b"[" * 100_000,
        b'{"inputs": ' + b'{"a":' * 100_000,
        b'{"inputs": 9007199254740992}',
        b'{"inputs": -9007199254740993}',
        b'{"inputs": ' + b"9" * 5_000 + b"}",
        b'{"inputs": "\\ud800"}',
        b'{"inputs": {"\\udfff": 1}}',
    ],
    ids=lambda body: repr(body[:24])[2:-1],
)
async def test_a_body_that_is_not_strict_json_is_refused(
    platform: WholePlatform, caster: Caster, body: bytes
) -> None:
    refused = await _refused(platform, caster, body)
    assert refused["message"]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b"[]", "/"),
        (b"null", "/"),
        (b"{}", "/inputs"),
        (b'{"inputs": 1, "input": 2}', "/input"),
        (b'{"inputs": 1, "callback": {"x": 1}}', "/callback"),
        (b'{"inputs": 1, "version": "Latest"}', "/version"),
        (b'{"inputs": 1, "version": "1.0.0\\n"}', "/version"),
        (b'{"inputs": 1, "version": "\\u0000"}', "/version"),
        (b'{"inputs": 1, "version": 1}', "/version"),
        (b'{"inputs": 1, "mode": "fast"}', "/mode"),
        (b'{"inputs": 1, "limits": 5}', "/limits"),
        (b'{"inputs": 1, "limits": {"fuel": 0}}', "/limits/fuel"),
        (b'{"inputs": 1, "limits": {"fuel": -1}}', "/limits/fuel"),
        (b'{"inputs": 1, "limits": {"fuel": 1.5}}', "/limits/fuel"),
        (b'{"inputs": 1, "limits": {"fuel": "1"}}', "/limits/fuel"),
        (b'{"inputs": 1, "limits": {"fuel": true}}', "/limits/fuel"),
        (b'{"inputs": 1, "limits": {"timeout_ms": 0}}', "/limits/timeout_ms"),
        (b'{"inputs": 1, "limits": {"scratch_bytes_max": -1}}', "/limits/scratch_bytes_max"),
        (b'{"inputs": 1, "limits": {"max_memory_mb": 5}}', "/limits/max_memory_mb"),
        (b'{"inputs": 1, "limits": {"stderr_bytes_max": 5}}', "/limits/stderr_bytes_max"),
        (b'{"inputs": 1, "budget_cap": 500}', "/budget_cap"),
        (b'{"inputs": 1, "budget_cap": {"micros": -1}}', "/budget_cap/micros"),
        (b'{"inputs": 1, "budget_cap": {"micros": 1.5}}', "/budget_cap/micros"),
        (b'{"inputs": 1, "budget_cap": {"micros": 500.0}}', "/budget_cap/micros"),
        (b'{"inputs": 1, "budget_cap": {"micros": "500"}}', "/budget_cap/micros"),
        (b'{"inputs": 1, "budget_cap": {"micros": true}}', "/budget_cap/micros"),
        (b'{"inputs": 1, "budget_cap": {"micros": 1000000000000001}}', "/budget_cap/micros"),
        (b'{"inputs": 1, "budget_cap": {"micros": 1, "cents": 1}}', "/budget_cap/cents"),
        (b'{"inputs": 1, "budget_cap": {"micros": 1, "currency": "$"}}', "/budget_cap/currency"),
    ],
    ids=lambda value: value if isinstance(value, str) else repr(value[:60])[2:-1],
)
async def test_a_body_with_wrong_members_is_refused_with_their_places(
    platform: WholePlatform, caster: Caster, body: bytes, path: str
) -> None:
    refused = await _refused(platform, caster, body)
    details = refused["details"]
    assert isinstance(details, dict)
    assert details["errors"][0]["path"].startswith(path)
    assert details["errors"][0]["message"]


async def test_the_deepest_json_that_is_taken_is_taken(
    platform: WholePlatform, caster: Caster
) -> None:
    spell = await platform.spell("free")
    body = b'{"inputs": ' + b"[" * 62 + b"9007199254740991" + b"]" * 62 + b"}"
    headers = {**JSON, "Idempotency-Key": fresh_key(), "Prefer": "wait=30"}
    answer = await caster.post(f"/v1/spells/{spell}:cast", content=body, headers=headers)
    assert answer.json()["status"] == "succeeded", answer.text


@pytest.mark.parametrize("key", [None, "", "with a blank", "x" * 256, "schön", "tab\tinside"])
async def test_a_cast_needs_a_proper_idempotency_key(
    platform: WholePlatform, caster: Caster, key: str | None
) -> None:
    spell = await platform.spell("echo")
    headers = {} if key is None else {"Idempotency-Key": key.encode()}
    answer = await caster.post(f"/v1/spells/{spell}:cast", json={"inputs": 1}, headers=headers)
    problem(answer, 400, "IDEMPOTENCY_KEY_REQUIRED")


@pytest.mark.parametrize(
    "content_type", [None, "", "text/plain", "application/x-www-form-urlencoded", "json"]
)
async def test_a_cast_is_sent_as_json(
    platform: WholePlatform, caster: Caster, content_type: str | None
) -> None:
    spell = await platform.spell("echo")
    headers = {"Idempotency-Key": fresh_key()}
    if content_type is not None:
        headers["Content-Type"] = content_type
    answer = await caster.post(
        f"/v1/spells/{spell}:cast", content=b'{"inputs": 1}', headers=headers
    )
    refused = problem(answer, 415, "UNSUPPORTED_MEDIA_TYPE")
    assert refused["details"] == {"accepts": "application/json"}


async def test_json_may_name_its_charset(platform: WholePlatform, caster: Caster) -> None:
    spell = await platform.spell("free")
    headers = {
        "Idempotency-Key": fresh_key(),
        "Content-Type": "Application/JSON; charset=utf-8",
        "Prefer": "respond-async, wait=30",
    }
    answer = await caster.post(
        f"/v1/spells/{spell}:cast", content=b'{"inputs": 1}', headers=headers
    )
    assert answer.status_code == 200


@pytest.mark.parametrize("chunked", [False, True], ids=["content-length", "chunked"])
async def test_a_body_above_the_limit_is_refused(
    platform: WholePlatform, caster: Caster, *, chunked: bool
) -> None:
    spell = await platform.spell("echo")
    body = b'{"inputs": "' + b"x" * INPUTS_BYTES_MAX + b'"}'
    headers = {**JSON, "Idempotency-Key": fresh_key()}
    content = _in_chunks(body) if chunked else body
    answer = await caster.post(f"/v1/spells/{spell}:cast", content=content, headers=headers)
    refused = problem(answer, 413, "PAYLOAD_TOO_LARGE")
    assert refused["details"] == {"limit_bytes": INPUTS_BYTES_MAX}


async def test_a_body_in_chunks_below_the_limit_is_taken(
    platform: WholePlatform, caster: Caster
) -> None:
    spell = await platform.spell("free")
    headers = {**JSON, "Idempotency-Key": fresh_key(), "Prefer": "wait=30"}
    content = _in_chunks(b'{"inputs": "' + b"x" * 300_000 + b'"}')
    answer = await caster.post(f"/v1/spells/{spell}:cast", content=content, headers=headers)
    document = answer.json()
    output = await caster.get(f"{document['links']['self']}/output")
    assert output.json() == "x" * 300_000


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/", 404, "NOT_FOUND"),
        ("GET", "/v2/spells", 404, "NOT_FOUND"),
        ("POST", "/v1/spells/a/b/c", 404, "NOT_FOUND"),
        ("GET", "/v1/spells/%00", 404, "SPELL_NOT_FOUND"),
        ("GET", "/v1/spells/..%5C", 404, "SPELL_NOT_FOUND"),
        ("GET", "/v1/spells/No%20Spell/versions", 404, "SPELL_NOT_FOUND"),
        ("GET", "/v1/spells/com.example.none", 404, "SPELL_NOT_FOUND"),
        ("GET", "/v1/spells/com.example.none/versions/1.0.0", 404, "SPELL_NOT_FOUND"),
        ("GET", "/v1/spells/com.example.none/versions/%00", 404, "SPELL_NOT_FOUND"),
        ("POST", "/v1/spells/%00/versions/%00:yank", 404, "SPELL_NOT_FOUND"),
        ("GET", "/v1/casts/%00", 404, "CAST_NOT_FOUND"),
        ("GET", "/v1/casts/cast_x/events", 404, "CAST_NOT_FOUND"),
        ("POST", "/v1/casts/cast_x:cancel", 404, "CAST_NOT_FOUND"),
        ("DELETE", "/v1/keys/%00", 404, "KEY_NOT_FOUND"),
        ("DELETE", "/v1/keys/key_aaaaaaaaaaaaaaaa", 404, "KEY_NOT_FOUND"),
        ("PUT", "/v1/spells", 405, "METHOD_NOT_ALLOWED"),
        ("DELETE", "/v1/casts/cast_x", 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/v1/casts/cast_x:cancel", 404, "CAST_NOT_FOUND"),
        ("PATCH", "/ready", 405, "METHOD_NOT_ALLOWED"),
    ],
)
async def test_addresses_and_methods_that_are_not_there_are_problems(
    caster: Caster, method: str, path: str, status: int, code: str
) -> None:
    answer = await caster.request(method, path)
    problem(answer, status, code)
    assert ("allow" in answer.headers) == (status == 405), "the remedy speaks of this header"


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=101",
        "limit=ten",
        "cursor=",
        "cursor=nonsense",
        "cursor=W10=",
        "cursor=WzVd",
        "cursor=WyJcdTAwMDAiXQ==",
        "cursor=%FF",
        "cursor=" + "x" * 600,
    ],
)
@pytest.mark.parametrize("path", ["/v1/casts", "/v1/spells"])
async def test_a_page_that_nobody_offered_is_refused(caster: Caster, path: str, query: str) -> None:
    problem(await caster.get(f"{path}?{query}"), 422, "VALIDATION_ERROR")


async def test_a_status_that_is_none_is_refused(caster: Caster) -> None:
    refused = problem(await caster.get("/v1/casts?status=done"), 422, "VALIDATION_ERROR")
    assert refused["details"]["errors"][0]["path"] == "/query/status"


async def test_a_plain_request_id_of_the_caller_is_kept(caster: Caster) -> None:
    for offered, kept in (("trace-0123456789", True), ("x", False), ("a b c d e f g h", False)):
        answer = await caster.get("/v1/spells/none", headers={"X-Request-Id": offered})
        assert (answer.headers["x-request-id"] == offered) is kept
        assert answer.headers["x-content-type-options"] == "nosniff"
        problem(answer, 404, "SPELL_NOT_FOUND")


async def _in_chunks(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), 64 * 1024):
        yield body[start : start + 64 * 1024]

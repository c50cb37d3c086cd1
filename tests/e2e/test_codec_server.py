"""What Temporal keeps is unreadable, and the codec server reads it to those with the scope."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf import json_format
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.client import Client, WorkflowHistory

from schema.ids import publication_id_for, publish_workflow_id
from schema.scopes import Scope
from tests.modules.guests import guest
from tests.support.e2e import TAR, Caster, Json, WholePlatform, fresh_key, fresh_spell, problem
from tests.support.e2e_packages import files_of, package, says, unchecked_package

MARK = "a-secret-word-in-the-inputs"
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="session")
async def temporal(platform: WholePlatform) -> Client:
    """A client without any codec: what somebody sees who reads Temporal's database."""
    return await Client.connect(platform.embedded.endpoints.temporal_address)


@pytest.fixture(scope="session")
async def auditor(platform: WholePlatform) -> Caster:
    """Of the platform: may read the histories of all accounts."""
    return await platform.new_caster(scopes=[Scope.AUDIT, Scope.DEPLOY])


@pytest.fixture
async def history(platform: WholePlatform, caster: Caster, temporal: Client) -> WorkflowHistory:
    """Of a cast with the mark in its inputs, and so in its output."""
    cast = await caster.ended(await platform.spell("echo"), {"text": MARK})
    assert cast["result"] == {"text": MARK}
    return await temporal.get_workflow_handle(f"cast:{cast['cast_id']}").fetch_history()


async def _decode(who: Caster, payloads: list[Payload]) -> list[Payload]:
    body = json_format.MessageToJson(Payloads(payloads=payloads))
    answer = await who.post("/codec/decode", content=body, headers=JSON)
    assert answer.status_code == 200, answer.text
    return list(json_format.Parse(answer.content, Payloads()).payloads)


async def test_nothing_of_a_cast_can_be_read_in_its_history(history: WorkflowHistory) -> None:
    raw = b"".join(event.SerializeToString() for event in history.events)
    assert MARK.encode() not in raw
    assert base64.b64encode(MARK.encode())[:-4] not in raw
    payloads = list(_payloads(history))
    assert len(payloads) >= 4
    readable = {p.metadata["encoding"] for p in payloads} - {b"binary/encrypted"}
    # Search attributes, memo-like details and local activity markers of the SDK itself.
    assert readable <= {b"json/plain", b"json/protobuf"}


async def test_an_auditor_reads_what_the_platform_wrote(
    history: WorkflowHistory, auditor: Caster
) -> None:
    start = history.events[0].workflow_execution_started_event_attributes
    (decoded,) = await _decode(auditor, list(start.input.payloads))
    request = json.loads(decoded.data)
    assert json.loads(request["inputs_json"]) == {"text": MARK}


async def test_the_audit_scope_alone_reads_the_own_account_and_no_other(
    history: WorkflowHistory, caster: Caster, stranger: Caster
) -> None:
    start = history.events[0].workflow_execution_started_event_attributes
    body = json_format.MessageToJson(start.input)
    own, foreign = [await who.with_key(scopes=["audit:read"]) for who in (caster, stranger)]
    (decoded,) = await _decode(own, list(start.input.payloads))
    assert MARK in decoded.data.decode()
    answer = await foreign.post("/codec/decode", content=body, headers=JSON)
    problem(answer, 403, "FORBIDDEN")


async def test_payloads_in_clear_pass_through(auditor: Caster) -> None:
    clear = Payload(metadata={"encoding": b"json/plain"}, data=b'"clear"')
    assert await _decode(auditor, [clear, clear]) == [clear, clear]
    assert await _decode(auditor, []) == []


async def test_a_failure_in_a_history_cannot_be_read_either(
    platform: WholePlatform, caster: Caster, temporal: Client, auditor: Caster
) -> None:
    """A package whose manifest names the mark is refused by a failing activity that quotes it."""
    files = files_of(fresh_spell(), guest("echo"))
    files["manifest.toml"] += f"\n[{MARK.replace('-', '_')}]\nx = 1\n".encode()
    key = fresh_key()
    headers = {**TAR, "Idempotency-Key": key}
    refused = await caster.post("/v1/spells", content=unchecked_package(files), headers=headers)
    problem(refused, 422, "MANIFEST_INVALID")
    word = MARK.replace("-", "_")
    assert word in refused.text
    person = caster.person
    workflow_id = publish_workflow_id(publication_id_for(person.account_id, person.secret, key))
    history = await temporal.get_workflow_handle(workflow_id).fetch_history()
    failures = [
        event.activity_task_failed_event_attributes.failure
        for event in history.events
        if event.HasField("activity_task_failed_event_attributes")
    ]
    assert failures
    raw = b"".join(event.SerializeToString() for event in history.events)
    assert word.encode() not in raw
    (decoded,) = await _decode(auditor, [failures[0].encoded_attributes])
    assert word in json.loads(decoded.data)["message"]


async def test_an_output_that_breaks_its_schema_cannot_be_read_in_the_history(
    caster: Caster, temporal: Client
) -> None:
    key = fresh_spell()
    schemas = {"input": {}, "output": {"type": "object", "additionalProperties": False}}
    await caster.publish(package(key, says(json.dumps({MARK: 1}).encode()), schemas))
    cast = await caster.ended(key)
    assert cast["problem"]["code"] == "OUTPUT_INVALID"
    history = await temporal.get_workflow_handle(f"cast:{cast['cast_id']}").fetch_history()
    raw = b"".join(event.SerializeToString() for event in history.events)
    assert MARK.encode() not in raw


async def test_large_inputs_are_neither_in_the_history_nor_readable_in_the_store(
    platform: WholePlatform, caster: Caster, temporal: Client
) -> None:
    cast = await caster.ended(await platform.spell("free"), {"text": MARK * 10_000})
    assert cast["status"] == "succeeded"
    history = await temporal.get_workflow_handle(f"cast:{cast['cast_id']}").fetch_history()
    raw = b"".join(event.SerializeToString() for event in history.events)
    assert len(raw) < 128 * 1024
    stored = [p for p in platform.embedded.context.layout.objects.rglob("*") if p.is_file()]
    of_this_cast = [p for p in stored if cast["cast_id"] in str(p)]
    assert {p.name for p in of_this_cast} >= {"output"}
    assert len(of_this_cast) > 1, "payloads, too"
    assert all(MARK.encode() not in p.read_bytes() for p in of_this_cast)


async def test_without_a_key_nothing_is_decoded(platform: WholePlatform) -> None:
    for headers in ({}, {"Origin": "https://evil.example"}, {"Authorization": "Bearer sk_x"}):
        answer = await platform.http.post(
            "/codec/decode", json={"payloads": []}, headers={**JSON, **headers}
        )
        problem(answer, 401, "UNAUTHORIZED")
        assert "access-control-allow-origin" not in answer.headers


async def test_without_the_scope_nothing_is_decoded(platform: WholePlatform) -> None:
    everything_else = [scope for scope in Scope if scope is not Scope.AUDIT]
    other = await platform.new_caster(scopes=everything_else)
    answer = await other.post("/codec/decode", json={"payloads": []})
    assert problem(answer, 403, "FORBIDDEN")["details"] == {"scope": "audit:read"}


async def test_the_uis_page_may_decode_on_the_local_platform_and_no_other_page(
    platform: WholePlatform, history: WorkflowHistory
) -> None:
    origin = platform.embedded.endpoints.temporal_ui_url
    start = history.events[0].workflow_execution_started_event_attributes
    body = json_format.MessageToJson(start.input)
    answer = await platform.http.post(
        "/codec/decode", content=body, headers={**JSON, "Origin": origin}
    )
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == origin
    assert answer.headers["vary"] == "Origin"
    decoded = json_format.Parse(answer.content, Payloads()).payloads[0]
    assert MARK in decoded.data.decode()

    # A name that somebody points at this machine is not this machine.
    headers = {**JSON, "Origin": origin, "Host": "rebound.example"}
    answer = await platform.http.post("/codec/decode", content=body, headers=headers)
    problem(answer, 401, "UNAUTHORIZED")


@pytest.mark.parametrize("who", ["ui", "https://evil.example", "null", None])
async def test_a_preflight_is_answered_for_the_ui_only(
    platform: WholePlatform, who: str | None
) -> None:
    origin = platform.embedded.endpoints.temporal_ui_url if who == "ui" else who
    headers = {"Access-Control-Request-Method": "POST"}
    headers |= {} if origin is None else {"Origin": origin}
    answer = await platform.http.options("/codec/decode", headers=headers)
    assert answer.status_code == 204
    allowed = {k: v for k, v in answer.headers.items() if k.startswith("access-control-")}
    if who != "ui":
        assert allowed == {}
        return
    assert allowed["access-control-allow-origin"] == origin
    assert "POST" in allowed["access-control-allow-methods"]
    assert "x-namespace" in allowed["access-control-allow-headers"]
    assert "access-control-allow-credentials" not in allowed


def _encrypted(key_id: str, content: bytes) -> Json:
    def encoded(text: bytes) -> str:
        return base64.b64encode(text).decode()

    metadata = {"encoding": encoded(b"binary/encrypted")}
    if key_id:
        metadata["encryption-key-id"] = encoded(key_id.encode())
    return {"payloads": [{"metadata": metadata, "data": encoded(content)}]}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b'"payloads"',
        b'{"payloads": 5}',
        b"[" * 100_000,
        json.dumps(_encrypted("", b"x" * 64)).encode(),
        json.dumps(_encrypted("2/platform", b"x" * 64)).encode(),
        json.dumps(_encrypted("1/platform", b"x" * 64)).encode(),
        json.dumps(_encrypted("1/platform", b"")).encode(),
    ],
    ids=[
        "empty",
        "text",
        "number",
        "deep",
        "no key id",
        "key of tomorrow",
        "changed",
        "short",
    ],
)
async def test_what_cannot_be_decoded_is_a_problem_and_no_crash(
    auditor: Caster, body: bytes
) -> None:
    answer = await auditor.post("/codec/decode", content=body, headers=JSON)
    problem(answer, 422, "VALIDATION_ERROR")


async def test_a_body_that_is_not_utf8_is_a_problem_too(auditor: Caster) -> None:
    answer = await auditor.post("/codec/decode", content=b"\xff\xfe", headers=JSON)
    problem(answer, 422, "VALIDATION_ERROR")


def _payloads(history: WorkflowHistory) -> Iterator[Payload]:
    """Every payload, wherever it stands."""
    for event in history.events:
        yield from _within(event)


def _within(message: Any) -> Iterator[Payload]:
    if isinstance(message, Payload):
        yield message
        return
    for descriptor, value in message.ListFields():
        if descriptor.message_type is None:
            continue
        if descriptor.message_type.GetOptions().map_entry:
            inner = value.values()
        else:
            inner = value if hasattr(value, "__iter__") else [value]
        for item in inner:
            if hasattr(item, "ListFields"):
                yield from _within(item)

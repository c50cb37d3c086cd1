"""Goal: a fleet and a platform of neighbouring versions understand each other.

Method: the JSON of each version as it was on the wire, kept here. Never change these texts; a new
version gets a new one.
"""

import json

import pytest

from runner.run_requests import UnreadableRunError, read_request
from schema.contracts.run import RUN_SCHEMA_VERSION, RunPolicy, Target, Verdict, request_version

CAST = "cast_aaaaaaaaaaaaaaaa_bbbbbbbbbbbbbbbbbbbbbbbbbb"
MODULE = "sha256:" + "0" * 64
VERSION_1 = (
    f'{{"schema_version":1,"cast_id":"{CAST}","module_digest":"{MODULE}","entry":"_start",'
    '"limits":{"fuel":1000,"timeout_ms":2000,"memory_bytes_max":65536,"output_bytes_max":1024,'
    '"stderr_bytes_max":65536},"sealed_inputs":"c2VhbGVk","reply_public_key":"a2V5",'
    '"expires_at_unix":1800000000}'
)
VERSION_2 = (
    f'{{"schema_version":2,"cast_id":"{CAST}","module_digest":"{MODULE}","target":"wasm32-wasip2",'
    '"entry":"run","limits":{"fuel":1000,"timeout_ms":2000,"memory_bytes_max":65536,'
    '"output_bytes_max":1024,"stderr_bytes_max":65536,"cpu_ms_max":500,"host_calls_max":10,'
    '"scratch_bytes_max":4096,"net_requests_max":3,"net_bytes_max":9999},'
    '"policy":{"deterministic":false,"retry_safe":true,"net_allow":["example.com"],'
    f'"env_vars":["TOKEN"],"fs_read":["a.txt"],"scratch":true,"resources_digest":"{MODULE}"}},'
    f'"seed":"{"5" * 64}","clock_unix_ms":1700000000000,"sealed_inputs":"c2VhbGVk",'
    '"sealed_environment":"ZW52","reply_public_key":"a2V5","expires_at_unix":1800000000}'
)
VERSION_3 = VERSION_2.replace(
    f'"schema_version":2,"cast_id":"{CAST}",',
    f'"schema_version":3,"cast_id":"{CAST}","package_digest":"{MODULE}",',
)
VERSION_4 = VERSION_3.replace('"schema_version":3', '"schema_version":4').replace(
    '"net_bytes_max":9999}', '"net_bytes_max":9999,"artifacts_bytes_max":1048576}'
)
VERDICT_1 = (
    f'{{"schema_version":1,"cast_id":"{CAST}","outcome":"failed","code":"SPELL_FAILED",'
    '"details":{"exit_code":1},"usage":{"fuel":1,"wall_ms":2,"cpu_ms":3,"memory_bytes_peak":4,'
    '"input_bytes":5,"output_bytes":6,"stderr_bytes":7},"sealed_output":null,'
    '"sealed_stderr":"c2VhbGVk","runner_id":"r","engine":"e"}'
)
VERDICT_2 = (
    f'{{"schema_version":2,"cast_id":"{CAST}","outcome":"succeeded","code":null,"details":{{}},'
    '"usage":{"fuel":1,"wall_ms":2,"cpu_ms":3,"memory_bytes_peak":4,"input_bytes":5,'
    '"output_bytes":6,"stderr_bytes":7,"host_calls":8,"scratch_bytes_peak":9,"net_requests":10,'
    '"net_bytes":11},"sealed_output":"b3V0","sealed_stderr":null,"runner_id":"r","engine":"e",'
    '"violations":[{"kind":"net_denied","subject":"localhost","count":2}],'
    '"stages":{"queued_us":1,"prepare_us":2,"run_us":3},"clock_unix_ms":1700000000000}'
)


def test_a_request_of_version_1_is_read_as_what_it_was() -> None:
    request = read_request(VERSION_1.encode())
    assert (request.cast_id, request.entry, request.target) == (CAST, "_start", Target.CORE)
    assert request.policy == RunPolicy(deterministic=False), "clocks were real"
    assert not request.policy.at_most_once


def test_a_request_of_version_2_names_no_package() -> None:
    request = read_request(VERSION_2.encode())
    assert request.package_digest is None
    written = request.model_dump(mode="json", exclude={"package_digest"})
    assert written == json.loads(VERSION_2)


@pytest.mark.parametrize("text", [VERSION_3, VERSION_4])
def test_a_request_is_read_and_written_without_a_difference(text: str) -> None:
    assert RUN_SCHEMA_VERSION == 4, "a new version: keep its text here as well"
    request = read_request(text.encode())
    assert request.model_dump_json() == text
    assert request_version(request.limits) == request.schema_version


def test_a_request_of_version_3_asks_for_no_artifacts() -> None:
    assert read_request(VERSION_3.encode()).limits.artifacts_bytes_max == 0


def test_a_verdict_without_artifacts_can_be_read_by_workers_of_version_3() -> None:
    verdict = Verdict.model_validate_json(VERDICT_2)
    assert "artifact" not in verdict.model_dump_json()
    left = verdict.model_copy(update={"sealed_artifacts": "dGFy"})
    assert json.loads(left.model_dump_json())["sealed_artifacts"] == "dGFy"


def test_verdicts_of_older_versions_are_read() -> None:
    assert Verdict.model_validate_json(VERDICT_1).details == {"exit_code": 1}
    assert Verdict.model_validate_json(VERDICT_2).model_dump_json() == VERDICT_2


def test_a_newer_version_is_unreadable_also_when_it_looks_like_ours() -> None:
    newer = VERSION_4.replace('"schema_version":4', '"schema_version":5')
    with pytest.raises(UnreadableRunError, match="version 5 is newer") as refusal:
        read_request(newer.encode())
    assert refusal.value.cast_id == CAST


def test_what_does_not_fit_is_unreadable_and_named_without_its_content() -> None:
    members = json.loads(VERSION_2) | {"novelty": "secret", "entry": 5}
    with pytest.raises(UnreadableRunError) as refusal:
        read_request(json.dumps(members).encode())
    assert refusal.value.cast_id == CAST
    assert "novelty: extra_forbidden" in str(refusal.value)
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"null", b"[1]", b"\xff", b'{"cast_id":5}', b'{"cast_id":"x"}', b"[" * 9999],
)
def test_noise_is_unreadable_and_nobodys(body: bytes) -> None:
    with pytest.raises(UnreadableRunError) as refusal:
        read_request(body)
    assert refusal.value.cast_id is None

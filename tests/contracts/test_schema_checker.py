"""The contract of `SchemaChecker`, hostile schemas included. Run on every implementation."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from typing import Any

import psutil
import pytest

from infra.schema_checker import KillableSchemaChecker
from infra.schema_checking.child import MEMORY_BYTES_MAX
from schema.errors import SpellError
from schema.limits import INPUTS_BYTES_MAX, SCHEMA_BYTES_MAX

SECONDS_MAX = 1.0
# What a refusal may take beyond the limit: the kill, and this machine being busy.
SLACK_SECONDS = 4.0


@pytest.fixture(params=[KillableSchemaChecker])
async def checker(request: pytest.FixtureRequest) -> AsyncIterator[KillableSchemaChecker]:
    async with request.param(seconds_max=SECONDS_MAX) as opened:
        yield opened


def schemas(input_schema: Any, output_schema: Any = None) -> bytes:
    return json.dumps({"input": input_schema, "output": output_schema or {}}).encode()


def exploding(levels: int = 60) -> dict[str, Any]:
    """Each level checks the one below twice: 2^levels checks of one small value."""
    definitions: dict[str, Any] = {"level0": {"type": ["object", "null"]}}
    for level in range(1, levels):
        below = {"$ref": f"#/$defs/level{level - 1}"}
        definitions[f"level{level}"] = {"allOf": [below, below]}
    return {"$defs": definitions, "$ref": f"#/$defs/level{levels - 1}"}


async def errors_of(checker: KillableSchemaChecker, schema_json: bytes) -> list[dict[str, str]]:
    with pytest.raises(SpellError) as caught:
        await checker.check_schemas(schema_json)
    assert caught.value.code == "SCHEMA_INVALID"
    errors: list[dict[str, str]] = caught.value.details["errors"]
    return errors


async def code_of(checker: KillableSchemaChecker, schema_json: bytes) -> str | None:
    try:
        await checker.check_schemas(schema_json)
    except SpellError as error:
        return error.code
    return None


async def test_a_good_pair_of_schemas_passes(checker: KillableSchemaChecker) -> None:
    await checker.check_schemas(
        schemas(
            {
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                "type": "object",
                "properties": {"text": {"$ref": "#/$defs/text"}, "$ref": {"type": "string"}},
                "$defs": {"text": {"type": "string", "pattern": "^[a-z]+$"}},
            },
            {"$dynamicAnchor": "node", "items": {"$dynamicRef": "#node"}},
        )
    )


async def test_a_value_that_fits_has_no_violations(checker: KillableSchemaChecker) -> None:
    pair = schemas({"required": ["a"]}, {"type": "string"})
    assert await checker.violations(pair, "input", b'{"a":1}') == []
    assert await checker.violations(pair, "output", b'"x"') == []


async def test_a_violation_has_the_pointer_and_the_reason(checker: KillableSchemaChecker) -> None:
    pair = schemas({"properties": {"a/b~c": {"items": {"minimum": 5}}}})
    (found,) = await checker.violations(pair, "input", b'{"a/b~c":[7,1]}')
    assert found.path == "/a~1b~0c/1"
    assert found.message == "value is less than the minimum of 5"


async def test_the_two_sides_are_checked_apart(checker: KillableSchemaChecker) -> None:
    pair = schemas({"type": "string"}, {"type": "number"})
    assert await checker.violations(pair, "input", b"1") != []
    assert await checker.violations(pair, "output", b"1") == []


async def test_a_side_that_does_not_exist_is_a_programming_error(
    checker: KillableSchemaChecker,
) -> None:
    with pytest.raises(ValueError, match="sides"):
        await checker.violations(schemas({}), "inputs", b"1")


async def test_at_most_ten_violations_are_told(checker: KillableSchemaChecker) -> None:
    found = await checker.violations(
        schemas({"items": {"type": "string"}}), "input", json.dumps(list(range(50))).encode()
    )
    assert len(found) == 10


async def test_of_a_large_value_the_first_violation_is_told(
    checker: KillableSchemaChecker,
) -> None:
    value = b"[" + b"1," * (INPUTS_BYTES_MAX // 8) + b"1]"
    (found,) = await checker.violations(schemas({"items": {"type": "string"}}), "input", value)
    assert found.path == "/0"


SECRET = "s3cr3t-" * 200


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "number"}, SECRET),
        ({"maxLength": 3}, SECRET),
        ({"pattern": "^x"}, SECRET),
        ({"enum": ["x"]}, SECRET),
        ({"const": "x"}, {"a": SECRET}),
        ({"not": {}}, SECRET),
        ({"anyOf": [{"type": "number"}, {"type": "null"}]}, SECRET),
        ({"additionalProperties": False, "properties": {"a": {}}}, {SECRET: 1}),
        ({"unevaluatedProperties": False}, {SECRET: 1}),
        ({"propertyNames": {"maxLength": 3}}, {SECRET: 1}),
        ({"patternProperties": {"^s": {"type": "string"}}}, {SECRET: 1}),
        ({"uniqueItems": True}, [SECRET, SECRET]),
        ({"contains": {"type": "number"}}, [SECRET]),
        ({"dependentRequired": {SECRET[:7]: ["x"]}}, {SECRET[:7]: SECRET}),
    ],
)
async def test_a_message_hardly_quotes_the_value(
    checker: KillableSchemaChecker, schema: dict[str, Any], value: Any
) -> None:
    found = await checker.violations(schemas(schema), "input", json.dumps(value).encode())
    assert found
    for violation in found:
        assert len(violation.message) <= 200
        assert SECRET[:81] not in violation.message
        assert len(violation.path) <= 200


@pytest.mark.parametrize("value", [b"", b"{", b'{"a":1,"a":2}', b"[" * 100 + b"]" * 100, b"\xff"])
async def test_a_value_that_is_not_json_is_a_violation(
    checker: KillableSchemaChecker, value: bytes
) -> None:
    (found,) = await checker.violations(schemas({}), "output", value)
    assert found.path == ""


async def test_format_is_a_note_and_not_a_rule(checker: KillableSchemaChecker) -> None:
    assert await checker.violations(schemas({"format": "email"}), "input", b'"nobody"') == []


@pytest.mark.parametrize(
    ("document", "path", "part"),
    [
        (b"", "", "not valid JSON"),
        (b"[]", "", "must be an object"),
        (b'{"input":{}}', "", "output is missing"),
        (b'{"input":{},"output":{},"extra":{}}', "/extra", "unknown"),
        (b'{"input":{},"output":true}', "/output", "must be a schema that is an object"),
        (b'{"input":{},"input":{},"output":{}}', "", "twice"),
        (b'{"input":{"a":' * 70, "", "not valid JSON"),
        (schemas({"type": "strin"}), "/input/type", "strin"),
        (schemas({}, {"minLength": -1}), "/output/minLength", "minimum"),
        (schemas({"$ref": "https://example.com/a.json"}), "/input/$ref", "local"),
        (schemas({"$ref": "file:///etc/passwd"}), "/input/$ref", "local"),
        (schemas({"$ref": "other.json#/a"}), "/input/$ref", "local"),
        (schemas({"items": {"$dynamicRef": "//host/a"}}), "/input/items/$dynamicRef", "local"),
        (schemas({"unknown": {"$ref": "a"}, "$ref": "#/unknown"}), "/input/unknown/$ref", "local"),
        (schemas({"$ref": "https://json-schema.org/draft/2020-12/schema"}), "/input/$ref", "local"),
        (schemas({"$ref": "#/$defs/nowhere"}), "/input", "does not exist"),
        (schemas({"$id": "https://example.com/", "$ref": "#"}), "/input/$id", "leave it out"),
        (schemas({"$schema": "http://json-schema.org/draft-07/schema#"}), "/input/$schema", "only"),
        (schemas({"pattern": "(?=a)b"}), "/input/pattern", "linear"),
        (schemas({"patternProperties": {"(a)\\1": {}}}), "/input/patternProperties", "linear"),
        (schemas({"pattern": "((a{100}){100}){100}"}), "/input/pattern", "linear"),
        (schemas({"pattern": "["}), "/input/pattern", "pattern"),
    ],
)
async def test_a_bad_schema_is_refused_with_its_place(
    checker: KillableSchemaChecker, document: bytes, path: str, part: str
) -> None:
    errors = await errors_of(checker, document)
    assert any(error["path"].startswith(path) and part in error["message"] for error in errors)


async def test_a_schema_nested_too_deep_is_refused(checker: KillableSchemaChecker) -> None:
    nested: dict[str, Any] = {}
    for _ in range(70):
        nested = {"not": nested}
    (error,) = await errors_of(checker, schemas(nested))
    assert "deeper" in error["message"]


async def test_a_schema_over_its_size_is_refused(checker: KillableSchemaChecker) -> None:
    (error,) = await errors_of(checker, schemas({"description": "x" * SCHEMA_BYTES_MAX}))
    assert str(SCHEMA_BYTES_MAX) in error["message"]


async def test_all_faults_of_a_schema_are_told_up_to_ten(checker: KillableSchemaChecker) -> None:
    bad = {"properties": {f"p{i}": {"minLength": -1} for i in range(30)}}
    assert len(await errors_of(checker, schemas(bad))) == 10


async def test_a_value_checked_against_a_bad_schema_blames_the_schema(
    checker: KillableSchemaChecker,
) -> None:
    with pytest.raises(SpellError) as caught:
        await checker.violations(b"{}", "input", b"1")
    assert caught.value.code == "SCHEMA_INVALID"


async def test_a_schema_that_explodes_ends_at_publish_and_the_next_check_works(
    checker: KillableSchemaChecker,
) -> None:
    begin = time.monotonic()
    (error,) = await errors_of(checker, schemas(exploding()))
    assert "too expensive" in error["message"]
    assert time.monotonic() - begin < SECONDS_MAX + SLACK_SECONDS
    await checker.check_schemas(schemas({}))


async def test_a_value_that_makes_the_schema_explode_ends_and_the_next_check_works(
    checker: KillableSchemaChecker,
) -> None:
    trap = exploding()
    pair = schemas({"$defs": trap["$defs"], "properties": {"a": {"$ref": trap["$ref"]}}})
    await checker.check_schemas(pair)
    begin = time.monotonic()
    with pytest.raises(SpellError) as caught:
        await checker.violations(pair, "input", b'{"a":{}}')
    assert caught.value.code == "VALIDATION_ERROR"
    assert caught.value.details == {"side": "input"}
    assert time.monotonic() - begin < SECONDS_MAX + SLACK_SECONDS
    assert await checker.violations(pair, "input", b'{"b":{}}') == []


async def test_a_schema_that_refers_to_itself_forever_ends(checker: KillableSchemaChecker) -> None:
    loop = {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}
    assert await code_of(checker, schemas(loop)) in (None, "SCHEMA_INVALID")
    await checker.check_schemas(schemas({}))


async def test_a_schema_hungry_for_memory_costs_only_its_own_check(
    checker: KillableSchemaChecker,
) -> None:
    patterns: dict[str, Any] = {f"^(\\w{{20}}){{{i % 30 + 1}}}{i}$": {} for i in range(4_000)}
    code = await code_of(checker, schemas({"patternProperties": patterns}))
    assert code in (None, "SCHEMA_INVALID")
    await checker.check_schemas(schemas({}))


async def test_a_pattern_with_nested_repetitions_takes_linear_time(
    checker: KillableSchemaChecker,
) -> None:
    value = json.dumps("a" * 1_000_000 + "b").encode()
    (found,) = await checker.violations(schemas({"pattern": "^(a+)+$"}), "input", value)
    assert "does not match" in found.message


async def test_many_checks_at_once_each_get_their_own_answer(
    checker: KillableSchemaChecker,
) -> None:
    async def one(number: int) -> None:
        pair = schemas({"const": number})
        assert await checker.violations(pair, "input", str(number).encode()) == []
        assert len(await checker.violations(pair, "input", b"-1")) == 1

    await asyncio.gather(*(one(number) for number in range(100)))


def children() -> list[psutil.Process]:
    """The checking processes that this test process has now."""
    return [
        child
        for child in psutil.Process().children()
        if any("schema_checking" in part for part in child.cmdline())
    ]


async def test_a_process_that_somebody_kills_is_replaced(checker: KillableSchemaChecker) -> None:
    assert await checker.violations(schemas({}), "input", b"1") == []
    (child,) = children()
    os.kill(child.pid, signal.SIGKILL)
    assert await checker.violations(schemas({}), "input", b"1") == []


async def test_a_process_killed_during_a_check_does_not_fail_the_check() -> None:
    async with KillableSchemaChecker(seconds_max=10.0) as checker:
        assert await checker.violations(schemas({}), "input", b"1") == []
        (child,) = children()
        child.suspend()
        check = asyncio.create_task(checker.violations(schemas({"type": "null"}), "input", b"1"))
        await asyncio.sleep(0.05)
        os.kill(child.pid, signal.SIGKILL)
        assert len(await check) == 1


async def test_a_stopped_process_is_killed_at_the_limit(checker: KillableSchemaChecker) -> None:
    assert await checker.violations(schemas({}), "input", b"1") == []
    (child,) = children()
    child.suspend()
    with pytest.raises(SpellError, match="takes longer"):
        await checker.violations(schemas({}), "input", b"1")
    assert not child.is_running()


async def test_a_cancelled_check_leaves_no_answer_for_the_next(
    checker: KillableSchemaChecker,
) -> None:
    pair = schemas(exploding())
    check = asyncio.create_task(checker.violations(pair, "input", b"{}"))
    await asyncio.sleep(0.3)
    check.cancel()
    with pytest.raises(asyncio.CancelledError):
        await check
    (found,) = await checker.violations(schemas({"type": "null"}), "input", b"1")
    assert "null" in found.message


async def test_a_closed_checker_has_no_processes_and_refuses() -> None:
    checker = KillableSchemaChecker()
    await checker.check_schemas(schemas({}))
    assert children()
    await checker.close()
    assert not children()
    with pytest.raises(RuntimeError, match="closed"):
        await checker.check_schemas(schemas({}))


async def test_a_checking_process_sees_none_of_our_environment(
    checker: KillableSchemaChecker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPELL_MASTER_KEY", "secret")
    await checker.check_schemas(schemas({}))
    (child,) = children()
    assert set(child.environ()) <= {"PYTHONPATH", "LC_CTYPE"}


async def test_a_checking_process_has_a_memory_limit(checker: KillableSchemaChecker) -> None:
    await checker.check_schemas(schemas({}))
    (child,) = children()
    soft, hard = child.rlimit(psutil.RLIMIT_AS)
    assert soft == hard == MEMORY_BYTES_MAX


async def test_a_report_that_needs_too_much_memory_is_a_refusal(
    checker: KillableSchemaChecker,
) -> None:
    """Method: 8,000 violations at the root, each with its copy of a value of 16,000 lists."""
    pair = schemas({"allOf": [{"type": "string"}] * 8_000})
    with pytest.raises(SpellError) as caught:
        await checker.violations(pair, "input", json.dumps([[]] * 16_000).encode())
    assert caught.value.code == "VALIDATION_ERROR"
    assert await checker.violations(schemas({}), "input", b"1") == []


ORPHAN_MAKER = """
import asyncio, sys
from infra.schema_checker import KillableSchemaChecker

async def main():
    checker = KillableSchemaChecker(seconds_max=1.0)
    await checker.violations(b'{"input":{},"output":{}}', "input", b"1")
    print("warm", flush=True)
    await checker.violations(sys.argv[1].encode(), "input", b"{}")

asyncio.run(main())
"""


async def test_a_stuck_check_ends_even_when_its_parent_was_killed() -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", ORPHAN_MAKER, schemas(exploding()).decode()),
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=asyncio.subprocess.PIPE,
    )
    assert parent.stdout is not None
    assert await parent.stdout.readline() == b"warm\n"
    (child,) = psutil.Process(parent.pid).children()
    await asyncio.sleep(0.3)
    parent.kill()
    await parent.communicate()
    assert await asyncio.to_thread(ends_within, child, SECONDS_MAX + SLACK_SECONDS)


def ends_within(process: psutil.Process, seconds: float) -> bool:
    """Whether it ends in time; nobody may be there to collect an orphan, so a zombie has ended."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.05)
    return False


async def test_a_small_check_costs_little(checker: KillableSchemaChecker) -> None:
    """Goal: catch a pool that polls or pickles. The bound is far above what was measured."""
    pair = schemas({"type": "object"})
    await checker.violations(pair, "input", b"{}")
    times = []
    for _ in range(200):
        begin = time.perf_counter()
        await checker.violations(pair, "input", b"{}")
        times.append(time.perf_counter() - begin)
    assert sorted(times)[100] < 0.005

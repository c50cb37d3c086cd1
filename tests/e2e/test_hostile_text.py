"""Text that JSON can carry and Postgres or HTTP cannot: NUL and lone surrogates, in and out."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from temporalio.client import Client

from tests.modules.guests import guest
from tests.support.e2e import Caster, Json, WholePlatform, fresh_spell, problem
from tests.support.e2e_packages import package, says

NUMBERS = {"type": "object", "additionalProperties": {"type": "integer"}}
SOON_SECONDS = 8.0


@pytest.fixture
async def cleared(platform: WholePlatform, caster: Caster) -> AsyncIterator[Caster]:
    """A caster whose casts, if they hang, do not keep the worker busy for ever."""
    yield caster
    client = await Client.connect(platform.embedded.endpoints.temporal_address)
    query = f"SpellAccount = '{caster.person.account_id}' AND ExecutionStatus = 'Running'"
    async for execution in client.list_workflows(query):
        await client.get_workflow_handle(execution.id).terminate()


async def _published(caster: Caster, module: bytes, **schemas: Any) -> str:
    key = fresh_spell()
    await caster.publish(package(key, module, {"input": {}, "output": {}, **schemas}))
    return key


async def _ended_soon(caster: Caster, spell: str, inputs: Any = None) -> Json:
    admitted = await caster.admitted(spell, inputs)
    async with asyncio.timeout(SOON_SECONDS):
        return await caster.followed(admitted["cast_id"])


async def test_nul_and_all_planes_of_unicode_pass_through(caster: Caster) -> None:
    spell = await _published(caster, guest("echo"))
    inputs = {"nul \0": "\0", "emoji 🪄": "e\u0301 \u202e \ufeff", "": ""}
    assert (await _ended_soon(caster, spell, inputs))["result"] == inputs


async def test_an_input_that_breaks_the_schema_under_a_name_with_nul_is_refused(
    cleared: Caster,
) -> None:
    spell = await _published(cleared, guest("echo"), input=NUMBERS)
    try:
        answer = await asyncio.wait_for(cleared.cast(spell, {"a\0b": "x"}), SOON_SECONDS)
    except (TimeoutError, httpx.TimeoutException):
        pytest.fail("no answer")
    problem(answer, 422, "VALIDATION_ERROR")


async def test_an_output_that_breaks_the_schema_under_a_name_with_nul_costs_nothing(
    cleared: Caster,
) -> None:
    spell = await _published(cleared, says(b'{"a\\u0000b":"x"}'), output=NUMBERS)
    cast = await _ended_soon(cleared, spell)
    assert (cast["status"], cast["problem"]["code"]) == ("failed", "OUTPUT_INVALID")
    assert await cleared.open_holds() == 0


@pytest.mark.parametrize("output", [b'{"\\ud800":1}', b'["\\udc00"]', b'"\\ud83d"'], ids=repr)
async def test_an_output_with_a_lone_surrogate_is_invalid(caster: Caster, output: bytes) -> None:
    spell = await _published(caster, says(output))
    cast = await _ended_soon(caster, spell)
    assert (cast["status"], cast["problem"]["code"]) == ("failed", "OUTPUT_INVALID")
    assert "surrogate" in cast["problem"]["details"]["errors"][0]["message"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
async def test_an_output_in_another_encoding_is_invalid(caster: Caster, encoding: str) -> None:
    spell = await _published(caster, says('{"a":1}'.encode(encoding)))
    cast = await _ended_soon(caster, spell)
    assert (cast["status"], cast["problem"]["code"]) == ("failed", "OUTPUT_INVALID")

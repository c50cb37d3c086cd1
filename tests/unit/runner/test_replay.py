"""Goal: what a receipt says ran gives the same again, bit for bit, in another process.

Method: a hundred different casts run in one sandbox process, as on the platform; their receipts
are replayed by `python -m runner.replay` in four others, knowing receipt, module and inputs only.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from activities._records import seed_of
from runner.executor import Execution, Executor
from runner.processes.pool import SandboxPool
from runner.replay import Nobody
from runner.resource_store import ResourceStore
from runner.sealing import RunnerKey
from runner.verdicts import VerdictWriter
from schema.canonical import canonical_json
from schema.contracts.cast import CastStatus
from schema.contracts.receipt import Receipt
from schema.contracts.replay import ReplayAnswer, Replayed
from schema.receipt_checks import replay_checks
from tests.modules.code import code_store
from tests.modules.fleet import FLEET_KEY, base64_of, opened, request_for
from tests.modules.guests import digest_of, guest
from tests.support.platform import make_vault
from tests.support.receipts import CLOCK, noted, plan_of, replay_lines, replay_request, replayed

PROCESSES = 4
ENTRIES = {
    "exits": ("exit_0", "exit_1", "exit_125", "exit_255"),
    "traps": ("unreachable", "integer_division_by_zero", "bad_signature", "memory_out_of_bounds"),
    "memory": ("grow_by_steps", "grow_at_once", "grow_to_the_limit", "grow_and_do_without"),
    "floods": ("stdout", "stderr", "both", "exactly_1000_bytes"),
    "time": ("loop_for_ever", "call_for_ever"),
    "recursion": ("_start",),
}


@dataclass(frozen=True)
class Cast:
    """One cast that ran, with what its caster kept of it."""

    module: str
    inputs: str
    receipt: Receipt
    output: bytes


def _wanted() -> list[tuple[str, str, str]]:
    """(module, entry, inputs): a hundred, no two of them alike."""
    wanted: list[tuple[str, str, Any]] = [
        *(("mills", "_start", {"grain": number, "sack": "ä€𝄞" * number}) for number in range(59)),
        *(("draws", "_start", {"time": number}) for number in range(10)),
        *(("echo", "_start", {"said": "x" * (number * 997)}) for number in range(12)),
        *((module, entry, {}) for module, entries in ENTRIES.items() for entry in entries),
    ]
    return [(module, entry, canonical_json(inputs).decode()) for module, entry, inputs in wanted]


@pytest.fixture(scope="module")
async def casts(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[list[Cast]]:
    """All of them, run in one sandbox process."""
    pool = SandboxPool(1)
    await pool.start()
    modules = {digest_of(module): guest(module) for module, _, _ in _wanted()}

    async def fetch(digest: str) -> bytes:
        return modules[digest]

    executor = Executor(
        pool,
        code_store(tmp_path_factory.mktemp("code"), fetch),
        ResourceStore(fetch),
        RunnerKey(base64_of(bytes(FLEET_KEY))),
        VerdictWriter("runner-1", pool.engine),
        Nobody(),
        Nobody(),
    )
    yield [await _cast(executor, *wanted) for wanted in _wanted()]
    await pool.close()


async def _cast(executor: Executor, module: str, entry: str, inputs: str) -> Cast:
    plan = plan_of(digest_of(module), entry=entry)
    made = request_for(module, json.loads(inputs), entry=entry, limits=plan.limits)
    # As canonical text: exactly what the record digests.
    request = made.model_copy(
        update={
            "policy": plan.policy,
            "sealed_inputs": _sealed(inputs),
            "seed": seed_of(make_vault(), made.cast_id),
            "clock_unix_ms": CLOCK,
        }
    )
    verdict = await executor.execute(Execution(request))
    output = opened(verdict.sealed_output) if verdict.sealed_output else b""
    return Cast(module, inputs, noted(request, plan, verdict, inputs, output), output)


def _sealed(inputs: str) -> str:
    from runner.sealing import seal

    return seal(base64_of(bytes(FLEET_KEY.public_key)), inputs.encode())


def _differences(receipt: Receipt, answer: ReplayAnswer) -> list[str]:
    assert answer.replayed is not None, answer.refusal
    return [str(c) for c in replay_checks(receipt, answer.replayed) if not c.passed]


async def test_a_hundred_different_casts_replay_bit_for_bit_in_other_processes(
    casts: list[Cast],
) -> None:
    requests = [replay_request(cast.receipt, cast.module, cast.inputs) for cast in casts]
    batches = [requests[number::PROCESSES] for number in range(PROCESSES)]
    answers = await asyncio.gather(*(replayed(batch) for batch in batches))
    told = {
        request.cast_id: answer
        for batch, answered in zip(batches, answers, strict=True)
        for request, answer in zip(batch, answered, strict=True)
    }
    assert len(told) == 100
    found = [_differences(cast.receipt, told[cast.receipt.cast_id]) for cast in casts]
    assert [different for different in found if different] == []


def test_the_hundred_casts_are_different_and_end_in_every_way(casts: list[Cast]) -> None:
    """Otherwise the test above would prove less than it says."""
    assert len({cast.output for cast in casts}) > 80
    assert len({cast.output for cast in casts if cast.module == "draws"}) == 10
    assert len({cast.receipt.usage.fuel for cast in casts}) > 70
    assert len({cast.receipt.usage.memory_bytes_peak for cast in casts}) > 5
    assert {cast.receipt.code for cast in casts} >= {
        *(None, "SPELL_FAILED", "SPELL_TRAPPED", "MEMORY_EXCEEDED", "FUEL_EXHAUSTED"),
        *("OUTPUT_TOO_LARGE", "STACK_EXHAUSTED"),
    }


async def test_what_cannot_be_replayed_is_refused_with_the_reason(casts: list[Cast]) -> None:
    cast = casts[0]
    request = replay_request(cast.receipt, cast.module, cast.inputs)
    other_engine = request.model_copy(update={"engine": "wasmtime-1.0.0/000000000000"})
    other_module = replay_request(cast.receipt, "echo", cast.inputs)
    no_base64 = request.model_copy(update={"module_base64": "not base64"})
    answers = await replayed([other_engine, other_module, no_base64, request])
    refusals = [answer.refusal for answer in answers]
    assert refusals[0] is not None
    assert "wasmtime-1.0.0/000000000000" in refusals[0]
    assert cast.receipt.engine in refusals[0]
    assert refusals[1:3] == [
        "the module is not the one that ran: its digest is another",
        "the module is not base64",
    ]
    assert _differences(cast.receipt, answers[3]) == [], "refusals are in nobody's way"


async def test_a_line_that_is_no_request_is_answered_and_the_next_one_served(
    casts: list[Cast],
) -> None:
    good = replay_request(casts[0].receipt, casts[0].module, casts[0].inputs)
    lines = b'{"cast_id": 1}\nnonsense\n\xff\n' + good.model_dump_json().encode() + b"\n"
    answers = [ReplayAnswer.model_validate_json(line) for line in await replay_lines(lines)]
    assert ["the request cannot be read" in (answer.refusal or "") for answer in answers] == [
        *(True, True, True, False),
    ]
    assert answers[3].replayed is not None


async def test_other_inputs_give_another_digest_and_other_fuel(casts: list[Cast]) -> None:
    cast, other = casts[3], casts[4]
    (answer,) = await replayed([replay_request(cast.receipt, cast.module, other.inputs)])
    assert answer.replayed is not None
    different = {c.name for c in replay_checks(cast.receipt, answer.replayed) if not c.passed}
    assert {"replay fuel", "replay output digest", "replay input_bytes"} <= different


def test_a_replay_that_ended_in_another_way_is_told_apart(casts: list[Cast]) -> None:
    receipt = casts[0].receipt
    other = Replayed(engine=receipt.engine, status=CastStatus.FAILED, code="SPELL_TRAPPED")
    different = {c.name for c in replay_checks(receipt, other) if not c.passed}
    assert {"replay status", "replay code", "replay fuel"} <= different

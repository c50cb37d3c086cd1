"""Receipts for tests: made of real records, signed by a vault, and replayed by real processes."""

import asyncio
import base64
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from activities._records import record_of, salt_of, seed_of
from infra.vault import PlatformVault
from schema.contracts.cast import (
    RunOrder,
    RunOutcome,
)
from schema.contracts.plans import RunPlan
from schema.contracts.problem import Problem
from schema.contracts.receipt import (
    PAYLOAD_TYPE,
    SIGNING_PURPOSE,
    AnyReceipt,
    Receipt,
    ReceiptRun,
    ReceiptTransfer,
)
from schema.contracts.replay import ReplayAnswer, ReplayRequest
from schema.contracts.run import RunRequest, Usage, Verdict
from schema.pricing import Price
from schema.receipts import envelope_of, key_id_of, pae, statement_of
from schema.settlement import charge_of, status_of
from tests.modules.fleet import new_cast_id
from tests.modules.guests import guest
from tests.support.builders import LIMITS, METERED, USAGE
from tests.support.platform import make_vault, verdict_for

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "sha256:" + "a" * 64
HOLD = 1_000_000
BEGAN = datetime(2026, 11, 24, 3, 55, 23, 458144, tzinfo=UTC)
CLOCK = int(BEGAN.timestamp() * 1000)


def plan_of(module_digest: str, price: Price = METERED, **changes: object) -> RunPlan:
    return RunPlan.model_validate(
        {
            "spell_key": "com.example.words",
            "version": "1.0.0",
            "package_digest": PACKAGE,
            "module_digest": module_digest,
            "entry": "_start",
            "limits": LIMITS,
            "price": price,
            "maker_account_id": "acct_" + "m" * 16,
            **changes,
        }
    )


def noted(
    request: RunRequest, plan: RunPlan, verdict: Verdict, inputs: str, output: bytes
) -> Receipt:
    """The receipt of a run, as the activity would note it and settlement charge it."""
    order = RunOrder(cast_id=request.cast_id, plan=plan, inputs_json=inputs)
    salt = salt_of(make_vault(), request.cast_id)
    record = record_of(order, verdict, output, {}, seed=request.seed, salt=salt)
    assert record is not None
    run = ReceiptRun(**record.model_dump(), salt=salt)
    return _settled(request.cast_id, run, verdict)


def a_receipt(
    *,
    price: Price = METERED,
    inputs: str = "{}",
    output: bytes = b'{"ok":true}',
    usage: Usage = USAGE,
    **verdict: object,
) -> Receipt:
    """A receipt of a run that a scripted runner told of."""
    cast_id, vault = new_cast_id(), make_vault()
    request = RunRequest(
        cast_id=cast_id,
        module_digest="sha256:" + "b" * 64,
        entry="_start",
        limits=LIMITS,
        seed=seed_of(vault, cast_id),
        clock_unix_ms=CLOCK,
        sealed_inputs="",
        reply_public_key=vault.reply_public_key,
        expires_at_unix=CLOCK,
    )
    told = verdict_for(request, output=output, usage=usage, **verdict)  # type: ignore[arg-type]
    return noted(request, plan_of(request.module_digest, price), told, inputs, output)


def signed(receipt: AnyReceipt, vault: PlatformVault | None = None) -> bytes:
    """The receipt's envelope, as the platform would answer it."""
    vault, payload = vault or make_vault(), statement_of(receipt)
    signature = vault.sign(SIGNING_PURPOSE, pae(PAYLOAD_TYPE, payload))
    return envelope_of(payload, key_id_of(vault.public_key(SIGNING_PURPOSE)), signature)


def replay_request(receipt: Receipt, module: str, inputs: str) -> ReplayRequest:
    return ReplayRequest(
        cast_id=receipt.cast_id,
        engine=receipt.engine,
        record=receipt.run,
        module_base64=base64.b64encode(guest(module)).decode(),
        inputs_json=inputs,
    )


async def replayed(requests: Sequence[ReplayRequest]) -> list[ReplayAnswer]:
    """The answers of one `python -m runner.replay`."""
    lines = b"".join(request.model_dump_json().encode() + b"\n" for request in requests)
    return [ReplayAnswer.model_validate_json(line) for line in await replay_lines(lines)]


async def replay_lines(lines: bytes) -> list[bytes]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-s", "-B", "-m", "runner.replay"),
        cwd=ROOT,
        env={},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    answers, errors = await asyncio.wait_for(process.communicate(lines), 90)
    assert process.returncode == 0, errors.decode()
    return answers.splitlines()


def _settled(cast_id: str, record: ReceiptRun, verdict: Verdict) -> Receipt:
    problem = Problem(code=verdict.code, message="") if verdict.code else None
    outcome = RunOutcome(outcome=verdict.outcome, problem=problem, usage=verdict.usage)
    assert verdict.usage is not None
    cost = min(charge_of(record.price, outcome) or 0, HOLD)
    moved = {"hold": HOLD, "post": cost - cost // 5, "fee": cost // 5, "void": HOLD - cost}
    return Receipt(
        cast_id=cast_id,
        spell="com.example.words",
        version="1.0.0",
        package_digest=PACKAGE,
        engine=verdict.engine,
        run=record,
        status=status_of(verdict.outcome),
        code=verdict.code,
        usage=verdict.usage,
        hold_micros=HOLD,
        cost_micros=cost,
        currency=record.price.currency,
        transfers=[
            ReceiptTransfer(reference=f"{cast_id}:{kind}", kind=kind, amount_micros=amount)
            for kind, amount in moved.items()
            if amount
        ],
        created_at=BEGAN,
        started_at=BEGAN + timedelta(milliseconds=3),
        finished_at=BEGAN + timedelta(milliseconds=9),
    )

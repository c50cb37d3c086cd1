"""What a runner seals is not trusted to open: such a cast ends, uncharged, and keeps nothing."""

from typing import Any, cast

import pytest

from activities.outputs import Outputs
from schema.contracts.cast import (
    RunOrder,
)
from schema.contracts.plans import RunPlan
from schema.contracts.run import Outcome, RunRequest
from schema.settlement import charge_of
from tests.support.builders import FLAT_500, LIMITS
from tests.support.fakes import AnySchema, MemoryBlobs
from tests.support.platform import make_vault, verdict_for

CAST = "cast_" + "a" * 16 + "_" + "b" * 26
PLAN = RunPlan(
    spell_key="com.acme.any",
    version="1.0.0",
    package_digest="sha256:" + "1" * 64,
    module_digest="sha256:" + "2" * 64,
    entry="_start",
    limits=LIMITS,
    price=FLAT_500,
    maker_account_id="acct_" + "a" * 16,
)


@pytest.mark.parametrize("member", ["sealed_output", "sealed_stderr"])
@pytest.mark.parametrize("sealed", ["AAAA", "no base64", "A" * 400])
async def test_a_box_that_does_not_open_ends_the_cast_uncharged(member: str, sealed: str) -> None:
    blobs = MemoryBlobs()
    outputs = Outputs(cast("Any", None), blobs, make_vault(), AnySchema())
    request = RunRequest(
        cast_id=CAST,
        module_digest=PLAN.module_digest,
        entry=PLAN.entry,
        limits=LIMITS,
        sealed_inputs="",
        reply_public_key=make_vault().reply_public_key,
        expires_at_unix=1,
    )
    verdict = verdict_for(request).model_copy(update={member: sealed})
    order = RunOrder(cast_id=CAST, plan=PLAN, inputs_json="{}")
    outcome = await outputs.keep(order, verdict)
    assert outcome.outcome is Outcome.LOST
    assert outcome.problem is not None
    assert outcome.problem.code == "RUNNER_LOST"
    assert charge_of(PLAN.price, outcome) is None
    assert blobs.content == {}

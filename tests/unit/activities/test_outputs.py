"""What a runner seals is not trusted: what does not open, or is no archive that runners make, ends
its cast uncharged, and nothing of it is kept.
"""

from typing import Any, cast

import pytest

from activities.outputs import Outputs
from infra.artifact_store import EncryptedArtifactStore
from runner.sealing import seal
from schema.blob_keys import artifact_key, output_key
from schema.contracts.cast import RunOrder, RunOutcome
from schema.contracts.plans import RunPlan
from schema.contracts.run import Outcome, RunLimits, RunRequest, Verdict
from schema.packaging.artifact_archive import write_artifacts
from schema.packaging.tar_writing import write_tar
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


LEAVING = LIMITS.model_copy(update={"artifacts_bytes_max": 10_000})
REQUEST = RunRequest(
    cast_id=CAST,
    module_digest=PLAN.module_digest,
    entry=PLAN.entry,
    limits=LEAVING,
    sealed_inputs="",
    reply_public_key=make_vault().reply_public_key,
    expires_at_unix=1,
)
FILES = {"chart.svg": b"<svg/>", "rows/1.csv": b"a,b", "rows/2.csv": b""}


async def keep(blobs: MemoryBlobs, verdict: Verdict, limits: RunLimits = LEAVING) -> RunOutcome:
    store = EncryptedArtifactStore(cast("Any", blobs), make_vault())
    casts = cast("Any", Schemas())
    outputs = Outputs(casts, blobs, make_vault(), AnySchema(), store)
    plan = PLAN.model_copy(update={"limits": limits})
    return await outputs.keep(RunOrder(cast_id=CAST, plan=plan, inputs_json="{}"), verdict)


class Schemas:
    async def schemas_of(self, plan: RunPlan) -> bytes:
        del plan
        return b"{}"


def leaving(archive: bytes, **said: Any) -> Verdict:
    return verdict_for(REQUEST, **said).model_copy(
        update={"sealed_artifacts": seal(REQUEST.reply_public_key, archive)}
    )


@pytest.mark.parametrize("member", ["sealed_output", "sealed_stderr", "sealed_artifacts"])
@pytest.mark.parametrize("sealed", ["AAAA", "no base64", "A" * 400])
async def test_a_box_that_does_not_open_ends_the_cast_uncharged(member: str, sealed: str) -> None:
    blobs = MemoryBlobs()
    outcome = await keep(blobs, verdict_for(REQUEST).model_copy(update={member: sealed}))
    assert outcome.outcome is Outcome.LOST
    assert outcome.problem is not None
    assert outcome.problem.code == "RUNNER_LOST"
    assert charge_of(PLAN.price, outcome) is None
    assert blobs.content == {}


async def test_artifacts_of_a_success_are_kept_beside_its_output() -> None:
    blobs = MemoryBlobs()
    outcome = await keep(blobs, leaving(write_artifacts(FILES)))
    assert [(each.name, each.bytes) for each in outcome.artifacts] == [
        (name, len(content)) for name, content in FILES.items()
    ]
    assert set(blobs.content) == {
        output_key(CAST),
        *(artifact_key(CAST, name) for name in FILES),
    }
    assert outcome.record is not None
    assert [each.name for each in outcome.record.artifacts] == list(FILES)
    assert not any(b"<svg/>" in content for content in blobs.content.values())


async def test_keeping_twice_keeps_one_set() -> None:
    blobs = MemoryBlobs()
    verdict = leaving(write_artifacts(FILES))
    first = await keep(blobs, verdict)
    keys = set(blobs.content)
    assert (await keep(blobs, verdict)).artifacts == first.artifacts
    assert set(blobs.content) == keys


async def test_nothing_is_kept_beside_an_output_that_breaks_its_schema() -> None:
    blobs = MemoryBlobs()
    outcome = await keep(blobs, leaving(write_artifacts(FILES), output=b'{"bad":true}'))
    assert outcome.problem is not None
    assert outcome.problem.code == "OUTPUT_INVALID"
    assert (outcome.artifacts, blobs.content) == ([], {})


@pytest.mark.parametrize(
    "archive",
    [
        b"no tar",
        write_artifacts(FILES)[:-512],
        write_artifacts({"large": bytes(10_001)}),
        write_artifacts({str(number): b"" for number in range(33)}),
        write_tar({"../x": b""}),
        write_tar({"output.json": b"{}"}),
    ],
    ids=["noise", "cut", "too large", "too many", "a way up", "the output's name"],
)
async def test_an_archive_that_no_runner_makes_ends_the_cast_uncharged(archive: bytes) -> None:
    blobs = MemoryBlobs()
    outcome = await keep(blobs, leaving(archive))
    assert outcome.outcome is Outcome.LOST
    assert charge_of(PLAN.price, outcome) is None
    assert (outcome.artifacts, blobs.content) == ([], {})


async def test_artifacts_that_nobody_asked_for_end_the_cast_uncharged() -> None:
    blobs = MemoryBlobs()
    outcome = await keep(blobs, leaving(write_artifacts({"x": b"1"})), LIMITS)
    assert (outcome.outcome, blobs.content) == (Outcome.LOST, {})


async def test_artifacts_of_a_failure_end_the_cast_uncharged() -> None:
    blobs = MemoryBlobs()
    verdict = leaving(write_artifacts(FILES), outcome=Outcome.FAILED, code="SPELL_FAILED")
    outcome = await keep(blobs, verdict)
    assert (outcome.outcome, blobs.content) == (Outcome.LOST, {})

"""What is noted of a run, so that it can be run again and its price computed again."""

from collections.abc import Mapping

from activities.ports import Vault
from schema.contracts.actions import CollectOrder
from schema.contracts.actions_record import ActionsRecord, GitHubWord
from schema.contracts.cast import RunOrder, RunRecord
from schema.contracts.plans import ActionsTarget
from schema.contracts.run import Verdict
from schema.receipts import SALT_BYTES, SALT_PURPOSE, artifact_digests, salted_digest


def seed_of(vault: Vault, cast_id: str) -> str:
    """What a cast's random numbers are made of, in hex: the same on every attempt."""
    return vault.derive(cast_id, "run-seed", 32).hex()


def salt_of(vault: Vault, cast_id: str) -> str:
    """What goes before a cast's input and output when they are digested, in hex."""
    return vault.derive(cast_id, SALT_PURPOSE, SALT_BYTES).hex()


def record_of(
    order: RunOrder,
    verdict: Verdict,
    output: bytes,
    artifacts: Mapping[str, bytes],
    *,
    seed: str,
    salt: str,
) -> RunRecord | None:
    """The record of a run that a verdict tells of; None when nothing ran."""
    if verdict.usage is None:
        return None
    plan = order.plan
    return RunRecord(
        module_digest=plan.module_digest,
        target=plan.target,
        entry=plan.entry,
        limits=plan.limits,
        policy=plan.policy,
        price=plan.price,
        seed=seed,
        clock_unix_ms=verdict.clock_unix_ms,
        input_digest=salted_digest(salt, order.inputs_json.encode("utf-8")),
        output_digest=salted_digest(salt, output) if verdict.sealed_output else None,
        artifacts=artifact_digests(salt, artifacts),
    )


def actions_record_of(order: CollectOrder) -> ActionsRecord | None:
    """The record of an Actions run, without what it gave; None when no job of it began."""
    look, plan = order.look, order.plan
    if look.started_at is None or order.input_digest is None:
        return None
    target = {name: getattr(plan, name) for name in ActionsTarget.model_fields}
    word = GitHubWord(
        commit=look.commit,
        run_id=order.run.run_id,
        run_attempt=look.run_attempt,
        html_url=order.run.html_url,
        conclusion=look.conclusion,
        started_at=look.started_at,
        ended_at=look.ended_at,
    )
    return ActionsRecord(
        mode=plan.mode,
        price=plan.price,
        github=word,
        input_digest=order.input_digest,
        **target,
    )

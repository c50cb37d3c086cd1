"""What is noted of a run, so that it can be run again and its price computed again."""

from collections.abc import Mapping

from activities.ports import Vault
from schema.contracts.cast import RunOrder, RunRecord
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

"""What can be found out about a receipt without asking anybody: pure functions.

Each check names one thing, says what the receipt says of it and what was found.
"""

from collections.abc import Iterable

from schema.actions_ends import SUCCESS, wall_ms_between
from schema.contracts.actions_record import RecordedArtifact
from schema.contracts.cast import ArtifactDigest, CastStatus, RunOutcome
from schema.contracts.problem import Problem
from schema.contracts.receipt import ActionsReceipt, AnyReceipt, Check, Receipt
from schema.contracts.replay import Replayed
from schema.contracts.run import Outcome
from schema.receipts import salted_digest
from schema.settlement import charge_of

NOTHING = "none"
# What the guest does decides these; wall_ms and cpu_ms are the machine's.
DETERMINISTIC_USAGE = (
    "fuel",
    "memory_bytes_peak",
    "input_bytes",
    "output_bytes",
    "stderr_bytes",
    "host_calls",
    "scratch_bytes_peak",
)
_OUTCOMES = {
    CastStatus.SUCCEEDED: Outcome.SUCCEEDED,
    CastStatus.FAILED: Outcome.FAILED,
    CastStatus.TIMED_OUT: Outcome.TIMED_OUT,
    CastStatus.CANCELLED: Outcome.CANCELLED,
}
ENDED_BY_THE_MACHINE = frozenset(
    {"TIME_EXCEEDED", "CPU_EXCEEDED", "CAST_CANCELLED", "RUNNER_LOST", "QUEUE_TIMEOUT"}
)
"""Ends that a clock, a person or a fault decided, and not what the guest did."""
ON_ACTIONS = (
    "it ran on GitHub Actions, on machines and with tools that are not the platform's: no run there"
    " can be run again bit for bit. The receipt names repository, commit and run, to look at"
)
"""Why no cast of mode workflow replays."""
# Codes by which the platform judged an output that the run itself gave in good order.
_JUDGED_LATER = frozenset({"OUTPUT_INVALID"})


def compared(name: str, signed: object, found: object) -> Check:
    """A check that two things are equal."""
    return Check(name=name, passed=signed == found, signed=_shown(signed), found=_shown(found))


def standing_checks(receipt: AnyReceipt) -> list[Check]:
    """Everything that a receipt proves or breaks by itself, but for its signature."""
    checks = [cost_check(receipt), transfers_check(receipt), limits_check(receipt)]
    if isinstance(receipt, ActionsReceipt):
        checks += [conclusion_check(receipt), time_check(receipt)]
    return checks


def cost_check(receipt: AnyReceipt) -> Check:
    """Whether the cost is what price and usage come to, by the rules of settlement."""
    return compared("cost", receipt.cost_micros, _cost_of(receipt))


def transfers_check(receipt: AnyReceipt) -> Check:
    """Whether the ledger's movements add up: hold in, charge and rest out."""
    moved = {transfer.kind: transfer.amount_micros for transfer in receipt.transfers}
    cost = receipt.cost_micros
    due = {"hold": receipt.hold_micros, "charge": cost, "void": receipt.hold_micros - cost}
    found = {
        "hold": moved.get("hold", 0),
        "charge": moved.get("post", 0) + moved.get("fee", 0),
        "void": moved.get("void", 0),
    }
    references = {f"{receipt.cast_id}:{transfer.kind}" for transfer in receipt.transfers}
    named = {transfer.reference for transfer in receipt.transfers}
    check = compared("transfers", due, found)
    return check.model_copy(update={"passed": check.passed and references == named})


def limits_check(receipt: AnyReceipt) -> Check:
    """Whether nothing was used beyond the run's limits."""
    over = [name for name, (used, most) in _bounded(receipt).items() if used > most]
    return compared("usage within limits", NOTHING, ", ".join(over) or NOTHING)


def _bounded(receipt: AnyReceipt) -> dict[str, tuple[int, int]]:
    """What is metered, with its limit."""
    usage = receipt.usage
    if isinstance(receipt, ActionsReceipt):
        return {"wall_ms": (usage.wall_ms, receipt.run.limits.timeout_ms)}
    limits = receipt.run.limits
    bounded = {
        "fuel": (usage.fuel, limits.fuel),
        "wall_ms": (usage.wall_ms, limits.timeout_ms),
        "memory_bytes_peak": (usage.memory_bytes_peak, limits.memory_bytes_max),
        "output_bytes": (usage.output_bytes, limits.output_bytes_max),
        "stderr_bytes": (usage.stderr_bytes, limits.stderr_bytes_max),
        "host_calls": (usage.host_calls, limits.host_calls_max),
        "scratch_bytes_peak": (usage.scratch_bytes_peak, limits.scratch_bytes_max),
    }
    if limits.artifacts_bytes_max or usage.artifact_bytes:
        bounded["artifact_bytes"] = (usage.artifact_bytes, limits.artifacts_bytes_max)
    return bounded


def conclusion_check(receipt: ActionsReceipt) -> Check:
    """Whether a cast that succeeded rests on a run of which GitHub says so, too."""
    succeeded = receipt.status is CastStatus.SUCCEEDED
    conclusion = receipt.run.github.conclusion
    return compared("conclusion", SUCCESS if succeeded else conclusion, conclusion)


def time_check(receipt: ActionsReceipt) -> Check:
    """Whether the time that was charged is that of GitHub's clock, within the limit.

    A run that was not waited for has no end by that clock: the platform counted, and nothing else
    can be said of it.
    """
    word, used = receipt.run.github, receipt.usage.wall_ms
    if word.ended_at is None:
        return compared("time by GitHub's clock", used, used)
    ran_ms = wall_ms_between(word.started_at, word.ended_at)
    return compared("time by GitHub's clock", used, min(ran_ms, receipt.run.limits.timeout_ms))


def artifact_check(
    artifact: ArtifactDigest | RecordedArtifact, salt: str, content: bytes | None
) -> Check:
    """Whether these bytes are what the run left under this name; None: it is not at hand."""
    found = None if content is None else salted_digest(salt, content)
    return compared(f"artifact digest {artifact.name}", artifact.digest, found)


def input_check(receipt: AnyReceipt, content: bytes) -> Check:
    """Whether these canonical inputs are what the spell read."""
    return compared(
        "input digest", receipt.run.input_digest, salted_digest(receipt.run.salt, content)
    )


def output_check(receipt: AnyReceipt, content: bytes) -> Check:
    """Whether these bytes are what the spell wrote."""
    return compared(
        "output digest", receipt.run.output_digest, salted_digest(receipt.run.salt, content)
    )


def replay_refusal(receipt: AnyReceipt) -> str | None:
    """Why a replay of this cast would prove nothing; None when it must give the same."""
    if isinstance(receipt, ActionsReceipt):
        return ON_ACTIONS
    policy = receipt.run.policy
    if not policy.deterministic or policy.net_allow:
        return "the spell is not deterministic: it used a real clock, real chance or the network"
    if receipt.code in ENDED_BY_THE_MACHINE:
        return f"the run was ended from outside ({receipt.code}), not by what the spell did"
    return None


def replay_checks(receipt: Receipt, replayed: Replayed) -> list[Check]:
    """Everything that must be the same, bit for bit, when the same runs again."""
    run = receipt.run
    judged = receipt.code in _JUDGED_LATER
    status, code = (CastStatus.SUCCEEDED, None) if judged else (receipt.status, receipt.code)
    checks = [
        compared("replay engine", receipt.engine, replayed.engine),
        compared("replay status", status.value, replayed.status.value),
        compared("replay code", code, replayed.code),
        compared("replay output digest", run.output_digest, replayed.output_digest),
    ]
    if run.limits.artifacts_bytes_max:
        left, found_again = _by_name(run.artifacts), _by_name(replayed.artifacts)
        checks.append(compared("replay artifacts", left or None, found_again or None))
    for name in _figures(receipt):
        found = getattr(replayed.usage, name) if replayed.usage else None
        checks.append(compared(f"replay {name}", getattr(receipt.usage, name), found))
    return checks


def _figures(receipt: Receipt) -> tuple[str, ...]:
    more = ("artifact_bytes",) if receipt.run.limits.artifacts_bytes_max else ()
    return DETERMINISTIC_USAGE + more


def _by_name(artifacts: Iterable[ArtifactDigest]) -> dict[str, str]:
    return {artifact.name: artifact.digest for artifact in artifacts}


def _cost_of(receipt: AnyReceipt) -> int:
    problem = None if receipt.code is None else Problem(code=receipt.code, message="")
    outcome = RunOutcome(outcome=_OUTCOMES[receipt.status], problem=problem, usage=receipt.usage)
    return min(charge_of(receipt.run.price, outcome) or 0, receipt.hold_micros)


def _shown(value: object) -> str:
    if value is None:
        return NOTHING
    if isinstance(value, dict):
        return ", ".join(f"{name} {amount}" for name, amount in value.items())
    return str(value)

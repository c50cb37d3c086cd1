"""Names that two processes must agree on: task queues, streams, subjects, search attributes."""

CASTS_TASK_QUEUE = "casts"
PUBLISHING_TASK_QUEUE = "publishing"
SUPPLY_CHAIN_TASK_QUEUE = "supply-chain"
GITHUB_TASK_QUEUE = "github"
"""Runs on GitHub Actions: threaded activities, since GitHub's client is synchronous."""
PURCHASES_TASK_QUEUE = "purchases"
WEBHOOKS_TASK_QUEUE = "webhooks"

# JetStream. RUNS is a work queue of RunRequests; VERDICTS keeps one Verdict per cast; CLAIMS the
# one start of each run that must not start twice; DEAD_RUNS what no runner could do.
RUNS_STREAM = "RUNS"
RUNS_CONSUMER = "runners"
VERDICTS_STREAM = "VERDICTS"
CLAIMS_STREAM = "CLAIMS"
DEAD_RUNS_STREAM = "DEAD_RUNS"
MODULES_BUCKET = "modules"
"""Modules and resources by digest, and compiled code by engine and digest."""


REVOCATIONS_BUCKET = "revocations"
"""Digests of revoked packages and modules, for runners."""


def revocation_key(digest: str) -> str:
    """What a revoked digest is called in its bucket: a key there holds no colon."""
    return f"digest.{digest.removeprefix('sha256:')}"


def revocation_subject(key: str) -> str:
    """Where NATS keeps and announces a key of the bucket."""
    return f"$KV.{REVOCATIONS_BUCKET}.{key}"


def code_object(engine: str, module_digest: str) -> str:
    """What a module's compiled code for one engine is called in the bucket."""
    return f"code/{engine}/{module_digest}"


def run_subject(module_digest: str, account_id: str) -> str:
    """Work-queue subject of a run.

    By module, so that a fleet can keep caches warm; by caster, so that the queue itself bounds
    what one caster has in it.
    """
    return f"run.{module_digest.removeprefix('sha256:')}.{account_id.removeprefix('acct_')}"


def claim_subject(cast_id: str) -> str:
    """Where a runner says that it starts a run which must start at most once."""
    return f"claim.{cast_id}"


def dead_run_subject(reason: str) -> str:
    """Where a runner puts a run that it gives up on: `unreadable` or `lost`."""
    return f"dead.{reason}"


def verdict_subject(cast_id: str) -> str:
    """Where the one accepted verdict of a cast is published."""
    return f"verdict.{cast_id}"


def signal_subject(cast_id: str) -> str:
    """Core-NATS wake-ups from the runner: hints, never the truth.

    One of those below; `PROGRESS_HINT` is followed by the JSON of a report, sealed to the platform.
    The platform itself sends `STOP_HINT`, beside its request on `stop.<cast id>`.
    """
    return f"signal.{cast_id}"


STARTED_HINT = "started"
VERDICT_HINT = "verdict"
STOP_HINT = "stop"
PROGRESS_HINT = b"progress "
"""How a hint begins that carries a progress report."""


def stop_subject(cast_id: str) -> str:
    """Core-NATS request to whichever runner holds this cast to stop it now."""
    return f"stop.{cast_id}"


def event_subject(cast_id: str) -> str:
    """Core-NATS wake-up that the cast's events table has grown."""
    return f"event.{cast_id}"


# Temporal search attributes. They are not encrypted: ids, codes and numbers only.
SEARCH_SPELL = "SpellKey"
SEARCH_ACCOUNT = "SpellAccount"
SEARCH_MODE = "SpellMode"
SEARCH_STATUS = "SpellStatus"
SEARCH_COST = "SpellCostMicros"

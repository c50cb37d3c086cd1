"""Names that two processes must agree on: task queues, streams, subjects, search attributes."""

CASTS_TASK_QUEUE = "casts"
PUBLISHING_TASK_QUEUE = "publishing"

# JetStream. RUNS is a work queue of RunRequests; VERDICTS keeps one Verdict per cast.
RUNS_STREAM = "RUNS"
RUNS_CONSUMER = "runners"
VERDICTS_STREAM = "VERDICTS"
MODULES_BUCKET = "modules"


def run_subject(module_digest: str) -> str:
    """Work-queue subject of a run, by module so that a fleet can keep caches warm."""
    return f"run.{module_digest.removeprefix('sha256:')}"


def verdict_subject(cast_id: str) -> str:
    """Where the one accepted verdict of a cast is published."""
    return f"verdict.{cast_id}"


def signal_subject(cast_id: str) -> str:
    """Core-NATS wake-ups from the runner (`started`, `verdict`): hints, never the truth."""
    return f"signal.{cast_id}"


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

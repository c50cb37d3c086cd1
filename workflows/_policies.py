"""Named timeouts and retry policies of all workflows."""

from datetime import timedelta
from typing import Any

from temporalio.common import RetryPolicy

from schema import limits

_FAST = RetryPolicy(
    initial_interval=timedelta(milliseconds=100),
    backoff_coefficient=2,
    maximum_interval=timedelta(seconds=5),
)

# The caller waits for the decision; beyond this it is told to come back.
ADMIT: dict[str, Any] = {
    "start_to_close_timeout": timedelta(seconds=10),
    "schedule_to_close_timeout": timedelta(seconds=45),
    "retry_policy": _FAST,
}

# Reads that a person waits for.
LOOK_UP: dict[str, Any] = {
    "start_to_close_timeout": timedelta(seconds=10),
    "schedule_to_close_timeout": timedelta(minutes=1),
    "retry_policy": _FAST,
}

# Money waits for the database as long as it takes.
SETTLE: dict[str, Any] = {
    "start_to_close_timeout": timedelta(seconds=10),
    "retry_policy": _FAST,
}

RELEASE: dict[str, Any] = {
    "start_to_close_timeout": timedelta(seconds=10),
    "retry_policy": _FAST,
}

# If no runner can be told, the release still goes on: a verdict that nobody settles costs nothing.
STOP: dict[str, Any] = {
    "start_to_close_timeout": timedelta(seconds=10),
    "schedule_to_close_timeout": timedelta(seconds=30),
    "retry_policy": _FAST,
}


# GitHub is asked before money is held, while the caller waits: what it does not say soon is no.
ASK_GITHUB: dict[str, Any] = {
    "start_to_close_timeout": timedelta(seconds=15),
    "schedule_to_close_timeout": timedelta(seconds=30),
    "retry_policy": _FAST,
}
FALL_BACK = LOOK_UP
# An Actions run is told to stop by a signal; GitHub may take its time, and money does not wait.
ACTIONS_STOP = timedelta(minutes=2)


def run_options(timeout_ms: int) -> dict[str, Any]:
    """Options of the run: room for the queue, the spell's own time, and a lost worker or two.

    The activity ends itself at its own deadline, well before these; a worker that dies is noticed
    by the missing heartbeat and another one resumes the wait.
    """
    longest = timedelta(
        seconds=limits.QUEUE_SECONDS_MAX + limits.VERDICT_GRACE_SECONDS + 120,
        milliseconds=timeout_ms,
    )
    return {
        "start_to_close_timeout": longest,
        "schedule_to_close_timeout": longest,
        "heartbeat_timeout": timedelta(seconds=8),
        "retry_policy": _FAST,
    }


# One check of a package: a bill of materials takes a minute at worst, and may have to wait.
CHECK: dict[str, Any] = {
    "start_to_close_timeout": timedelta(seconds=limits.BILL_CHECK_SECONDS_MAX + 30),
    "schedule_to_close_timeout": timedelta(minutes=4),
    "retry_policy": _FAST,
}
# How it ended must be told, however long the database is away.
CONCLUDE: dict[str, Any] = {
    "start_to_close_timeout": timedelta(seconds=20),
    "retry_policy": _FAST,
}
# Checking a module: minutes of CPU at worst, all of it repeatable.
INSPECT: dict[str, Any] = {
    "start_to_close_timeout": timedelta(seconds=limits.MODULE_CHECK_SECONDS_MAX + 30),
    "schedule_to_close_timeout": timedelta(minutes=5),
    "retry_policy": _FAST,
}
RECORD: dict[str, Any] = {
    "start_to_close_timeout": timedelta(seconds=20),
    "schedule_to_close_timeout": timedelta(minutes=2),
    "retry_policy": _FAST,
}
# The next look comes in a minute; a look that hangs must not be in its way.
RECONCILE: dict[str, Any] = {
    "start_to_close_timeout": timedelta(minutes=5),
    "heartbeat_timeout": timedelta(seconds=30),
    "retry_policy": RetryPolicy(maximum_attempts=3),
}
# It watches for a minute; what a worker that died left is to be sealed within seconds.
SEAL: dict[str, Any] = {
    "start_to_close_timeout": timedelta(minutes=5),
    "heartbeat_timeout": timedelta(seconds=8),
    "retry_policy": RetryPolicy(maximum_attempts=3),
}

# Between the attempts at a webhook (Standard Webhooks' schedule): ten attempts in about three days.
WEBHOOK_PAUSES = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
# One attempt, which always has a result: what is repeated is a database or a worker that was away,
# or a receiver that has as many under way as it may.
WEBHOOK_ATTEMPT: dict[str, Any] = {
    "start_to_close_timeout": timedelta(seconds=limits.WEBHOOK_SECONDS_MAX + 15),
    "retry_policy": RetryPolicy(
        initial_interval=timedelta(milliseconds=500), maximum_interval=timedelta(minutes=1)
    ),
}
# Nobody waits, and the time must not be lost: as long as the platform is away. An attempt that is
# given up too early finds what it began.
CAST_ON_SCHEDULE: dict[str, Any] = {
    "start_to_close_timeout": timedelta(seconds=20),
    "retry_policy": RetryPolicy(
        initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1)
    ),
}
LOOK_AT_CAST: dict[str, Any] = {
    "start_to_close_timeout": timedelta(seconds=10),
    "retry_policy": RetryPolicy(
        initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1)
    ),
}

# Whoever revokes waits for the record; then every step goes on until it is done.
RECORD_REVOCATION: dict[str, Any] = {
    "start_to_close_timeout": timedelta(seconds=10),
    "retry_policy": _FAST,
}
SPREAD_REVOCATION: dict[str, Any] = {
    "start_to_close_timeout": timedelta(minutes=5),
    "heartbeat_timeout": timedelta(seconds=8),
    "retry_policy": _FAST,
}

# The buyer waits: for the word that the copy could be made, then for the page to pay on.
CHECK_PURCHASE: dict[str, Any] = {
    "start_to_close_timeout": timedelta(seconds=30),
    "schedule_to_close_timeout": timedelta(seconds=40),
    "heartbeat_timeout": timedelta(seconds=8),
    "retry_policy": _FAST,
}
OPEN_PAYMENT: dict[str, Any] = {
    "start_to_close_timeout": timedelta(seconds=20),
    "schedule_to_close_timeout": timedelta(seconds=50),
    "retry_policy": _FAST,
}
# Whether something was paid must be known, and what was paid goes back, however long it takes.
PAYMENT: dict[str, Any] = {
    "start_to_close_timeout": timedelta(seconds=40),
    "retry_policy": RetryPolicy(
        initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=5)
    ),
}
# Of purchases that nobody cares for: the next look goes on with what this one did not do.
RECOVER_PAYMENT: dict[str, Any] = {**PAYMENT, "schedule_to_close_timeout": timedelta(minutes=2)}
# It is paid, so GitHub may be away for a while before the money goes back.
GENERATE: dict[str, Any] = {
    "start_to_close_timeout": timedelta(minutes=2),
    "schedule_to_close_timeout": timedelta(minutes=30),
    "heartbeat_timeout": timedelta(seconds=10),
    "retry_policy": RetryPolicy(
        initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1)
    ),
}

# Steps of re-scans, clocks and notifications: nobody waits, so they wait for the database.
AFTERCARE: dict[str, Any] = {
    "start_to_close_timeout": timedelta(minutes=1),
    "retry_policy": RetryPolicy(
        initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=5)
    ),
}
# A page of versions: a check takes milliseconds, but a bill may be large and a verdict new.
RESCAN: dict[str, Any] = {**AFTERCARE, "start_to_close_timeout": timedelta(minutes=20)}
RESCAN["heartbeat_timeout"] = timedelta(minutes=2)
# Whole ecosystems at the first time; later what is new. The re-scan goes on without it.
IMPORT: dict[str, Any] = {
    "start_to_close_timeout": timedelta(hours=1),
    "heartbeat_timeout": timedelta(minutes=5),
    "retry_policy": RetryPolicy(
        initial_interval=timedelta(seconds=10), maximum_attempts=3, backoff_coefficient=6
    ),
}
# Receivers are away for a weekend, and must not be asked too often (Standard Webhooks).
DELIVER: dict[str, Any] = {
    "start_to_close_timeout": timedelta(minutes=1),
    "schedule_to_close_timeout": timedelta(days=4),
    "retry_policy": RetryPolicy(
        initial_interval=timedelta(minutes=1),
        backoff_coefficient=3,
        maximum_interval=timedelta(hours=8),
    ),
}

# Asking GitHub: one call takes 15 s at worst; a worker that dies is noticed by its heartbeat.
_GITHUB = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1))
CHECK_ACTIONS: dict[str, Any] = {
    "start_to_close_timeout": timedelta(seconds=40),
    "schedule_to_close_timeout": timedelta(seconds=45),
    "heartbeat_timeout": timedelta(seconds=8),
    "retry_policy": _FAST,
}
# What GitHub refuses for certain (a rate limit, above all) is waited for as long as a queue.
DISPATCH_ACTIONS: dict[str, Any] = {
    "start_to_close_timeout": timedelta(minutes=1),
    "schedule_to_close_timeout": timedelta(seconds=limits.ACTIONS_QUEUE_SECONDS_MAX),
    "heartbeat_timeout": timedelta(seconds=8),
    "retry_policy": _GITHUB,
}
# The workflow looks again by itself, and has to react to other things meanwhile.
LOOK_AT_ACTIONS: dict[str, Any] = {
    "start_to_close_timeout": timedelta(minutes=1),
    "schedule_to_close_timeout": timedelta(seconds=90),
    "heartbeat_timeout": timedelta(seconds=8),
    "retry_policy": _GITHUB,
}
STOP_ACTIONS: dict[str, Any] = {**LOOK_AT_ACTIONS}
# Artifacts of 256 MiB, and GitHub away for a while: what was paid for is worth waiting for.
COLLECT_ACTIONS: dict[str, Any] = {
    "start_to_close_timeout": timedelta(minutes=15),
    "schedule_to_close_timeout": timedelta(hours=1),
    "heartbeat_timeout": timedelta(seconds=30),
    "retry_policy": _GITHUB,
}

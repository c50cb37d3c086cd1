"""Who may say what on the bus. Production configures its users from the same list."""

from dataclasses import dataclass

from schema.contracts.run import DeadReason
from schema.names import (
    CLAIMS_STREAM,
    MODULES_BUCKET,
    REVOCATIONS_BUCKET,
    RUNS_CONSUMER,
    RUNS_STREAM,
    VERDICTS_STREAM,
    claim_subject,
    dead_run_subject,
    revocation_subject,
    signal_subject,
    stop_subject,
    verdict_subject,
)

PLATFORM_USER = "platform"
RUNNER_USER = "runner"


@dataclass(frozen=True)
class BusPermissions:
    """The subjects that one user of the bus may publish and subscribe to; all others are denied."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]


def platform_permissions() -> BusPermissions:
    """Api and worker own the bus: they make its streams and read everything."""
    return BusPermissions(publish=(">",), subscribe=(">",))


def runner_permissions() -> BusPermissions:
    """A runner takes, claims and answers runs, reads modules, hears of stops and revocations.

    It can neither put a run on the bus, nor change a stream, nor write a module or a revocation,
    nor hear the replies that others get.
    """
    modules, revocations = f"OBJ_{MODULES_BUCKET}", f"KV_{REVOCATIONS_BUCKET}"
    return BusPermissions(
        publish=(
            # Take runs and acknowledge them.
            f"$JS.API.CONSUMER.MSG.NEXT.{RUNS_STREAM}.{RUNS_CONSUMER}",
            f"$JS.API.CONSUMER.INFO.{RUNS_STREAM}.{RUNS_CONSUMER}",
            f"$JS.ACK.{RUNS_STREAM}.{RUNS_CONSUMER}.>",
            # Answer, unless there is a verdict already.
            verdict_subject("*"),
            signal_subject("*"),
            # Start at most once what must not start twice, and see whose start was first.
            claim_subject("*"),
            f"$JS.API.DIRECT.GET.{CLAIMS_STREAM}.>",
            # Tell operators of runs that are given up.
            *(dead_run_subject(reason) for reason in DeadReason),
            f"$JS.API.DIRECT.GET.{VERDICTS_STREAM}.>",
            # Read modules: the bucket's stream directly, so no consumer has to be made.
            f"$JS.API.DIRECT.GET.{modules}",
            f"$JS.API.DIRECT.GET.{modules}.>",
            # Read revocations in the same way.
            f"$JS.API.DIRECT.GET.{revocations}",
        ),
        subscribe=(
            stop_subject("*"),
            # Only the platform may publish there, so what is heard is what is kept.
            revocation_subject(">"),
            # `infra.runner_bus.RUNNER_INBOX_PREFIX`.
            "_INBOX.runner.>",
        ),
    )

"""The streams, the consumer and the bucket between the platform and its runners.

Made by the platform's bus user when a worker or api starts; a runner's credential may not.
"""

from dataclasses import dataclass

from nats.js import JetStreamContext, api
from nats.js.errors import BadRequestError

from schema import limits, names

_NAME_IN_USE = 10058
_HOUR_SECONDS = 3600
_DEDUPE_SECONDS = 120
# After this nobody waits any more, whatever happened: queue, run, and the verdict's delay.
_RUN_AGE_SECONDS = (
    limits.QUEUE_SECONDS_MAX + limits.TIMEOUT_MS_MAX // 1000 + limits.VERDICT_GRACE_SECONDS
)
# A claim counts for as long as its run can be delivered.
_CLAIM_AGE_SECONDS = _HOUR_SECONDS
# For operators, who look within days; nothing depends on it.
_DEAD_RUN_AGE_SECONDS = 14 * 24 * _HOUR_SECONDS
_DEAD_RUNS_MAX = 10_000
_DEAD_RUNS_BYTES_MAX = 64 * limits.MIB


@dataclass(frozen=True)
class BusSizes:
    """What may differ between a laptop and a cluster."""

    replicas: int = 1
    queued_runs_max: int = 20_000
    """More are refused; the api stops admitting casts well before (SPELL_QUEUED_RUNS_MAX)."""
    queued_runs_per_lane_max: int = 32
    """Of one caster and module, in the queue or in a runner's hands; more wait outside."""
    queued_bytes_max: int = 1024 * limits.MIB
    redelivery_seconds: float = 10.0
    """A run that its runner has not reported on for so long goes to another."""
    runs_in_flight_max: int = 10_000
    """Runs in the hands of runners, over the whole fleet: more than it has sandbox processes."""
    waiting_runners_max: int = 10_000


async def ensure_streams(js: JetStreamContext, sizes: BusSizes | None = None) -> None:
    """Create what is missing and update what differs; many processes may do so at once.

    Args:
        js: of the platform's bus user.
        sizes: limits; the defaults suit one server.

    Raises:
        nats.js.errors.Error: JetStream is away, or refuses (out of storage, say).
    """
    sizes = sizes or BusSizes()
    await _ensure_stream(js, _runs(sizes))
    await js.add_consumer(names.RUNS_STREAM, _runners(sizes))
    await _ensure_stream(js, _verdicts(sizes))
    await _ensure_stream(js, _claims(sizes))
    await _ensure_stream(js, _dead_runs(sizes))
    await _ensure_stream(js, _modules(sizes))
    await _ensure_stream(js, _revocations(sizes))


def _runs(sizes: BusSizes) -> api.StreamConfig:
    return api.StreamConfig(
        name=names.RUNS_STREAM,
        description="Runs that wait for a runner or are being worked on.",
        subjects=[names.run_subject("*", "*")],
        retention=api.RetentionPolicy.WORK_QUEUE,
        storage=api.StorageType.FILE,
        num_replicas=sizes.replicas,
        duplicate_window=_DEDUPE_SECONDS,
        max_age=_RUN_AGE_SECONDS,
        max_msgs=sizes.queued_runs_max,
        max_bytes=sizes.queued_bytes_max,
        # What is delivered counts until it is acknowledged, so this bounds a caster's share of the
        # runners as well as of the queue.
        max_msgs_per_subject=sizes.queued_runs_per_lane_max,
        discard=api.DiscardPolicy.NEW,
        discard_new_per_subject=True,
    )


def _runners(sizes: BusSizes) -> api.ConsumerConfig:
    return api.ConsumerConfig(
        durable_name=names.RUNS_CONSUMER,
        description="All runners together.",
        ack_policy=api.AckPolicy.EXPLICIT,
        ack_wait=sizes.redelivery_seconds,
        # The last delivery is not for running but for telling that the run is lost.
        max_deliver=limits.RUN_DELIVERIES_MAX + 1,
        max_ack_pending=sizes.runs_in_flight_max,
        max_waiting=sizes.waiting_runners_max,
    )


def _verdicts(sizes: BusSizes) -> api.StreamConfig:
    return _first_writer_wins(
        names.VERDICTS_STREAM,
        "The one accepted verdict of each cast.",
        names.verdict_subject("*"),
        24 * _HOUR_SECONDS,
        sizes,
    )


def _claims(sizes: BusSizes) -> api.StreamConfig:
    return _first_writer_wins(
        names.CLAIMS_STREAM,
        "The one start of each run that must not start twice.",
        names.claim_subject("*"),
        _CLAIM_AGE_SECONDS,
        sizes,
    )


def _first_writer_wins(
    name: str, description: str, subject: str, age_seconds: int, sizes: BusSizes
) -> api.StreamConfig:
    """A stream that takes one message a subject, for good: writers also say "if there is none"."""
    return api.StreamConfig(
        name=name,
        description=description,
        subjects=[subject],
        retention=api.RetentionPolicy.LIMITS,
        storage=api.StorageType.FILE,
        num_replicas=sizes.replicas,
        max_age=age_seconds,
        max_msgs_per_subject=1,
        discard=api.DiscardPolicy.NEW,
        discard_new_per_subject=True,
        allow_direct=True,
        deny_delete=True,
        deny_purge=True,
    )


def _dead_runs(sizes: BusSizes) -> api.StreamConfig:
    return api.StreamConfig(
        name=names.DEAD_RUNS_STREAM,
        description="Runs that no runner could do, for operators; the oldest go first.",
        subjects=[names.dead_run_subject("*")],
        retention=api.RetentionPolicy.LIMITS,
        storage=api.StorageType.FILE,
        num_replicas=sizes.replicas,
        duplicate_window=_DEDUPE_SECONDS,
        max_age=_DEAD_RUN_AGE_SECONDS,
        max_msgs=_DEAD_RUNS_MAX,
        max_bytes=_DEAD_RUNS_BYTES_MAX,
        discard=api.DiscardPolicy.OLD,
        allow_direct=True,
    )


def _modules(sizes: BusSizes) -> api.StreamConfig:
    """The stream under the object-store bucket, as every NATS client lays it out."""
    bucket = names.MODULES_BUCKET
    return api.StreamConfig(
        name=f"OBJ_{bucket}",
        description="Modules, by digest.",
        subjects=[f"$O.{bucket}.C.>", f"$O.{bucket}.M.>"],
        storage=api.StorageType.FILE,
        num_replicas=sizes.replicas,
        discard=api.DiscardPolicy.NEW,
        allow_rollup_hdrs=True,
        allow_direct=True,
    )


def _revocations(sizes: BusSizes) -> api.StreamConfig:
    """The stream under the key-value bucket, as every NATS client lays it out."""
    return api.StreamConfig(
        name=f"KV_{names.REVOCATIONS_BUCKET}",
        description="Digests of revoked packages and modules; runners follow it.",
        subjects=[names.revocation_subject(">")],
        storage=api.StorageType.FILE,
        num_replicas=sizes.replicas,
        max_msgs_per_subject=1,
        discard=api.DiscardPolicy.NEW,
        allow_rollup_hdrs=True,
        allow_direct=True,
        deny_delete=True,
    )


async def _ensure_stream(js: JetStreamContext, config: api.StreamConfig) -> None:
    try:
        await js.add_stream(config)
    except BadRequestError as error:
        if error.err_code != _NAME_IN_USE:
            raise
        await js.update_stream(config)

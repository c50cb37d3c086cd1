"""Refuses new casts that the platform could not serve soon, before anything is started for them."""

from dataclasses import dataclass
from typing import Protocol

from schema.errors import SpellError, too_many_casts

_RETRY_AFTER_SECONDS = 5


class RunQueue(Protocol):
    """The queue between the platform and its runners."""

    async def depth(self) -> int:
        """Runs that wait or are being worked on, as of a moment ago."""


class OpenCasts(Protocol):
    """How much accounts have under way."""

    async def open_casts(self, account_id: str, *, at_most: int) -> int:
        """How many casts of the account have not ended; counted up to `at_most`."""


@dataclass(frozen=True)
class Bounds:
    """How much may be under way before new casts are refused."""

    open_casts_max: int
    """Of one account."""
    queued_runs_max: int
    """Of all accounts."""


@dataclass(frozen=True)
class Backpressure:
    """The door that every new cast goes through.

    Its refusals are not recorded: the same Idempotency-Key may be sent again. Both bounds are kept
    for good further in (the hold counts again, the queue is bounded); here they are cheap.

    Args:
        casts: counts an account's open casts.
        queue: how many runs wait for runners.
        bounds: what it compares with.
    """

    casts: OpenCasts
    queue: RunQueue
    bounds: Bounds

    async def check(self, account_id: str) -> None:
        """Let a new cast of the account pass.

        Raises:
            SpellError: SERVICE_UNAVAILABLE, the queue is too long; TOO_MANY_CASTS.
        """
        if await self.queue.depth() >= self.bounds.queued_runs_max:
            raise SpellError(
                "SERVICE_UNAVAILABLE",
                "All runners are busy and the queue is long.",
                retry_after=_RETRY_AFTER_SECONDS,
            )
        at_most = self.bounds.open_casts_max
        if await self.casts.open_casts(account_id, at_most=at_most) >= at_most:
            raise too_many_casts(at_most)

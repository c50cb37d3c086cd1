"""What the runner needs of a message bus. The adapter fits these structurally."""

from collections.abc import Callable
from typing import Protocol

from schema.contracts.run import DeadRun, RunClaim, Verdict


class Delivery(Protocol):
    """One run, handed to this runner for as long as it keeps saying that it is at work."""

    @property
    def body(self) -> bytes:
        """The RunRequest as JSON."""

    @property
    def number(self) -> int:
        """Which delivery of this run it is, to any runner; the first is 1."""

    @property
    def queued_at_unix(self) -> float:
        """When the run was put on the queue, in seconds, by the queue's own clock."""

    async def in_progress(self) -> None:
        """Say that the run is being worked on, so that no other runner gets it."""

    async def done(self) -> None:
        """Take the run off the queue for good, and see that confirmed."""

    async def give_back(self, delay_seconds: float = 0) -> None:
        """Let the queue deliver the run again, to whichever runner asks next."""


class Announcer(Protocol):
    """Hints for whoever waits for a cast. They never fail, and may be lost."""

    async def announce_start(self, cast_id: str) -> None:
        """The guest starts now."""

    async def announce_progress(self, cast_id: str, sealed_report: str) -> None:
        """The guest reports progress: JSON, sealed to the platform."""


class RevokedDigests(Protocol):
    """What may not run, as the platform tells all runners."""

    async def start(self, on_change: Callable[[], None]) -> None:
        """Wait until it is known what is revoked, and go on listening.

        Args:
            on_change: called when something has been revoked.
        """

    def is_revoked(self, digest: str) -> bool:
        """Whether a package or module was revoked when this was last looked up."""

    async def refresh(self) -> None:
        """Look up what is revoked now.

        Raises:
            SpellError: SERVICE_UNAVAILABLE, it cannot be known; so nothing may start.
        """


class RunnerBus(Announcer, Protocol):
    """The runner's side of the bus.

    Methods raise SpellError(SERVICE_UNAVAILABLE) when the bus is away, unless they wait for it.
    """

    async def start(self, on_stop: Callable[[str], None]) -> float:
        """Wait until the queue is there and listen for stop requests.

        Args:
            on_stop: called with the cast id of each request, for casts of any runner.

        Returns:
            Seconds after which a run that nobody reports on is delivered again.
        """

    async def next_delivery(self) -> Delivery:
        """Wait for a run. Each call takes exactly one; a cancelled call takes none."""

    async def has_verdict(self, cast_id: str) -> bool:
        """Whether the cast has ended already."""

    async def claim(self, claim: RunClaim) -> bool:
        """Claim the one start of a run; False when another start of it has been claimed.

        To repeat the same claim is harmless: it is recognised.
        """

    async def bury(self, dead: DeadRun) -> None:
        """Keep what is known of a run that is given up, for operators."""

    async def fetch_object(self, digest: str) -> bytes:
        """The bytes of a module or of resources, which have this digest.

        Raises:
            SpellError: SERVICE_UNAVAILABLE when it is not there (yet).
        """

    async def fetch_code(self, engine: str, digest: str) -> bytes | None:
        """What is kept as the module's signed code for this engine; not to be trusted yet."""

    async def publish_verdict(self, verdict: Verdict) -> None:
        """Publish the verdict, unless the cast has one, and wake who waits for it."""

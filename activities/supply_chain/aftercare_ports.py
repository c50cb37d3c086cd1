"""The roles that re-scans, clocks and notifications need played. Adapters are in `infra/`."""

from datetime import datetime
from typing import Protocol

from schema.contracts.aftercare import (
    ClockState,
    FindingsChange,
    ListedVersion,
    Reminder,
    VersionRef,
)
from schema.contracts.notifications import Delivery, DeliveryRef
from schema.contracts.supply_chain import Decision


class Verdicts(Protocol):
    """The supply-chain gate, as of this very moment."""

    async def decide(self, package_digest: str) -> Decision:
        """The verdict of now on a published package; recorded."""


class Findings(Protocol):
    """What was found on versions after they were published."""

    async def listed(self, after: VersionRef | None, *, limit: int) -> list[ListedVersion]:
        """Versions that a re-scan looks at, in the order of key and version."""

    async def find(self, version: VersionRef) -> ListedVersion:
        """One version, with its package's digest."""

    async def apply(
        self, version: VersionRef, decision: Decision, *, delist_at: datetime | None = None
    ) -> FindingsChange:
        """Bring the findings of a version in line with a verdict of now; log and tell it.

        With `delist_at` the version is delisted if a finding that stays open is due by then.
        """

    async def clock(self, version: VersionRef) -> ClockState:
        """What the clock of a version waits for."""

    async def remind(self, reminder: Reminder) -> None:
        """Tell the maker how much time is left; once."""


class AdvisoryClocks(Protocol):
    """The durable timers of versions with open findings."""

    async def ensure(self, version: VersionRef) -> None:
        """See that the clock of a version runs, and have it look at what it waits for."""


class Outbox(Protocol):
    """Notifications on their way."""

    async def waiting(self, *, limit: int) -> list[DeliveryRef]:
        """Deliveries that no workflow cares for yet."""

    async def relayed(self, delivery: DeliveryRef) -> None:
        """Note that a workflow cares for a delivery now."""

    async def find(self, delivery: DeliveryRef) -> Delivery | None:
        """What is to be delivered and where to; None when it has ended, or the channel is gone."""

    async def failed(self, delivery: DeliveryRef, error: str) -> None:
        """Count an attempt that failed, and why."""

    async def end(self, delivery: DeliveryRef, state: str) -> None:
        """End a delivery as `delivered`, `dead` or `dropped`."""


class AlertTeller(Protocol):
    """Budget alerts that nobody was told of yet."""

    async def tell(self, *, limit: int) -> int:
        """Make notifications of the oldest ones, each once; answers how many there were."""


class Deliveries(Protocol):
    """The durable processes of deliveries."""

    async def start(self, delivery: DeliveryRef) -> None:
        """Start the delivery's workflow, or leave the one that runs."""


class NotificationChannel(Protocol):
    """One way of telling an account something."""

    async def send(self, delivery: Delivery) -> None:
        """Tell it. A repetition carries the same id.

        Raises SpellError: DELIVERY_FAILED (worth a repetition), DELIVERY_REFUSED (for good).
        """

"""What webhooks tell of, and the filters that choose among it."""

from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator

from schema.contracts.cast import CastStatus
from schema.contracts.notifications import NotificationKind

PING = "ping"
"""The event of a test; it goes to the endpoint that asked for it, whatever its filter."""
EVERYTHING = "*"


class CastEvent(StrEnum):
    """How a cast ended."""

    SUCCEEDED = "cast.succeeded"
    FAILED = "cast.failed"
    TIMED_OUT = "cast.timed_out"
    CANCELLED = "cast.cancelled"

    @classmethod
    def of(cls, status: CastStatus) -> "CastEvent":
        """The event of a final status. Raises ValueError for one that is not final."""
        return cls(f"cast.{status.value}")


class PurchaseEvent(StrEnum):
    """How a purchase ended."""

    COMPLETED = "purchase.completed"
    ABANDONED = "purchase.abandoned"
    CANCELLED = "purchase.cancelled"
    FAILED = "purchase.failed"


EVENTS: tuple[str, ...] = tuple(
    event.value for kind in (CastEvent, PurchaseEvent, NotificationKind) for event in kind
)
"""Everything that an endpoint can be told of."""


def filters_for(event: str) -> list[str]:
    """The filters that let an event through: itself, its family, everything."""
    return [event, f"{event.partition('.')[0]}.*", EVERYTHING]


FILTERS: frozenset[str] = frozenset(name for event in EVENTS for name in filters_for(event))


def _known(name: str) -> str:
    if name not in FILTERS:
        raise ValueError(f"is no event; there are {', '.join(sorted(FILTERS))}")
    return name


EventFilter = Annotated[str, AfterValidator(_known)]
"""An event such as `cast.failed`, a family such as `cast.*`, or `*`."""

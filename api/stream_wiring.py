"""What follows casts and publications in this process, and how many may."""

from api.event_streams import EventStreams
from api.ports import EventFeed
from api.shared_reads import SharedReads
from api.stream_slots import StreamSlots
from infra.settings import PlatformSettings


def event_streams_of(settings: PlatformSettings, feed: EventFeed) -> EventStreams:
    """The event streams of one process."""
    slots = StreamSlots(
        streams_max=settings.streams_max, per_account_max=settings.streams_per_account_max
    )
    return EventStreams(feed, slots, SharedReads())

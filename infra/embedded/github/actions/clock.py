"""Times as GitHub writes them: UTC, whole seconds."""

from datetime import UTC, datetime


def now() -> datetime:
    """The time now, in UTC."""
    return datetime.now(UTC)


def stamp(moment: datetime | None = None) -> str:
    """A time (without one: now), as GitHub's answers hold it."""
    return (moment or now()).strftime("%Y-%m-%dT%H:%M:%SZ")

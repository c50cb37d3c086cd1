"""What can go wrong while the local platform starts, each with a sentence for the person."""

from collections.abc import Sequence


class EmbeddedPlatformError(Exception):
    """The local platform cannot do what was asked; the message says why and what to do."""


class DataDirectoryInUseError(EmbeddedPlatformError):
    """Another process holds the data directory."""


class StartFailedError(EmbeddedPlatformError):
    """A process ended, or was not ready in time; its last lines are in the message."""

    def __init__(self, name: str, reason: str, last_lines: Sequence[str]) -> None:
        self.name = name
        self.last_lines = tuple(last_lines)
        said = "".join(f"\n  {line}" for line in last_lines) or " (it printed nothing)"
        super().__init__(f"{name} {reason}. Its last lines:{said}")


class NotReadyError(Exception):
    """A probe asked too early; it will be asked again."""


class NeverReadyError(Exception):
    """A probe learned that waiting is of no use; the message says why."""

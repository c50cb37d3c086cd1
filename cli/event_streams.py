"""Event streams of the API, from their begin to their end, over connections that break."""

import time
from collections.abc import Iterator
from typing import Any

from cli.client import Api, CliError, ExitCode
from cli.event_frames import read_frames

TRIES = 10
"""In a row, without an event in between; the pauses in between are half a minute together."""
_PAUSE_SECONDS_MIN = 0.1
_PAUSE_SECONDS_MAX = 5.0
# Not the platform's fault, and still over soon.
_PASSING = frozenset({"TOO_MANY_STREAMS", "RATE_LIMITED"})


def whole_stream(
    api: Api, path: str, last_kinds: frozenset[str]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each event's kind and data, every one once and in order, up to one of the last kinds.

    Raises:
        CliError: the stream is refused, or keeps breaking off.
    """
    position, failures = "0", 0
    while failures < TRIES:
        try:
            with api.stream(path, {"Last-Event-ID": position}) as lines:
                for event_id, kind, data in read_frames(lines):
                    position, failures = event_id, 0
                    yield kind, data
                    if kind in last_kinds:
                        return
        except CliError as error:
            if error.exit_code != ExitCode.PLATFORM and error.document.get("code") not in _PASSING:
                raise
        time.sleep(min(_PAUSE_SECONDS_MIN * 2**failures, _PAUSE_SECONDS_MAX))
        failures += 1
    raise CliError("The event stream keeps breaking off.", ExitCode.PLATFORM)

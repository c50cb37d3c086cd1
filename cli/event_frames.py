"""Server-sent events as the API writes them, from lines to events."""

import json
from collections.abc import Iterator
from typing import Any


def read_frames(lines: Iterator[str]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Each whole event's id, name and data; comments and `retry` are passed over."""
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
            continue
        if "event" in fields:
            yield fields["id"], fields["event"], json.loads(fields["data"])
        fields = {}

"""Reads YAML that a stranger wrote: bounded in depth, and in what its aliases stand for."""

import math
from typing import Any

import yaml

_DEPTH_MAX = 100
_NODES_MAX = 50_000
# libyaml's is twenty times as fast; the other reads the same.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(source: bytes) -> Any:
    """The document. Raises ValueError: it is no YAML, or more than anybody writes by hand."""
    try:
        _bound(source)
        return yaml.load(source, _Loader)  # noqa: S506  (a safe loader)
    except (yaml.YAMLError, RecursionError, OverflowError) as error:
        raise ValueError(str(error)) from None


def _bound(source: bytes) -> None:
    """Count nodes before any is made: an alias counts as all that it stands for."""
    sizes: dict[str | None, float] = {}
    open_nodes: list[tuple[str | None, float]] = []
    total = 0.0
    for event in yaml.parse(source, _Loader):
        size = 1.0
        if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            open_nodes.append((event.anchor, total))
            if event.anchor:
                # Inside itself it has no end.
                sizes[event.anchor] = math.inf
        elif isinstance(event, yaml.AliasEvent):
            size = sizes.get(event.anchor, 1.0)
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            anchor, before = open_nodes.pop()
            if anchor:
                sizes[anchor] = total - before
        total += size
        if total > _NODES_MAX or len(open_nodes) > _DEPTH_MAX:
            raise ValueError("it holds more than a workflow file may")

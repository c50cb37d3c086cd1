"""What a family of resources is asked, and how it is found: one endpoint for each call."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Document = dict[str, Any]


@dataclass(frozen=True)
class Call:
    """One request to a resource, as far as its family heeds it."""

    identifier: str = ""
    """The id in the path; empty where it has none."""
    form: Document = field(default_factory=dict)
    """The body of a POST, nested as its names say."""
    query: Mapping[str, str] = field(default_factory=dict)
    """Of a GET, by its flat names, such as `created[gte]`."""


Work = Callable[[Call], Document]


@dataclass(frozen=True)
class Endpoint:
    """One path with what it does. What it answers is shown without its hidden members."""

    method: Literal["GET", "POST"]
    path: str
    work: Work


class Family(Protocol):
    """The resources of one kind: a file of its own for each."""

    def endpoints(self) -> list[Endpoint]:
        """All that can be asked of them."""


def shown(document: Document) -> Document:
    """An object as answers have it: members that begin with `_` are kept and shown nowhere."""
    return {name: value for name, value in document.items() if not name.startswith("_")}

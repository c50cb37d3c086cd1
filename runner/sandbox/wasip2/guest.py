"""What the functions of preview 2 work on: the guest's world, and the handles that it holds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from runner.sandbox.wasi.abi import GuestEnd
from runner.sandbox.wasi.streams import ErrorStream, InputStream, OutputStream
from runner.sandbox.wasi.world import STDIN, World
from runner.sandbox.wasip2.values import Handle

_HANDLES_MAX = 1024


class Resource(IntEnum):
    """The numbers that our resource types go by in wasmtime."""

    ERROR = 1
    POLLABLE = 2
    INPUT_STREAM = 3
    OUTPUT_STREAM = 4
    TERMINAL_INPUT = 5
    TERMINAL_OUTPUT = 6
    DESCRIPTOR = 7
    DIRECTORY_ENTRIES = 8


class ComponentGuest:
    """The guest that runs now in this process, and what stands behind its handles.

    Args:
        world: what it can reach.
        prints_output: its standard output is the spell's output; else it belongs to the log.
    """

    def __init__(self, world: World, *, prints_output: bool) -> None:
        self.world = world
        stdin = world.descriptors[STDIN]
        assert isinstance(stdin, InputStream)
        self.stdin: InputStream = stdin
        self.stdout: OutputStream | ErrorStream = world.stdout if prints_output else world.stderr
        self._things: dict[int, Any] = {}
        self._last = 0

    def hand_out(self, resource: Resource, thing: Any) -> Handle:
        """A handle for the guest to own. Too many at once end it."""
        if len(self._things) >= _HANDLES_MAX:
            raise GuestEnd("SPELL_TRAPPED", {"trap": "too_many_handles"})
        self._last += 1
        self._things[self._last] = thing
        return Handle(resource, self._last)

    def thing(self, number: int) -> Any:
        """What stands behind a handle."""
        return self._things[number]

    def take_back(self, number: int) -> None:
        """The guest has dropped a handle."""
        self._things.pop(number, None)


@dataclass(frozen=True)
class Interface:
    """One interface that components may import.

    Attributes:
        name: without its version, such as `wasi:cli/exit`.
        functions: by name. Each takes the guest and its arguments, and returns a value that
            `values.write` knows; a `GuestEnd` out of it ends the guest.
        resources: the resource types that it defines, by name.
    """

    name: str
    functions: Mapping[str, Callable[..., Any]]
    resources: Mapping[str, Resource] = field(default_factory=dict)

"""The two things that every call works on: the guest's memory and its world."""

from collections.abc import Callable

from runner.sandbox.wasi.memory import GuestMemory
from runner.sandbox.wasi.world import World


class Guest:
    """The guest that runs now in this process.

    Args:
        memory: access to its linear memory.
    """

    __slots__ = ("memory", "world")

    def __init__(self, memory: GuestMemory) -> None:
        self.memory = memory
        self.world: World


Calls = dict[str, tuple[str, Callable[..., None]]]
"""Functions of one area by name, each with its parameters: `i` u32, `I` u64, `S` s64.

All answer an errno: they return for success and raise WasiError for the others.
"""

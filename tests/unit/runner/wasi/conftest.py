"""A guest with a scratch tree and resources, and the way to its functions."""

import pytest

from runner.sandbox.wasi.files import read_only_tree
from runner.sandbox.wasi.world import World
from tests.support.wasi_calls import Caller, Direct
from tests.support.wasi_stage import world_of

QUOTA = 100_000
RESOURCES, SCRATCH = 3, 4


@pytest.fixture
def world() -> World:
    resources = read_only_tree({"words/one": b"1", "words/two": b"22", "top": b"top"})
    return world_of(
        stdin=b"inputs",
        environment={"TOKEN": "secret"},
        resources=resources,
        scratch_bytes_max=QUOTA,
    )


@pytest.fixture
def guest(world: World) -> Caller:
    return Caller(Direct(world))

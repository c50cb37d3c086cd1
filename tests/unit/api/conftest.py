"""Unit tests open no sockets."""

from collections.abc import Iterator

import pytest
from pytest_socket import disable_socket, enable_socket


@pytest.fixture(autouse=True)
def _no_sockets() -> Iterator[None]:
    """Whatever tries to open one fails; asyncio's own pair of Unix sockets is none."""
    disable_socket(allow_unix_socket=True)
    yield
    enable_socket()

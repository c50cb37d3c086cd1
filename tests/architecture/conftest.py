"""These tests look at files. None of them may open a socket."""

import pytest


@pytest.fixture(autouse=True)
def _no_sockets(socket_disabled: None) -> None:
    """Ask for pytest-socket's own fixture, for every test in this folder."""

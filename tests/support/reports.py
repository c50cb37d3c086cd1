"""Tables in the output of the tests, whether they pass or fail."""

from collections.abc import Sequence
from contextlib import nullcontext

import pytest


def print_table(config: pytest.Config, lines: Sequence[str]) -> None:
    """Print lines past pytest's capturing, under the tests that are running."""
    capturing = config.pluginmanager.get_plugin("capturemanager")
    with capturing.global_and_fixture_disabled() if capturing else nullcontext():
        print("\n" + "\n".join(lines))  # noqa: T201 - that is what it is for

"""Tables in the output of the tests, whether they pass or fail."""

from collections.abc import Sequence

import pytest


def print_table(config: pytest.Config, lines: Sequence[str]) -> None:
    """Print lines past pytest's capturing, under the tests that are running."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:
        return
    reporter.ensure_newline()
    for line in lines:
        reporter.write_line(line)

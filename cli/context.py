"""What every command gets: the way to the API and the way to the terminal."""

from dataclasses import dataclass
from functools import cached_property

import typer

from cli.client import Api, Profile
from cli.output import Output


@dataclass
class CliContext:
    """State of one run of the command."""

    output: Output

    @cached_property
    def api(self) -> Api:
        """The API, found when a command first needs it."""
        return Api(Profile.find())


def cli_context(context: typer.Context) -> CliContext:
    """The context object that `main` made."""
    made = context.find_object(CliContext)
    assert made is not None
    return made

"""`spell modes`: which modes this account may publish and cast, and what its own casts may take."""

from typing import Annotated, Any

import typer

from cli.client import CliError, ExitCode
from cli.context import cli_context
from cli.output import Output
from schema.contracts.plans import Mode

_PATH = "/v1/account/modes"


def modes(
    context: typer.Context,
    only: Annotated[
        list[Mode] | None,
        typer.Option(help="From now on, your account's casts take this mode; may be repeated."),
    ] = None,
    any_mode: Annotated[
        bool, typer.Option("--any", help="Lift that: your casts take whatever is allowed here.")
    ] = False,
) -> None:
    """Show which modes you may publish and cast, and restrict your own casts."""
    cli = cli_context(context)
    if only and any_mode:
        raise CliError("--only and --any exclude each other.", ExitCode.USAGE)
    if any_mode:
        cli.api.json("DELETE", _PATH)
    if only:
        found = cli.api.json("PUT", _PATH, json={"modes": [mode.value for mode in only]})
    else:
        found = cli.api.json("GET", _PATH)
    _show(cli.output, found)


def _show(output: Output, found: dict[str, Any]) -> None:
    rows = [
        (one["mode"], *("yes" if one[may] else "no" for may in ("publish", "use")), one["code"])
        for one in found["modes"]
    ]
    columns = ("mode", "publish", "use", "refused with")
    output.table(found, columns, [(*row[:3], row[3] or "") for row in rows])
    if found["restricted_to"]:
        output.note(f"restricted by this account to {', '.join(found['restricted_to'])}")

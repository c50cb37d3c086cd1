"""`spell modes`: which modes this account may publish and cast, and what its own casts may take."""

from typing import Annotated, Any

import typer

from cli.context import cli_context
from schema.contracts.plans import Mode

modes = typer.Typer(
    help="See which modes you may publish and cast, and restrict your own casts.",
)
_PATH = "/v1/account/modes"


@modes.callback(invoke_without_command=True)
def show_modes(context: typer.Context) -> None:
    """Show each mode: whether it can be published, whether your casts may take it."""
    if context.invoked_subcommand is None:
        _show(context, cli_context(context).api.json("GET", _PATH))


@modes.command("restrict")
def restrict(
    context: typer.Context,
    only: Annotated[list[Mode], typer.Argument(help="The modes that your casts may take.")],
) -> None:
    """Let your account's casts take these modes only, from the next one on."""
    body = {"modes": [mode.value for mode in only]}
    _show(context, cli_context(context).api.json("PUT", _PATH, json=body))


@modes.command("lift")
def lift(context: typer.Context) -> None:
    """Let your account's casts take whatever the installation allows."""
    cli = cli_context(context)
    cli.api.json("DELETE", _PATH)
    cli.output.document({"restricted_to": None}, "your casts may take whatever is allowed here")


def _show(context: typer.Context, found: dict[str, Any]) -> None:
    rows = [
        (one["mode"], *("yes" if one[may] else "no" for may in ("publish", "use")), one["code"])
        for one in found["modes"]
    ]
    columns = ("mode", "publish", "use", "refused with")
    output = cli_context(context).output
    output.table(found, columns, [(*row[:3], row[3] or "") for row in rows])
    if found["restricted_to"]:
        output.note(f"restricted by this account to {', '.join(found['restricted_to'])}")

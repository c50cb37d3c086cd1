"""`spell suspend`, `unsuspend` and `violations`: spells that take no new casts, and why."""

from typing import Annotated

import typer

from cli.client import in_path
from cli.context import cli_context

KeyArgument = Annotated[str, typer.Argument(help="The spell's key.")]


def suspend(
    context: typer.Context,
    key: KeyArgument,
    reason: Annotated[str, typer.Option(help="For the maker to read.")],
) -> None:
    """Suspend a spell (operators): running casts end as they run, new ones are refused."""
    cli = cli_context(context)
    cli.api.json("POST", f"/v1/spells/{in_path(key)}:suspend", json={"reason": reason})
    cli.output.document({"suspended": key}, f"suspended {key}")


def unsuspend(context: typer.Context, key: KeyArgument) -> None:
    """Let a spell be cast again (operators); its violations are counted anew."""
    cli = cli_context(context)
    cli.api.json("POST", f"/v1/spells/{in_path(key)}:unsuspend")
    cli.output.document({"unsuspended": key}, f"unsuspended {key}")


def violations(context: typer.Context, key: KeyArgument) -> None:
    """Show what the casts of an own spell tried and were not allowed."""
    cli = cli_context(context)
    found = cli.api.json("GET", f"/v1/spells/{in_path(key)}/violations")
    cli.output.note(
        f"{found['counted']} of {found['suspends_at']} that suspend, in {found['hours']} hours"
    )
    if found["suspension"]:
        cli.output.note(f"suspended: {found['suspension']['reason']}")
    cli.output.table(found, ("violation", "casts"), sorted(found["by_kind"].items()))

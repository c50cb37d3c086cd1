"""`spell notifications …`: where this account is told things."""

from typing import Annotated

import typer

from cli.client import in_path
from cli.context import cli_context
from schema.contracts.notifications import ChannelKind

notifications = typer.Typer(
    no_args_is_help=True, help="Say where you are told of findings on your spells."
)

KindArgument = Annotated[ChannelKind, typer.Argument(help="By which way.")]
_PATH = "/v1/account/notification-channels"


@notifications.command("list")
def list_channels(context: typer.Context) -> None:
    """List the account's channels."""
    cli = cli_context(context)
    found = cli.api.json("GET", _PATH)
    rows = [(one["kind"], one["address"], one["updated_at"][:19]) for one in found]
    cli.output.table(found, ("kind", "address", "last set"), rows)


@notifications.command("set")
def set_channel(
    context: typer.Context,
    kind: KindArgument,
    address: Annotated[str, typer.Argument(help="An e-mail address, or an https URL.")],
) -> None:
    """Set a channel; the secret of a webhook is shown this once."""
    cli = cli_context(context)
    made = cli.api.json("PUT", f"{_PATH}/{in_path(kind.value)}", json={"address": address})
    if made["secret"]:
        cli.output.note("keep the secret now, it is not shown again")
    cli.output.document(made, made["secret"] or f"set {kind.value}")


@notifications.command("remove")
def remove_channel(context: typer.Context, kind: KindArgument) -> None:
    """Remove a channel."""
    cli = cli_context(context)
    cli.api.json("DELETE", f"{_PATH}/{in_path(kind.value)}")
    cli.output.document({"removed": kind.value}, f"removed {kind.value}")

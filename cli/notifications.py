"""`spell notifications …`: what this account was told, and where."""

from typing import Annotated

import typer

from cli.client import in_path
from cli.context import cli_context
from schema.contracts.notifications import ChannelKind

notifications = typer.Typer(
    no_args_is_help=True, help="See what you were told of your spells, and say where."
)

KindArgument = Annotated[ChannelKind, typer.Argument(help="By which way.")]
_PATH = "/v1/account/notification-channels"
_TOLD = "/v1/account/notifications"


@notifications.command("list")
def list_notifications(
    context: typer.Context,
    cursor: Annotated[str | None, typer.Option(help="`next_cursor` of the page before.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100, help="The newest so many.")] = 20,
) -> None:
    """List what the account was told, the newest first, and how far that has come."""
    cli = cli_context(context)
    place = {"limit": limit, **({"cursor": cursor} if cursor else {})}
    page = cli.api.json("GET", _TOLD, params=place)
    rows = [
        (
            *(one["id"], one["created_at"][:19], one["kind"]),
            " ".join(filter(None, [one["spell_key"], one["version"]])),
            ", ".join(f"{each['channel']} {each['state']}" for each in one["deliveries"]),
        )
        for one in page["items"]
    ]
    cli.output.table(page, ("id", "when", "what", "spell", "told by"), rows)
    if page["next_cursor"]:
        cli.output.note(f"more: --cursor {page['next_cursor']}")


@notifications.command("resend")
def resend_notification(
    context: typer.Context,
    notification_id: Annotated[str, typer.Argument(help="`msg_…`, out of the list.")],
) -> None:
    """Try again what nobody took, through the channels that there are now."""
    cli = cli_context(context)
    cli.api.json("POST", f"{_TOLD}/{in_path(notification_id)}:resend")
    cli.output.document({"resent": notification_id}, f"on its way again: {notification_id}")


@notifications.command("channels")
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
    address: Annotated[str, typer.Argument(help="An e-mail address.")],
) -> None:
    """Set a channel. Programs are told otherwise: `spell webhooks create`."""
    cli = cli_context(context)
    made = cli.api.json("PUT", f"{_PATH}/{in_path(kind.value)}", json={"address": address})
    cli.output.document(made, f"set {kind.value}")


@notifications.command("remove")
def remove_channel(context: typer.Context, kind: KindArgument) -> None:
    """Remove a channel."""
    cli = cli_context(context)
    cli.api.json("DELETE", f"{_PATH}/{in_path(kind.value)}")
    cli.output.document({"removed": kind.value}, f"removed {kind.value}")

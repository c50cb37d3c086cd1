"""`spell webhooks …`: where your programs are told things, what they were sent, how it went."""

import base64
import binascii
import hmac
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.client import CliError, ExitCode, in_path
from cli.context import CliContext, cli_context
from schema.webhook_targets import secret_bytes

webhooks = typer.Typer(
    no_args_is_help=True, help="Have your programs told, signed; see and replay what was sent."
)

EndpointArgument = Annotated[str, typer.Argument(help="`whe_…`, out of the list.")]
EventOption = Annotated[
    list[str] | None,
    typer.Option("--event", "-e", help="An event, a family such as cast.*, or *; repeatable."),
]
DescriptionOption = Annotated[str | None, typer.Option(help="What it is, in your words.")]
_PATH = "/v1/webhook-endpoints"
_CALLBACK_SECRET = "/v1/account/callback-secret"  # noqa: S105  (an address)


@webhooks.command("list")
def list_endpoints(context: typer.Context) -> None:
    """List the account's endpoints."""
    cli = cli_context(context)
    found = cli.api.json("GET", _PATH)
    rows = [(one["id"], one["url"], " ".join(one["events"]), _state_of(one)) for one in found]
    cli.output.table(found, ("id", "url", "events", "state"), rows)


@webhooks.command("create")
def create_endpoint(
    context: typer.Context,
    url: Annotated[str, typer.Argument(help="https://…")],
    event: EventOption = None,
    description: DescriptionOption = None,
) -> None:
    """Make an endpoint; its secret is shown this once."""
    cli = cli_context(context)
    body = _given(url=url, events=event, description=description)
    _show_secret(cli, cli.api.json("POST", _PATH, json=body))


@webhooks.command("update")
def update_endpoint(
    context: typer.Context,
    endpoint: EndpointArgument,
    url: Annotated[str | None, typer.Option(help="https://…")] = None,
    event: EventOption = None,
    description: DescriptionOption = None,
    enable: Annotated[
        bool | None, typer.Option("--enable/--disable", help="Send there, or not.")
    ] = None,
) -> None:
    """Change an endpoint."""
    cli = cli_context(context)
    body = _given(url=url, events=event, description=description, enabled=enable)
    changed = cli.api.json("PATCH", f"{_PATH}/{in_path(endpoint)}", json=body)
    cli.output.document(changed, f"{endpoint} is {_state_of(changed)}")


@webhooks.command("delete")
def delete_endpoint(context: typer.Context, endpoint: EndpointArgument) -> None:
    """Remove an endpoint; what is on its way there is dropped."""
    cli = cli_context(context)
    cli.api.json("DELETE", f"{_PATH}/{in_path(endpoint)}")
    cli.output.document({"removed": endpoint}, f"removed {endpoint}")


@webhooks.command("rotate")
def rotate_secret(context: typer.Context, endpoint: EndpointArgument) -> None:
    """Give an endpoint another secret; for a day the one before signs as well."""
    cli = cli_context(context)
    _show_secret(cli, cli.api.json("POST", f"{_PATH}/{in_path(endpoint)}:rotate"))


@webhooks.command("test")
def test_endpoint(context: typer.Context, endpoint: EndpointArgument) -> None:
    """Send an endpoint a ping."""
    cli = cli_context(context)
    sent = cli.api.json("POST", f"{_PATH}/{in_path(endpoint)}:test")
    cli.output.document(sent, sent["message_id"])


@webhooks.command("deliveries")
def list_deliveries(
    context: typer.Context,
    endpoint: EndpointArgument,
    message: Annotated[
        str | None, typer.Argument(help="`msg_…`: this one, with every attempt.")
    ] = None,
    state: Annotated[str | None, typer.Option(help="pending, delivered, dead, dropped")] = None,
    cursor: Annotated[str | None, typer.Option(help="`next_cursor` of the page before.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100, help="The newest so many.")] = 20,
) -> None:
    """List what an endpoint was sent and how that went; or one delivery's log."""
    cli = cli_context(context)
    path = f"{_PATH}/{in_path(endpoint)}/deliveries"
    if message is not None:
        _show_log(cli, cli.api.json("GET", f"{path}/{in_path(message)}"))
        return
    page = cli.api.json("GET", path, params=_given(limit=limit, cursor=cursor, state=state))
    rows = [
        (
            *(one["message_id"], one["created_at"][:19], one["event"], one["state"]),
            *(str(one["attempts"]), one["last_error"] or ""),
        )
        for one in page["items"]
    ]
    heads = ("message", "when", "event", "state", "attempts", "last error")
    cli.output.table(page, heads, rows)
    if page["next_cursor"]:
        cli.output.note(f"more: --cursor {page['next_cursor']}")


@webhooks.command("replay")
def replay(
    context: typer.Context,
    endpoint: EndpointArgument,
    message: Annotated[str | None, typer.Argument(help="`msg_…`: this one.")] = None,
    since: Annotated[
        str | None, typer.Option(help="All dead letters since then: 2026-11-25T00:00:00Z")
    ] = None,
) -> None:
    """Send a message again, or all that nobody took since a time."""
    cli = cli_context(context)
    if (message is None) == (since is None):
        raise CliError("Name a message, or a time: --since.", ExitCode.USAGE)
    path = f"{_PATH}/{in_path(endpoint)}/deliveries"
    if message is not None:
        sent = cli.api.json("POST", f"{path}/{in_path(message)}:replay")
        cli.output.document(sent, f"on its way again: {message}")
        return
    many = cli.api.json("POST", f"{path}:replay", json={"since": since})
    cli.output.document(many, f"on their way again: {many['replayed']}")


@webhooks.command("secret")
def callback_secret(
    context: typer.Context,
    rotate: Annotated[bool, typer.Option("--rotate", help="Make another one first.")] = False,
) -> None:
    """Show what signs the callbacks of your casts."""
    cli = cli_context(context)
    method, path = ("POST", f"{_CALLBACK_SECRET}:rotate") if rotate else ("GET", _CALLBACK_SECRET)
    found = cli.api.json(method, path)
    cli.output.document(found, found["secret"])


@webhooks.command("verify")
def verify(
    context: typer.Context,
    body: Annotated[Path, typer.Argument(help="The body as it came, byte for byte.")],
    message_id: Annotated[str, typer.Option("--id", help="The header webhook-id.")],
    timestamp: Annotated[str, typer.Option(help="The header webhook-timestamp.")],
    signature: Annotated[str, typer.Option(help="The header webhook-signature.")],
    secret: Annotated[str, typer.Option(envvar="WEBHOOK_SECRET", help="`whsec_…`")],
) -> None:
    """Check the signature of a webhook that you received, offline."""
    cli = cli_context(context)
    try:
        signed = f"{message_id}.{timestamp}.".encode() + body.read_bytes()
        mac = hmac.new(secret_bytes(secret), signed, sha256).digest()
    except OSError as error:
        raise CliError(f"{body}: {error.strerror}.", ExitCode.USAGE) from error
    except (ValueError, binascii.Error) as error:
        raise CliError("The secret is none: it begins with whsec_.", ExitCode.USAGE) from error
    wanted = f"v1,{base64.b64encode(mac).decode('ascii')}".encode()
    if not any(hmac.compare_digest(wanted, one.encode()) for one in signature.split(" ")):
        raise CliError("No signature is by this secret.", ExitCode.REFUSED)
    cli.output.document({"verified": True, "id": message_id}, "the signature is good")


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _state_of(endpoint: dict[str, Any]) -> str:
    if not endpoint["enabled"]:
        return f"disabled: {endpoint['disabled_reason'] or 'by you'}"
    failing = endpoint["failing_since"]
    return f"failing since {failing[:19]}" if failing else "enabled"


def _show_secret(cli: CliContext, made: dict[str, Any]) -> None:
    cli.output.note(f"endpoint {made['id']}")
    cli.output.note("keep the secret now, it is not shown again")
    cli.output.document(made, made["secret"])


def _show_log(cli: CliContext, log: dict[str, Any]) -> None:
    rows = [
        (one["at"][:19], str(one["status_code"] or ""), f"{one['milliseconds']} ms", one["error"])
        for one in log["log"]
    ]
    cli.output.note(f"{log['event']} is {log['state']}")
    cli.output.table(log, ("when", "status", "took", "error"), [tuple(map(str, r)) for r in rows])

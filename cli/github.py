"""`spell github …`: the GitHub user whom your account is connected with."""

import time
from datetime import UTC, datetime
from typing import Any

import typer

from cli.context import CliContext, cli_context

github = typer.Typer(no_args_is_help=True, help="Connect your account with your GitHub user.")

_PATH = "/v1/account/github"


@github.command("connect")
def connect(context: typer.Context) -> None:
    """Show a code to enter on GitHub's page, and wait until that is done.

    With `--json`, two documents, a line each: the code, and then the connection.
    """
    cli = cli_context(context)
    code = cli.api.json("POST", _PATH)
    where = f"open {code['verification_uri']} and enter {code['user_code']}"
    cli.output.document(code, f"{where}, if it is you who began this")
    status = _awaited(cli, code)
    cli.output.document(status, f"connected with {status['connected']['login']}")


@github.command("status")
def status(context: typer.Context) -> None:
    """Show whom your account is connected with, and since when."""
    cli = cli_context(context)
    found = cli.api.json("GET", _PATH)
    cli.output.document(found, "\n".join(_lines(found)))


@github.command("disconnect")
def disconnect(context: typer.Context) -> None:
    """Forget the GitHub user, and end on GitHub what they granted."""
    cli = cli_context(context)
    ended = cli.api.json("DELETE", _PATH)
    if ended["was_connected"] and not ended["revoked"]:
        cli.output.note("GitHub did not confirm it: revoke the App in your settings there, too")
    cli.output.document(ended, "disconnected" if ended["was_connected"] else "was not connected")


def _awaited(cli: CliContext, code: dict[str, Any]) -> dict[str, Any]:
    """The connection, once somebody has confirmed the code; the platform says when none will."""
    interval = code["interval_seconds"]
    while True:
        time.sleep(interval)
        status: dict[str, Any] = cli.api.json("POST", f"{_PATH}:complete")
        if status["pending"] is None:
            return status
        interval = status["pending"]["interval_seconds"]


def _lines(found: dict[str, Any]) -> list[str]:
    connected, pending = found["connected"], found["pending"]
    lines = ["not connected"]
    if connected is not None:
        lines = [f"connected with {connected['login']} since {connected['connected_at'][:10]}"]
    if pending is not None:
        until = datetime.fromisoformat(pending["expires_at"]).astimezone(UTC)
        lines.append(
            f"the code {pending['user_code']} waits at {pending['verification_uri']}"
            f" until {until:%H:%M} UTC"
        )
    return lines

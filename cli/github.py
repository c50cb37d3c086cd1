"""`spell github …`: the GitHub user whom your account is connected with."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import typer

from cli.client import Api, CliError, ExitCode
from cli.context import cli_context

github = typer.Typer(no_args_is_help=True, help="Connect your account with your GitHub user.")

FAILURES_MAX = 12
"""In a row; then the command gives up. With GitHub's usual interval that is a minute."""
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
    status = awaited(cli.api, code)
    cli.output.document(status, f"connected with {status['connected']['login']}")


@github.command("status")
def status(context: typer.Context) -> None:
    """Show whom your account is connected with, and since when."""
    cli = cli_context(context)
    found = cli.api.json("GET", _PATH)
    cli.output.document(found, "\n".join(_lines(found)))


@github.command("installations")
def list_installations(context: typer.Context) -> None:
    """List where the platform's GitHub App is installed, and what it may do there."""
    cli = cli_context(context)
    found = cli.api.json("GET", f"{_PATH}/installations")
    rows = [
        (
            one["owner"],
            "suspended" if one["suspended"] else "installed",
            "every repository" if one["every_repository"] else "chosen repositories",
            " ".join(f"{name}:{level}" for name, level in sorted(one["permissions"].items())),
        )
        for one in found
    ]
    cli.output.table(found, ("owner", "state", "where", "permissions"), rows)


@github.command("disconnect")
def disconnect(context: typer.Context) -> None:
    """Forget the GitHub user, and end on GitHub what they granted."""
    cli = cli_context(context)
    ended = cli.api.json("DELETE", _PATH)
    if ended["was_connected"] and not ended["revoked"]:
        cli.output.note("GitHub did not confirm it: revoke the App in your settings there, too")
    cli.output.document(ended, "disconnected" if ended["was_connected"] else "was not connected")


def awaited(
    api: Api, code: dict[str, Any], sleep: Callable[[float], None] = time.sleep
) -> dict[str, Any]:
    """The connection, once somebody has confirmed the code; the platform says when none will.

    A lost answer, and a platform or GitHub that is away, are asked again a few times.
    """
    interval, failures = code["interval_seconds"], 0
    while True:
        sleep(interval)
        try:
            status: dict[str, Any] = api.json("POST", f"{_PATH}:complete")
        except CliError as error:
            failures += 1
            passes = error.exit_code == ExitCode.PLATFORM or error.document.get("retryable")
            if not passes or failures > FAILURES_MAX:
                raise
            continue
        if status["pending"] is None:
            return status
        interval, failures = status["pending"]["interval_seconds"], 0


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

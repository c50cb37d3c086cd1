"""`spell secrets …`: what a spell's environment is made of. Values go in and never come back."""

import sys
from typing import Annotated

import typer

from cli.client import CliError, ExitCode, in_path
from cli.context import cli_context
from schema.limits import SECRET_BYTES_MAX

secrets = typer.Typer(no_args_is_help=True, help="Set, list and remove the secrets of a spell.")

KeyArgument = Annotated[str, typer.Argument(help="The spell's key; it must be yours.")]
NameArgument = Annotated[str, typer.Argument(help="A name that `env_vars` of the manifest holds.")]


@secrets.command("set")
def set_secret(context: typer.Context, key: KeyArgument, name: NameArgument) -> None:
    """Set a secret. The value comes from stdin, or is asked for; it counts from the next cast."""
    cli = cli_context(context)
    made = cli.api.json("PUT", _path(key, name), json={"value": read_value(name)})
    cli.output.document(made, f"set {name} of {key}")


@secrets.command("list")
def list_secrets(context: typer.Context, key: KeyArgument) -> None:
    """List names and times; values are shown to nobody."""
    cli = cli_context(context)
    found = cli.api.json("GET", f"/v1/spells/{in_path(key)}/secrets")
    rows = [(one["name"], one["created_at"][:19], one["updated_at"][:19]) for one in found]
    cli.output.table(found, ("name", "created", "last set"), rows)


@secrets.command("remove")
def remove_secret(context: typer.Context, key: KeyArgument, name: NameArgument) -> None:
    """Remove a secret; casts that need it are refused from now on."""
    cli = cli_context(context)
    cli.api.json("DELETE", _path(key, name))
    cli.output.document({"removed": name}, f"removed {name} of {key}")


def _path(key: str, name: str) -> str:
    return f"/v1/spells/{in_path(key)}/secrets/{in_path(name)}"


def read_value(name: str) -> str:
    """The value, without the line end that `echo` and editors put behind it.

    Never from an argument: those stand in the shell's history and in the list of processes.
    """
    if sys.stdin.isatty():
        return str(typer.prompt(f"Value of {name}", hide_input=True, err=True))
    try:
        # What is longer than this is refused for its length.
        text = sys.stdin.buffer.read(2 * SECRET_BYTES_MAX).decode("utf-8")
    except UnicodeDecodeError as error:
        raise CliError("The value on stdin is not UTF-8 text.", ExitCode.USAGE) from error
    return text.removesuffix("\n").removesuffix("\r")

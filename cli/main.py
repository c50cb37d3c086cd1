"""`spell`: the command's entry point."""

import json
import sys
from typing import Annotated, Any, NoReturn

import typer

from cli.client import CliError, ExitCode
from cli.commands import add_commands
from cli.context import CliContext
from cli.output import Output, json_first
from cli.plain_text import plain

app = typer.Typer(
    name="spell",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    help="Publish WebAssembly spells, cast them, pay per run. "
    "Talks to SPELL_API_URL with SPELL_API_KEY, or to what `spell dev` started here.",
    epilog="Exit codes: 0 done, 1 the cast failed, 2 wrong use, 3 refused, 4 platform trouble.",
)
add_commands(app)


@app.callback()
def set_up(
    context: typer.Context,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON document on stdout, nothing else.")
    ] = False,
) -> None:
    """Make what every command gets."""
    context.obj = CliContext(Output(as_json))


def main() -> None:
    """Run the command; every failure ends with a message and its exit code."""
    arguments, as_json = json_first(sys.argv[1:])
    try:
        exit_code = app(arguments, prog_name="spell", standalone_mode=False)
    except CliError as error:
        _end(str(error), error.document, error.exit_code, as_json=as_json)
    except typer.TyperException as error:
        message = _usage_message(error)
        _end(message, {"message": message}, ExitCode.USAGE, as_json=as_json)
    except (typer.Abort, KeyboardInterrupt):
        sys.exit(ExitCode.INTERRUPTED)
    else:
        # Only `--help` and the like, and Ctrl-C, give one; commands raise.
        sys.exit(exit_code if isinstance(exit_code, int) else 0)


def _usage_message(error: typer.TyperException) -> str:
    """What is wrong with the command line, and how to learn more. Empty after a help page."""
    message = error.format_message()
    context: typer.Context | None = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "spell"
    return f"{message}\nTry `{command} --help`." if message else ""


def _end(message: str, document: Any, exit_code: int, *, as_json: bool) -> NoReturn:
    if as_json:
        print(json.dumps(document, ensure_ascii=False))
    elif message:
        print(plain(message), file=sys.stderr)
    sys.exit(exit_code)


if __name__ == "__main__":
    main()

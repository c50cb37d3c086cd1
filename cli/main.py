"""`spell`: the command's entry point."""

import json
import sys
from typing import Annotated

import click
import typer

from cli import account, casts, dev, operator, packages
from cli.client import CliError, ExitCode
from cli.context import CliContext
from cli.demo import demo
from cli.output import Output

app = typer.Typer(
    name="spell",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    help="Publish WebAssembly spells, cast them, pay per run. "
    "Talks to SPELL_API_URL with SPELL_API_KEY, or to what `spell dev` started here.",
    epilog="Exit codes: 0 done, 1 the cast failed, 2 wrong use, 3 refused, 4 platform trouble.",
)
app.command()(dev.dev)
app.command()(demo)
app.command()(packages.publish)
app.command("spells")(account.list_spells)
app.command()(casts.cast)
app.command()(casts.casts)
app.command()(casts.show)
app.command()(casts.logs)
app.command()(casts.cancel)
app.add_typer(account.keys, name="keys")
app.add_typer(account.cap, name="cap")
app.add_typer(operator.db, name="db")
app.add_typer(operator.accounts, name="accounts")


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
    as_json = "--json" in sys.argv
    try:
        app(standalone_mode=False)
    except CliError as error:
        if as_json:
            print(json.dumps(error.document, ensure_ascii=False))
        else:
            print(error, file=sys.stderr)
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(ExitCode.USAGE)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)


if __name__ == "__main__":
    main()

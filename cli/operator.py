"""`spell db …`, `accounts …` and `runs …`: for whoever holds the platform's own settings."""

import asyncio
import contextlib
import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import ValidationError

from cli.client import CliError, ExitCode
from cli.context import cli_context
from infra.settings import PlatformSettings
from schema.errors import SpellError
from schema.scopes import Scope

if TYPE_CHECKING:
    from infra.dead_runs import ListedDeadRun

db = typer.Typer(no_args_is_help=True, help="Migrate the database (needs SPELL_… settings).")
accounts = typer.Typer(no_args_is_help=True, help="Make accounts (needs SPELL_… settings).")

runs = typer.Typer(no_args_is_help=True, help="Look at the bus (needs SPELL_… settings).")


@db.command("upgrade")
def upgrade(context: typer.Context) -> None:
    """Bring the tables to the newest revision."""
    from infra import migrate

    _tell(context, migrate.upgrade)


@db.command("current")
def current(context: typer.Context) -> None:
    """Print the database's revision."""
    from infra import migrate

    _tell(context, migrate.current)


@db.command("check")
def check(context: typer.Context) -> None:
    """Compare the tables with the code; ends with 1 when they differ."""
    from infra import migrate

    _tell(context, migrate.check)


@accounts.command("create")
def create_account(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What it is called; kept apart from all else.")],
    scope: Annotated[
        list[Scope] | None, typer.Option("--scope", "-s", help="Of its first key; default all.")
    ] = None,
    credit_micros: Annotated[int, typer.Option(min=0, help="Prepaid credit, in micros.")] = 0,
) -> None:
    """Make an account with a first key, shown this once, and maybe credit."""
    cli = cli_context(context)
    account_id, key = asyncio.run(_create(name, scope or list(Scope), credit_micros))
    cli.output.note(f"{account_id}: keep the key now, it is not shown again")
    cli.output.document({"account_id": account_id, "key": key}, key)


@runs.command("dead")
def dead_runs(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="The newest so many.")] = 50,
) -> None:
    """Show the runs that the fleet gave up on, the newest first, and why."""
    found = asyncio.run(_dead_runs(limit))
    document = [
        {"noted_at": one.noted_at.isoformat(), **one.run.model_dump(mode="json")} for one in found
    ]
    columns = ["noted", "reason", "cast", "deliveries", "runner", "cause"]
    cli_context(context).output.table(document, columns, (_dead_run_row(one) for one in found))


def _dead_run_row(listed: "ListedDeadRun") -> tuple[object, ...]:
    run, noted = listed.run, listed.noted_at.isoformat(timespec="seconds")
    return noted, run.reason, run.cast_id or "unknown", run.deliveries, run.runner_id, run.cause


def _tell(context: typer.Context, work: Callable[[str], None]) -> None:
    """Do the work on the database, and show what Alembic prints about it."""
    database_url = operator_settings().database_url.get_secret_value()
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said):
            work(database_url)
    except SystemExit as error:
        raise CliError(str(error.code), 1) from error
    except OSError as error:
        # The error itself may quote the address, and with it the password.
        message = f"The database does not answer ({type(error).__name__})."
        raise CliError(message, ExitCode.PLATFORM) from error
    text = said.getvalue().strip()
    cli_context(context).output.document({"database": text}, text)


async def _create(name: str, scopes: list[Scope], credit_micros: int) -> tuple[str, str]:
    # Here, not above: it takes half a second, and most commands do without it.
    from infra.platform import make_vault, open_database
    from infra.repositories.accounts import PostgresAccounts

    settings = operator_settings()
    async with open_database(settings) as database:
        store = PostgresAccounts(database, pepper=make_vault(settings).api_key_pepper)
        account_id = await store.create(name)
        _, key = await store.create_key(account_id, "first", scopes, None)
        if credit_micros:
            reference = f"first:{account_id}"
            await store.credit(account_id, credit_micros, "USD", reference=reference)
    return account_id, key


async def _dead_runs(limit: int) -> "list[ListedDeadRun]":
    from infra.dead_runs import read_dead_runs
    from infra.nats_connection import open_nats

    url = operator_settings().nats_url.get_secret_value()
    try:
        async with open_nats(url, name="spell runs dead", first_seconds_max=5) as client:
            return await read_dead_runs(client.jetstream(), limit=limit)
    except SpellError as error:
        raise CliError(error.message, ExitCode.PLATFORM) from error


def operator_settings() -> PlatformSettings:
    """The platform's own settings. Raises CliError when they are missing or wrong."""
    try:
        return PlatformSettings()
    except ValidationError as error:
        missing = ", ".join(f"SPELL_{str(e['loc'][0]).upper()}" for e in error.errors())
        message = f"Settings are missing or wrong: {missing}. See docs/settings.md."
        raise CliError(message, ExitCode.USAGE) from error

"""`spell billing …`: what an account's money did, by the ledger."""

from typing import Annotated, Any

import typer

from cli.context import cli_context
from schema.money import format_micros

billing = typer.Typer(no_args_is_help=True, help="Your account's statement and balances.")

FromOption = Annotated[
    str | None, typer.Option("--from", help="A moment, such as 2026-11-01T00:00:00Z.")
]
ToOption = Annotated[str | None, typer.Option("--to", help="The moment after the last.")]
CursorOption = Annotated[str | None, typer.Option(help="`next_cursor` of the page before.")]
LimitOption = Annotated[int, typer.Option(min=1, max=100, help="So many lines.")]


@billing.command("statement")
def statement(
    context: typer.Context,
    begin: FromOption = None,
    to: ToOption = None,
    cursor: CursorOption = None,
    limit: LimitOption = 20,
) -> None:
    """Show what moved on your ledger accounts, and the balances before and after."""
    asked = {"from": begin, "to": to, "cursor": cursor, "limit": limit}
    show_statement(context, "/v1/billing/statement", asked)


@billing.command("balances")
def balances(context: typer.Context) -> None:
    """Show what your ledger accounts hold."""
    cli = cli_context(context)
    page = cli.api.json("GET", "/v1/billing/balances")
    rows = [
        (one["kind"], format_micros(one["balance_micros"], one["currency"]))
        for one in page["items"]
    ]
    cli.output.table(page, ("account", "balance"), rows)


def show_statement(context: typer.Context, path: str, asked: dict[str, Any]) -> None:
    """Get a page of a statement and print it."""
    cli = cli_context(context)
    params = {name: value for name, value in asked.items() if value is not None}
    page = cli.api.json("GET", path, params=params)
    for one in page["balances"]:
        opening, closing = (
            format_micros(one[name], one["currency"])
            for name in ("opening_micros", "balance_micros")
        )
        cli.output.note(f"{one['account']}: {opening} before, {closing} after")
    rows = [
        (
            one["created_at"][:19],
            one["id"],
            one["kind"],
            one["account"].partition(":")[0],
            format_micros(one["amount_micros"], one["currency"]),
            one["reference"] or "",
        )
        for one in page["items"]
    ]
    cli.output.table(page, ("when", "id", "what", "account", "amount", "reference"), rows)
    if page["next_cursor"]:
        cli.output.note(f"more: --cursor {page['next_cursor']}")

"""`spell buy` and `spell purchases …`: buy copies of templates, and see what became of them."""

import secrets
from typing import Annotated, Any

import typer

from cli.client import in_path
from cli.context import CliContext, cli_context
from cli.output import money
from schema.contracts.purchases import PayWith

purchases = typer.Typer(help="See and cancel what you bought.", no_args_is_help=True)
PurchaseArgument = Annotated[str, typer.Argument(help="A purchase id: pur_…")]


def buy(
    context: typer.Context,
    spell: Annotated[str, typer.Argument(help="A spell's key, such as com.example.starter")],
    repository: Annotated[str, typer.Argument(help="owner/name of your copy")],
    version: Annotated[str | None, typer.Option(help="Default: the newest.")] = None,
    public: Annotated[bool, typer.Option(help="Everybody may read the copy.")] = False,
    pay_with: Annotated[
        PayWith, typer.Option(help="A page to pay by card, or your credit.")
    ] = PayWith.CHECKOUT,
    idempotency_key: Annotated[
        str | None, typer.Option("--key", help="Repeat with the same key: same purchase.")
    ] = None,
) -> None:
    """Buy a copy of a template repository; shows where to pay."""
    cli = cli_context(context)
    key = idempotency_key or f"cli-{secrets.token_hex(16)}"
    body: dict[str, Any] = {
        "repository": repository,
        "private": not public,
        "pay_with": pay_with.value,
    }
    if version:
        body["version"] = version
    cli.output.note(f"Idempotency-Key {key}")
    path = f"/v1/catalog/spells/{in_path(spell)}/purchase"
    _show(cli, cli.api.json("POST", path, json=body, headers={"Idempotency-Key": key}))


@purchases.command("list")
def list_purchases(
    context: typer.Context, limit: Annotated[int, typer.Option(min=1, max=100)] = 20
) -> None:
    """List your purchases, newest first."""
    cli = cli_context(context)
    page = cli.api.json("GET", "/v1/purchases", params={"limit": limit})
    rows = [
        (
            each["created_at"][:19],
            each["purchase_id"],
            each["spell"],
            each["repository"],
            each["status"],
            money(each["price"]) if each["price"] else "",
        )
        for each in page["items"]
    ]
    columns = ("when", "purchase", "spell", "repository", "status", "price")
    cli.output.table(page, columns, rows)


@purchases.command("show")
def show(context: typer.Context, purchase_id: PurchaseArgument) -> None:
    """Show one purchase: its receipt, or where to pay."""
    cli = cli_context(context)
    _show(cli, cli.api.json("GET", f"/v1/purchases/{in_path(purchase_id)}"))


@purchases.command("cancel")
def cancel(context: typer.Context, purchase_id: PurchaseArgument) -> None:
    """Give a purchase up before it is paid."""
    cli = cli_context(context)
    _show(cli, cli.api.json("POST", f"/v1/purchases/{in_path(purchase_id)}:cancel"))


def _show(cli: CliContext, purchase: dict[str, Any]) -> None:
    lines = [f"{purchase['purchase_id']}  {purchase['status']}"]
    for label, member in (
        ("pay here", "checkout_url"),
        ("licence", "license_url"),
        ("repository", "repository_url"),
        ("first pull request", "pull_request_url"),
        ("entitled since", "entitled_at"),
    ):
        if purchase[member]:
            lines.append(f"{label:<19} {purchase[member]}")
    if purchase["price"]:
        lines.append(f"{'price':<19} {money(purchase['price'])}")
    if purchase["problem"]:
        lines.append(f"{'problem':<19} {purchase['problem']['code']}")
    cli.output.document(purchase, "\n".join(lines))

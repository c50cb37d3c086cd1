"""`spell keys …`, `spell cap …`, `spell spells`: the account and the catalogue."""

from typing import Annotated

import typer

from cli.client import in_path
from cli.context import cli_context
from schema.contracts.account import CapKind
from schema.money import format_micros
from schema.scopes import Scope

keys = typer.Typer(no_args_is_help=True, help="Make, list and revoke API keys.")
cap = typer.Typer(no_args_is_help=True, help="Set hard caps on spending, and see what is left.")


@keys.command("create")
def create_key(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What the key is for.")],
    scope: Annotated[list[Scope], typer.Option("--scope", "-s", help="What it may do.")],
) -> None:
    """Make a key; it is shown this once."""
    cli = cli_context(context)
    body = {"name": name, "scopes": [one.value for one in scope]}
    made = cli.api.json("POST", "/v1/keys", json=body)
    cli.output.note(f"{made['summary']['id']}: keep the key now, it is not shown again")
    cli.output.document(made, made["key"])


@keys.command("list")
def list_keys(context: typer.Context) -> None:
    """List the account's keys."""
    cli = cli_context(context)
    found = cli.api.json("GET", "/v1/keys")
    rows = [
        (
            k["id"],
            k["prefix"],
            k["name"],
            ",".join(k["scopes"]),
            "revoked" if k["revoked_at"] else "",
        )
        for k in found
    ]
    cli.output.table(found, ("id", "prefix", "name", "scopes", ""), rows)


@keys.command("revoke")
def revoke_key(
    context: typer.Context, key_id: Annotated[str, typer.Argument(help="key_…")]
) -> None:
    """End a key now."""
    cli = cli_context(context)
    cli.api.json("DELETE", f"/v1/keys/{in_path(key_id)}")
    cli.output.document({"revoked": key_id}, f"revoked {key_id}")


@cap.command("show")
def show_caps(context: typer.Context) -> None:
    """What is held, spent and left under each budget."""
    cli = cli_context(context)
    _print_caps(context, cli.api.json("GET", "/v1/billing/caps"))


@cap.command("set")
def set_cap(
    context: typer.Context,
    kind: Annotated[CapKind, typer.Argument(help="What the cap bounds.")],
    micros: Annotated[int, typer.Argument(min=0, help="1 USD is 1,000,000 micros.")],
    api_key_id: Annotated[str | None, typer.Option(help="Which key, for api_key.")] = None,
) -> None:
    """Set a hard cap."""
    cli = cli_context(context)
    body = {"kind": kind.value, "cap_micros": micros, "api_key_id": api_key_id}
    _print_caps(context, cli.api.json("POST", "/v1/billing/caps", json=body))


def list_spells(context: typer.Context) -> None:
    """List the spells that you may cast."""
    cli = cli_context(context)
    page = cli.api.json("GET", "/v1/spells", params={"limit": 100})
    rows = [(s["key"], s["version"], s["price"]["model"], s["description"]) for s in page["items"]]
    cli.output.table(page, ("spell", "version", "price", ""), rows)


def _print_caps(context: typer.Context, budgets: list[dict[str, object]]) -> None:
    def amount(budget: dict[str, object], member: str) -> str:
        value = budget[member]
        return format_micros(value, str(budget["currency"])) if isinstance(value, int) else "-"

    rows = [
        (
            b["kind"],
            *(amount(b, m) for m in ("held_micros", "posted_micros", "cap_micros")),
            amount(b, "remaining_micros"),
            b["resets_at"] or "",
        )
        for b in budgets
    ]
    columns = ("budget", "held", "spent", "cap", "left", "starts over")
    cli_context(context).output.table(budgets, columns, rows)

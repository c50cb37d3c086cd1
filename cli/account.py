"""`spell keys …`, `spell spells`: the account and the catalogue."""

from typing import Annotated

import typer

from cli.client import in_path
from cli.context import cli_context
from schema.scopes import Scope

keys = typer.Typer(no_args_is_help=True, help="Make, list and revoke API keys.")


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


def list_spells(context: typer.Context) -> None:
    """List the spells that you may cast."""
    cli = cli_context(context)
    page = cli.api.json("GET", "/v1/spells", params={"limit": 100})
    rows = [(s["key"], s["version"], s["price"]["model"], s["description"]) for s in page["items"]]
    cli.output.table(page, ("spell", "version", "price", ""), rows)

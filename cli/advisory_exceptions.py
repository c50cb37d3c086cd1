"""`spell advisories exceptions`, `except`, `unexcept`: what operators say does not affect.

They go through the API, so that each exception has the account of who made it.
"""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from cli.advisories import advisories
from cli.client import in_path
from cli.context import CliContext, cli_context
from schema.contracts.supply_chain import Justification
from schema.supply_chain.advisory_rules import EXCEPTION_DAYS_MAX

__all__ = ["advisories"]


@advisories.command()
def exceptions(
    context: typer.Context,
    ended: Annotated[bool, typer.Option("--ended", help="Also those removed or expired.")] = False,
) -> None:
    """List the exceptions: what does not affect, who said so, why, and until when."""
    cli = cli_context(context)
    found = _all_exceptions(cli, ended)
    rows = [
        (
            *(one["id"], one["advisory_id"], one["purl"] or "all", one["spell_key"] or "all"),
            *(one["justification"], one["expires_at"][:10], one["added_by"]),
            (one["removed_at"] or "")[:10],
        )
        for one in found
    ]
    columns = ("id", "advisory", "component", "spell", "justification", "until", "by", "removed")
    cli.output.table(found, columns, rows)


@advisories.command("except")
def except_(
    context: typer.Context,
    advisory_id: Annotated[str, typer.Argument(help="Any of its ids: CVE-…, GHSA-…, PYSEC-….")],
    justification: Annotated[Justification, typer.Option(help="Why it does not affect, by VEX.")],
    statement: Annotated[str, typer.Option(help="Why, in words, for who reads the decision.")],
    days: Annotated[
        int, typer.Option(min=1, max=EXCEPTION_DAYS_MAX, help="It ends after so many.")
    ],
    purl: Annotated[
        str | None, typer.Option(help="Only this component; without version for all of them.")
    ] = None,
    spell: Annotated[str | None, typer.Option(help="Only this spell.")] = None,
) -> None:
    """Say that a vulnerability does not affect; needs a key with ops:deploy."""
    cli = cli_context(context)
    body = {
        "advisory_id": advisory_id,
        "purl": purl,
        "spell_key": spell,
        "justification": justification.value,
        "statement": statement,
        # A minute less than the days: this machine's clock may be ahead of the platform's.
        "expires_at": (datetime.now(UTC) + timedelta(days=days, minutes=-1)).isoformat(),
    }
    made = cli.api.json("POST", "/v1/advisory-exceptions", json=body)
    cli.output.document(made, f"{made['id']}: {advisory_id} until {made['expires_at'][:10]}")


@advisories.command()
def unexcept(
    context: typer.Context,
    exception_id: Annotated[str, typer.Argument(help="As `spell advisories exceptions` shows.")],
) -> None:
    """End an exception now; that it was there stays on record."""
    cli = cli_context(context)
    removed = cli.api.json("DELETE", f"/v1/advisory-exceptions/{in_path(exception_id)}")
    cli.output.document(removed, f"{exception_id} no longer counts")


def _all_exceptions(cli: CliContext, ended: bool) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    wanted: dict[str, Any] = {"ended": ended, "limit": 100}
    while True:
        page = cli.api.json("GET", "/v1/advisory-exceptions", params=wanted)
        found += page["items"]
        if page["next_cursor"] is None:
            return found
        wanted["cursor"] = page["next_cursor"]

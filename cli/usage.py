"""`spell billing usage|alerts|zone`: what was spent on what, and by whose clock."""

from typing import Annotated, Any

import typer

from cli.billing import billing
from cli.caps import bar
from cli.context import cli_context
from schema.contracts.budgets import UsageGroup
from schema.money import format_micros

__all__ = ["billing"]  # the command whose other half is in cli.billing

Limit = Annotated[int, typer.Option(min=1, max=100)]
Cursor = Annotated[str | None, typer.Option(help="From a page before: next_cursor.")]


@billing.command("usage")
def usage(
    context: typer.Context,
    by: Annotated[UsageGroup, typer.Option(help="What to add up by.")] = UsageGroup.DAY,
    from_day: Annotated[str | None, typer.Option(help="2026-11-01; this month's first.")] = None,
    to_day: Annotated[str | None, typer.Option(help="2026-11-30; today.")] = None,
    currency: Annotated[str | None, typer.Option(help="Only this one.")] = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> None:
    """What was held and spent, by day, month, spell or key."""
    asked = {"by": by.value, "from_day": from_day, "to_day": to_day, "currency": currency}
    page = _page(context, "usage", {**asked, "cursor": cursor, "limit": limit})
    most = max((line["held_micros"] + line["posted_micros"] for line in page["items"]), default=0)
    rows = [
        (
            line["group"],
            line["count"],
            format_micros(line["held_micros"], line["currency"]),
            format_micros(line["posted_micros"], line["currency"]),
            bar(line["held_micros"] + line["posted_micros"], most).split()[0] if most else "",
        )
        for line in page["items"]
    ]
    columns = (by.value, "casts", "held", "spent", "")
    cli_context(context).output.table(page, columns, rows)


@billing.command("alerts")
def alerts(context: typer.Context, cursor: Cursor = None, limit: Limit = 20) -> None:
    """Thresholds of caps that were crossed, newest first."""
    page = _page(context, "alerts", {"cursor": cursor, "limit": limit})
    rows = [
        (
            one["created_at"],
            " ".join(filter(None, [one["kind"], one["api_key_id"]])),
            one["period_start"] or "",
            f"{one['percent']} %",
            format_micros(one["used_micros"], one["currency"]),
            format_micros(one["cap_micros"], one["currency"]),
            bar(one["used_micros"], one["cap_micros"]),
        )
        for one in page["items"]
    ]
    columns = ("when", "cap of", "since", "at", "used", "cap", "")
    cli_context(context).output.table(page, columns, rows)


@billing.command("zone")
def zone(
    context: typer.Context,
    time_zone: Annotated[
        str | None, typer.Argument(help="UTC, or IANA's name: Europe/Vienna.")
    ] = None,
) -> None:
    """Show, or set from tomorrow on, the zone that days and months are counted in."""
    api = cli_context(context).api
    path = "/v1/billing/time-zone"
    if time_zone is None:
        view = api.json("GET", path)
    else:
        view = api.json("PUT", path, json={"time_zone": time_zone})
    said = f"{view['time_zone']}: it is {view['today']}, until {view['day_ends_at']}"
    if view["next_time_zone"]:
        said += f"; {view['next_time_zone']} from {view['next_from_day']} on"
    cli_context(context).output.document(view, said)


def _page(context: typer.Context, name: str, asked: dict[str, Any]) -> dict[str, Any]:
    given = {member: value for member, value in asked.items() if value is not None}
    page: dict[str, Any] = cli_context(context).api.json("GET", f"/v1/billing/{name}", params=given)
    return page

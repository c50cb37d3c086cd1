"""`spell cap …`: hard caps on spending, and how much of each is used."""

from typing import Annotated, Any

import typer

from cli.context import cli_context
from schema.contracts.budgets import DEFAULT_ALERTS, CapKind
from schema.money import format_micros

cap = typer.Typer(no_args_is_help=True, help="Set hard caps on spending, and see what is left.")

_BAR = 20

Kind = Annotated[CapKind, typer.Argument(help="What the cap bounds.")]
Key = Annotated[str | None, typer.Option(help="Which key, for api_key…")]
Currency = Annotated[str, typer.Option(help="Of the cap.")]


@cap.command("show")
def show_caps(context: typer.Context, currency: Currency = "USD") -> None:
    """What is held, spent and left under each budget."""
    cli = cli_context(context)
    found = cli.api.json("GET", "/v1/billing/caps", params={"currency": currency})
    _print_caps(context, found)


@cap.command("set")
def set_cap(
    context: typer.Context,
    kind: Kind,
    micros: Annotated[int, typer.Argument(min=0, help="1 USD is 1,000,000 micros.")],
    api_key_id: Key = None,
    currency: Currency = "USD",
    alert_at: Annotated[
        list[int] | None, typer.Option(min=1, max=100, help="Tell me at this percentage.")
    ] = None,
    no_alerts: Annotated[bool, typer.Option("--no-alerts", help="Tell me of none.")] = False,
) -> None:
    """Set a hard cap."""
    cli = cli_context(context)
    alerts = [] if no_alerts else alert_at or list(DEFAULT_ALERTS)
    body = {**_name(kind, api_key_id, currency), "cap_micros": micros, "alerts_at": alerts}
    _print_caps(context, cli.api.json("POST", "/v1/billing/caps", json=body))


@cap.command("remove")
def remove_cap(
    context: typer.Context, kind: Kind, api_key_id: Key = None, currency: Currency = "USD"
) -> None:
    """Remove a cap; what is used goes on being counted."""
    cli = cli_context(context)
    name = _name(kind, api_key_id, currency)
    _print_caps(context, cli.api.json("DELETE", "/v1/billing/caps", params=name))


@cap.command("history")
def history(
    context: typer.Context, limit: Annotated[int, typer.Option(min=1, max=100)] = 20
) -> None:
    """Who changed which cap, or the billing time zone; newest first."""
    cli = cli_context(context)
    page = cli.api.json("GET", "/v1/billing/history", params={"limit": limit})
    rows = [
        (
            one["changed_at"],
            one["changed_by"],
            " ".join(filter(None, [one["kind"] or one["subject"], one["api_key_id"]])),
            _state(one["before"], one["currency"]),
            _state(one["after"], one["currency"]),
        )
        for one in page["items"]
    ]
    cli.output.table(page, ("when", "by key", "what", "from", "to"), rows)


def bar(used: int, cap: int | None) -> str:
    """How much of a cap is used, as a picture: `##########----------  50 %`."""
    if cap is None:
        return ""
    filled, percent = (_BAR, 100) if used >= cap else (used * _BAR // cap, used * 100 // cap)
    return f"{'#' * filled}{'-' * (_BAR - filled)} {percent:3d} %"


def _name(kind: CapKind, api_key_id: str | None, currency: str) -> dict[str, Any]:
    name = {"kind": kind.value, "api_key_id": api_key_id, "currency": currency}
    return {member: value for member, value in name.items() if value is not None}


def _state(state: dict[str, Any] | None, currency: str | None) -> str:
    """A cap or a time zone, as the history keeps it."""
    if state is None:
        return "-"
    if currency is None:
        return str(state["time_zone"])
    alerts = ", ".join(f"{percent} %" for percent in state["alerts_at"])
    return f"{format_micros(state['cap_micros'], currency)} ({alerts or 'no alerts'})"


def _print_caps(context: typer.Context, budgets: list[dict[str, Any]]) -> None:
    def amount(budget: dict[str, Any], member: str) -> str:
        value = budget[member]
        return format_micros(value, budget["currency"]) if isinstance(value, int) else "-"

    rows = [
        (
            " ".join(filter(None, [b["kind"], b["api_key_id"]])),
            *(amount(b, m) for m in ("held_micros", "posted_micros", "cap_micros")),
            amount(b, "remaining_micros"),
            bar(b["held_micros"] + b["posted_micros"], b["cap_micros"]),
            b["resets_at"] or "",
        )
        for b in budgets
    ]
    columns = ("budget", "held", "spent", "cap", "left", "used", "starts over")
    cli_context(context).output.table(budgets, columns, rows)

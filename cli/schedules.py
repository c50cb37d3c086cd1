"""`spell schedules …`: have a spell cast by cron or by an interval."""

import secrets
from typing import Annotated, Any

import typer

from cli.client import in_path
from cli.context import cli_context
from cli.inputs import collect_inputs, collect_limits
from schema.contracts.schedules import Overlap

schedules = typer.Typer(no_args_is_help=True, help="Cast by cron or by an interval.")
ScheduleArgument = Annotated[str, typer.Argument(help="A schedule's id: sch_…")]


@schedules.command("create")
def create(
    context: typer.Context,
    spell: Annotated[str, typer.Argument(help="A spell's key, such as com.example.markdown")],
    inputs: Annotated[
        str | None, typer.Argument(help="A JSON file with the inputs; - reads stdin.")
    ] = None,
    member: Annotated[
        list[str] | None, typer.Option("--input", "-i", help="name=value, added to the inputs")
    ] = None,
    cron: Annotated[
        str | None, typer.Option(help='"minute hour day month weekday", as "0 9 * * mon-fri".')
    ] = None,
    every: Annotated[int | None, typer.Option(help="Seconds between two casts.")] = None,
    time_zone: Annotated[str, typer.Option(help="Of --cron, by IANA's name.")] = "UTC",
    version: Annotated[str | None, typer.Option(help="Default: the newest.")] = None,
    cap_micros: Annotated[
        int | None, typer.Option(min=0, help="Refuse a cast if its worst case costs more.")
    ] = None,
    limit: Annotated[
        list[str] | None,
        typer.Option("--limit", "-l", help="name=number: a lower bound than the spell's own"),
    ] = None,
    overlap: Annotated[
        Overlap, typer.Option(help="When the last cast has not ended.")
    ] = Overlap.SKIP,
    jitter: Annotated[int, typer.Option(min=0, help="Up to so many seconds later.")] = 0,
    callback_url: Annotated[
        str | None, typer.Option(help="https://…: told of each cast's end, signed.")
    ] = None,
    paused: Annotated[bool, typer.Option(help="Begin paused.")] = False,
    key: Annotated[
        str | None, typer.Option("--key", help="Repeat with the same key: the same schedule.")
    ] = None,
) -> None:
    """Make a schedule; its casts run under the API key that makes it."""
    cli = cli_context(context)
    body: dict[str, Any] = {
        "spell": spell,
        "inputs": collect_inputs(inputs, member or [], [], []),
        "cron": cron,
        "every_seconds": every,
        "time_zone": time_zone,
        "version": version,
        "overlap": overlap.value,
        "jitter_seconds": jitter,
        "paused": paused,
    }
    if cap_micros is not None:
        body["budget_cap"] = {"micros": cap_micros, "currency": "USD"}
    if limit:
        body["limits"] = collect_limits(limit)
    if callback_url:
        body["callback_url"] = callback_url
    headers = {"Idempotency-Key": key or f"cli-{secrets.token_hex(16)}"}
    made = cli.api.json("POST", "/v1/schedules", json=body, headers=headers)
    cli.output.document(made, made["schedule_id"])


@schedules.command("list")
def list_schedules(
    context: typer.Context, limit: Annotated[int, typer.Option(min=1, max=100)] = 20
) -> None:
    """List your schedules, newest first."""
    cli = cli_context(context)
    page = cli.api.json("GET", "/v1/schedules", params={"limit": limit})
    rows = [
        (one["schedule_id"], one["spell"], _timing(one), _state(one), one["overlap"])
        for one in page["items"]
    ]
    cli.output.table(page, ("schedule", "spell", "when", "state", "overlap"), rows)


@schedules.command("show")
def show(context: typer.Context, schedule_id: ScheduleArgument) -> None:
    """Show when a schedule casts next, and what came of its last times."""
    cli = cli_context(context)
    one = cli.api.json("GET", _path(schedule_id))
    cli.output.note(f"{one['spell']}  {_timing(one)}  {_state(one)}")
    for moment in one["next_times"][:3]:
        cli.output.note(f"next     {moment}")
    rows = [
        (run["scheduled_at"], run["cast_id"] or "", run["status"] or run["problem"]["code"])
        for run in one["runs"]
    ]
    cli.output.table(one, ("time", "cast", "came of it"), rows)


@schedules.command("pause")
def pause(context: typer.Context, schedule_id: ScheduleArgument) -> None:
    """Cast no more by itself."""
    _post(context, schedule_id, "pause")


@schedules.command("resume")
def resume(context: typer.Context, schedule_id: ScheduleArgument) -> None:
    """Cast again, from the next time on."""
    _post(context, schedule_id, "resume")


@schedules.command("trigger")
def trigger(context: typer.Context, schedule_id: ScheduleArgument) -> None:
    """Cast now, besides its times."""
    _post(context, schedule_id, "trigger")


@schedules.command("backfill")
def backfill(
    context: typer.Context,
    schedule_id: ScheduleArgument,
    begin: Annotated[str, typer.Argument(help="Such as 2026-11-25T00:00:00Z.")],
    end: Annotated[str, typer.Argument(help="Not in the future.")],
) -> None:
    """Cast for the times of a range that has passed; what was cast is not cast again."""
    cli = cli_context(context)
    body = {"from": begin, "to": end}
    answer = cli.api.json("POST", f"{_path(schedule_id)}:backfill", json=body)
    cli.output.document(answer, f"{len(answer['times'])} times")


@schedules.command("delete")
def delete(context: typer.Context, schedule_id: ScheduleArgument) -> None:
    """End a schedule; casts that run go on."""
    cli = cli_context(context)
    cli.api.json("DELETE", _path(schedule_id))
    cli.output.document({"schedule_id": schedule_id, "state": "deleted"}, "deleted")


def _post(context: typer.Context, schedule_id: str, verb: str) -> None:
    cli = cli_context(context)
    document = cli.api.json("POST", f"{_path(schedule_id)}:{verb}")
    cli.output.document(document, _state(document))


def _path(schedule_id: str) -> str:
    return f"/v1/schedules/{in_path(schedule_id)}"


def _timing(one: dict[str, Any]) -> str:
    return f"{one['cron']} {one['time_zone']}" if one["cron"] else f"every {one['every_seconds']} s"


def _state(one: dict[str, Any]) -> str:
    return f"{one['state']} ({one['reason']})" if one["reason"] else str(one["state"])

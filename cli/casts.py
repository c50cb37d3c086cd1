"""`spell cast`, `casts`, `show`, `follow`, `logs`, `cancel`: run spells; what became of them."""

import json
import secrets
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.client import Api, CliError, ExitCode, describe_problem, in_path
from cli.context import CliContext, cli_context
from cli.downloads import save_artifacts
from cli.following import show_events
from cli.inputs import collect_inputs, collect_limits
from cli.output import money
from schema.contracts.cast import CastStatus
from schema.contracts.plans import Mode
from schema.errors import kind_of

CastArgument = Annotated[str, typer.Argument(help="A cast id: cast_…")]


def cast(
    context: typer.Context,
    spell: Annotated[str, typer.Argument(help="A spell's key, such as com.example.markdown")],
    inputs: Annotated[
        str | None, typer.Argument(help="A JSON file with the inputs; - reads stdin.")
    ] = None,
    member: Annotated[
        list[str] | None, typer.Option("--input", "-i", help="name=value, added to the inputs")
    ] = None,
    text: Annotated[
        list[str] | None, typer.Option("--text", "-t", help="name=file: the file's text")
    ] = None,
    base64: Annotated[
        list[str] | None, typer.Option("--base64", "-b", help="name=file: the bytes as base64")
    ] = None,
    version: Annotated[str | None, typer.Option(help="Default: the newest.")] = None,
    mode: Annotated[
        Mode | None, typer.Option(help="How to run it; default: the spell's first choice.")
    ] = None,
    cap_micros: Annotated[
        int | None, typer.Option(min=0, help="Refuse if the worst case costs more.")
    ] = None,
    limit: Annotated[
        list[str] | None,
        typer.Option("--limit", "-l", help="name=number: a lower bound than the spell's own"),
    ] = None,
    callback_url: Annotated[
        str | None, typer.Option(help="https://…: told of the end, signed.")
    ] = None,
    idempotency_key: Annotated[
        str | None, typer.Option("--key", help="Repeat with the same key: same cast, one charge.")
    ] = None,
    detach: Annotated[bool, typer.Option(help="Do not wait for the end.")] = False,
    out: Annotated[Path | None, typer.Option(help="Write the result's JSON to this file.")] = None,
    artifacts: Annotated[
        Path | None,
        typer.Option(help="Write all that a success leaves into this folder.", file_okay=False),
    ] = None,
) -> None:
    """Cast a spell: hold, run, settle; shows progress, result and cost."""
    cli = cli_context(context)
    if out is not None and (out.is_dir() or not out.parent.is_dir()):
        # Said before it costs anything.
        raise CliError(f"{out}: there is no such folder to write to.", ExitCode.USAGE)
    cap = None if cap_micros is None else {"micros": cap_micros, "currency": "USD"}
    wishes: dict[str, Any] = {
        "version": version or None,
        "mode": mode.value if mode else None,
        "budget_cap": cap,
        "limits": collect_limits(limit) if limit else None,
        "callback_url": callback_url or None,
    }
    body = {
        "inputs": collect_inputs(inputs, member or [], text or [], base64 or []),
        **{name: wish for name, wish in wishes.items() if wish is not None},
    }
    key = idempotency_key or f"cli-{secrets.token_hex(16)}"
    admitted = _admit(cli.api, spell, body, key)
    cli.output.note(f"cast     {admitted['cast_id']}  (Idempotency-Key {key})")
    cli.output.note(f"held     {money(admitted['estimated_cost'])} at most")
    if detach:
        cli.output.document(admitted, admitted["cast_id"])
        return
    show_events(cli, admitted["cast_id"])
    ended = ended_cast(cli.api, admitted["cast_id"])
    if artifacts is not None and ended["status"] == CastStatus.SUCCEEDED:
        for file in save_artifacts(cli, ended["cast_id"], artifacts):
            cli.output.note(f"left     {file}")
    finish(cli, ended, out)


def _admit(api: Api, spell: str, body: dict[str, Any], key: str) -> dict[str, Any]:
    """The 202 document. Where it is lost, nobody knows whether the cast began: the key tells."""
    path = f"/v1/spells/{in_path(spell)}:cast"
    try:
        admitted: dict[str, Any] = api.json(
            "POST", path, json=body, headers={"Idempotency-Key": key}
        )
    except CliError as error:
        if error.exit_code != ExitCode.PLATFORM:
            raise
        message = f"{error}\n  To repeat it without a second charge: --key {key}"
        document = {**error.document, "idempotency_key": key}
        raise CliError(message, error.exit_code, document) from error
    return admitted


def casts(
    context: typer.Context,
    status: Annotated[CastStatus | None, typer.Option(help="Only these.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100)] = 20,
) -> None:
    """List your casts, newest first."""
    cli = cli_context(context)
    query = {"limit": limit, **({"status": status.value} if status else {})}
    page = cli.api.json("GET", "/v1/casts", params=query)
    rows = [
        (
            c["created_at"][:19],
            c["cast_id"],
            c["spell"],
            c["status"],
            c["billing"],
            money(c["cost"]),
        )
        for c in page["items"]
    ]
    cli.output.table(page, ("when", "cast", "spell", "status", "billing", "cost"), rows)


def show(context: typer.Context, cast_id: CastArgument) -> None:
    """Show one cast: status, cost, usage, result."""
    cli = cli_context(context)
    finish(cli, ended_cast(cli.api, cast_id), None)


def ended_cast(api: Api, cast_id: str) -> dict[str, Any]:
    """A cast's document, with its result also where that is too large to be in it."""
    path = f"/v1/casts/{in_path(cast_id)}"
    document: dict[str, Any] = api.json("GET", path)
    where = document["result_artifact"]
    if where is not None and where["link"] is not None:
        document["result"] = api.json("GET", f"{path}/output")
    return document


def follow(context: typer.Context, cast_id: CastArgument) -> None:
    """Follow a cast to its end, from its first event; shows result and cost."""
    cli = cli_context(context)
    path = f"/v1/casts/{in_path(cast_id)}"
    # A cast that is not there is told at once, and so is a platform that is not.
    cli.api.json("GET", path)
    show_events(cli, cast_id)
    finish(cli, ended_cast(cli.api, cast_id), None)


def logs(
    context: typer.Context,
    cast_id: CastArgument,
    follow_events: Annotated[
        bool, typer.Option("--follow", "-f", help="Follow the events until the cast has ended.")
    ] = False,
) -> None:
    """Print what the spell wrote to its error stream."""
    cli = cli_context(context)
    if follow_events:
        show_events(cli, cast_id)
    text = cli.api.request("GET", f"/v1/casts/{in_path(cast_id)}/logs").text
    cli.output.document({"cast_id": cast_id, "logs": text}, text.rstrip("\n"))


def cancel(context: typer.Context, cast_id: CastArgument) -> None:
    """Stop a cast; says what it cost."""
    cli = cli_context(context)
    answer = cli.api.json("POST", f"/v1/casts/{in_path(cast_id)}:cancel")
    ended = answer["cast"]
    word = "cancelled" if answer["accepted"] else "too late: it ended by itself"
    cost = f"{ended['billing']}, {money(ended['cost'])}"
    cli.output.document(answer, f"{word} ({ended['status']}, {cost})")


def finish(cli: CliContext, document: dict[str, Any], out: Path | None) -> None:
    """Show a cast; a failed one ends the command with its problem."""
    problem = document["problem"]
    _note_violations(cli, document["violations"])
    if problem is not None:
        problem = {**problem, "remedy": kind_of(problem["code"]).remedy}
        bill = f"  {document['billing']}: {money(document['cost'])}"
        message = f"{describe_problem(problem)}\n{bill}"
        raise CliError(message, ExitCode.CAST_FAILED, document)
    if out is not None and document["status"] == "succeeded":
        _write(out, document)
        cli.output.note(f"result   written to {out}")
    if document["usage"]:
        used = document["usage"]
        cli.output.note(
            f"used     {used['fuel']:,} fuel, {used['wall_ms']} ms, "
            f"{used['memory_bytes_peak'] / 2**20:.1f} MiB"
        )
    if document["stages"]:
        cli.output.note(f"time     {_spent(document['stages'])}")
    cli.output.note(f"{document['billing']:<8} {money(document['cost'])}")
    where = document["result_artifact"]
    if where is not None and where["link"] is None:
        cli.output.note(f"result   was kept until {where['expires_at'][:10]}, and is deleted")
    shown = json.dumps(document["result"], ensure_ascii=False, indent=2)
    cli.output.document(document, shown if out is None else document["status"])


def _note_violations(cli: CliContext, violations: list[dict[str, Any]]) -> None:
    """What the spell tried and was not allowed, however it ended."""
    for one in violations:
        times = f" ({one['count']} times)" if one["count"] > 1 else ""
        cli.output.note(f"denied   {one['kind']} {one['subject']}".rstrip() + times)


def _spent(stages: dict[str, int]) -> str:
    """`queued 0.4 ms, prepare 1.2 ms, run 3.5 ms`."""
    return ", ".join(
        f"{name.removesuffix('_us')} {micros / 1000:.1f} ms" for name, micros in stages.items()
    )


def _write(out: Path, document: dict[str, Any]) -> None:
    try:
        out.write_text(json.dumps(document["result"], ensure_ascii=False), "utf-8")
    except OSError as error:
        message = f"{out}: {error.strerror}. The result is kept: spell show {document['cast_id']}"
        raise CliError(message, ExitCode.USAGE, document) from error

"""`spell revoke` and `spell revocations …`: withdraw trust, and give it back."""

from typing import Annotated, Any

import typer

from cli.client import CliError, ExitCode, describe_problem
from cli.context import CliContext, cli_context
from schema.contracts.revocation import RevocationKind

revocations = typer.Typer(no_args_is_help=True, help="List and lift revocations (operators).")


def revoke(
    context: typer.Context,
    kind: Annotated[RevocationKind, typer.Argument(help="What is revoked.")],
    value: Annotated[str, typer.Argument(help="A digest, an identity, or a spell's key.")],
    reason: Annotated[str, typer.Option(help="For makers and casters to read.")],
    issuer: Annotated[
        str, typer.Option(help="Of an identity: who vouches for it; default any.")
    ] = "",
) -> None:
    """Revoke a digest, identity, key or spell: casts under way stop, and cost nothing."""
    cli = cli_context(context)
    trusted = {"kind": kind.value, "value": value, "issuer": issuer}
    with cli.output.notes.status("stopping casts …"):
        result = _applied(cli, "POST", "", json={"trusted": trusted, "reason": reason})
    cli.output.document(
        result,
        f"revoked {kind.value} {value}: number {result['id']}, "
        f"{result['packages']} digests told, {result['casts_stopped']} casts stopped",
    )


@revocations.command("list")
def list_revocations(
    context: typer.Context,
    lifted: Annotated[bool, typer.Option("--lifted", help="Those that were lifted, too.")] = False,
    cursor: Annotated[str | None, typer.Option(help="Where the next page starts.")] = None,
) -> None:
    """List revocations, newest first."""
    cli = cli_context(context)
    query = {"lifted": lifted, "limit": 100} | ({"cursor": cursor} if cursor else {})
    page = cli.api.json("GET", "/v1/revocations", params=query)
    columns = ("number", "kind", "value", "since", "lifted", "reason")
    cli.output.table(page, columns, [_row(one) for one in page["items"]])
    if page["next_cursor"]:
        cli.output.note(f"more: --cursor {page['next_cursor']}")


@revocations.command("lift")
def lift(
    context: typer.Context,
    number: Annotated[int, typer.Argument(min=1, help="As `spell revocations list` shows it.")],
) -> None:
    """Lift a revocation: what rests on nothing else that is revoked can be cast again."""
    cli = cli_context(context)
    result = _applied(cli, "DELETE", f"/{number}")
    cli.output.document(result, f"lifted number {result['id']}")


def _applied(cli: CliContext, method: str, path: str, **options: Any) -> Any:
    """What it did. While it goes on, the same request is sent again: it joins."""
    for _ in range(10):
        result = cli.api.json(method, f"/v1/revocations{path}", **options)
        if result is not None:
            return result
    problem = {
        "code": "TIMEOUT",
        "message": "The revocation is in force, and casts are still stopping.",
        "remedy": "Send the same command again to see how it ends.",
    }
    raise CliError(describe_problem(problem), ExitCode.PLATFORM, problem)


def _row(one: dict[str, Any]) -> tuple[object, ...]:
    lifted = (one["lifted_at"] or "")[:19]
    return one["id"], one["kind"], one["value"], one["revoked_at"][:19], lifted, one["reason"]

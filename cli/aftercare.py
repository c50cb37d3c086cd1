"""`spell audit`, `rescan`, `vulnerabilities` …: what happened to published versions."""

from typing import Annotated, Any

import typer

from cli.client import in_path
from cli.context import cli_context
from schema.contracts.supply_chain_log import DeedKind


def audit(
    context: typer.Context,
    spell: Annotated[str | None, typer.Option(help="Only of this spell.")] = None,
    kind: Annotated[DeedKind | None, typer.Option(help="Only of this kind.")] = None,
    cursor: Annotated[str | None, typer.Option(help="`next_cursor` of the page before.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100, help="The newest so many.")] = 20,
) -> None:
    """Read the supply-chain log: who did what to which spell, the newest first."""
    cli = cli_context(context)
    asked = {"spell": spell, "kind": kind.value if kind else None, "cursor": cursor, "limit": limit}
    page = cli.api.json(
        "GET", "/v1/supply-chain/log", params={k: v for k, v in asked.items() if v is not None}
    )
    rows = [
        (e["created_at"][:19], e["kind"], e["spell_key"] or "", e["version"] or "", e["actor"])
        for e in page["items"]
    ]
    cli.output.table(page, ("when", "what", "spell", "version", "who"), rows)
    if page["next_cursor"]:
        cli.output.note(f"more: --cursor {page['next_cursor']}")


def rescan(
    context: typer.Context,
    import_first: Annotated[
        bool, typer.Option("--import/--no-import", help="Bring the advisories in before.")
    ] = True,
) -> None:
    """Decide again on every published version now (for operators)."""
    cli = cli_context(context)
    started = cli.api.json("POST", "/v1/supply-chain/rescans", json={"import_first": import_first})
    cli.output.document(started, f"started {started['workflow_id']}")


def vulnerabilities(
    context: typer.Context,
    key: Annotated[str, typer.Argument(help="The spell's key.")],
    version: Annotated[str | None, typer.Argument(help="Default: the newest.")] = None,
) -> None:
    """Show what is known of a version's components, and which clocks run."""
    cli = cli_context(context)
    if version is None:
        version = cli.api.json("GET", f"/v1/spells/{in_path(key)}")["version"]
    path = f"/v1/spells/{in_path(key)}/versions/{in_path(version)}/vulnerabilities"
    report = cli.api.json("GET", path)
    cli.output.note(f"{key} {version}: {report['state']}, advisories of {report['snapshot']}")
    rows = [_reason_row(one) for one in report["reasons"]]
    rows += [_finding_row(one) for one in report["findings"]]
    cli.output.table(report, ("what", "component", "advisory", "until", ""), rows)


def _reason_row(reason: dict[str, Any]) -> tuple[str, ...]:
    advisory = str(reason["details"].get("advisory", ""))
    return reason["severity"], reason["subject"] or "", advisory, "", reason["message"]


def _finding_row(finding: dict[str, Any]) -> tuple[str, ...]:
    ended = finding["closed_as"]
    until = (finding["closed_at"] or finding["due_at"])[:10]
    state = f"finding {ended}" if ended else "finding open"
    return state, finding["purl"], finding["advisory_id"], until, finding["message"]

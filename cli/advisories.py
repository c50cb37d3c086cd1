"""`spell advisories …`: known vulnerabilities, for whoever operates the platform.

These work on the platform's own database (SPELL_… settings). Exceptions are in
`cli/advisory_exceptions.py`.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.client import CliError, ExitCode, describe_problem
from cli.context import CliContext, cli_context
from cli.files import read_file
from cli.operator import operator_settings
from schema.contracts.problem import Problem
from schema.contracts.supply_chain import Reason, Severity, Snapshot
from schema.errors import SpellError
from schema.limits import BILL_BYTES_MAX
from schema.supply_chain.advisory_rules import (
    advisory_reasons,
    snapshot_reasons,
    uncovered_reasons,
)

if TYPE_CHECKING:
    from infra.supply_chain.advisories.importing import Note
    from schema.contracts.advisories import ImportReport
    from schema.contracts.bill import Bill

advisories = typer.Typer(
    no_args_is_help=True,
    help="Import known vulnerabilities, match them, except some (import, status and scan need "
    "SPELL_… settings).",
)
_URL_PREFIXES = ("https://", "http://")


@advisories.command("import")
def import_(
    context: typer.Context,
    source: Annotated[
        str | None,
        typer.Argument(
            help="An archive, a folder, or the URL of a bucket; default SPELL_ADVISORY_URL."
        ),
    ] = None,
    ecosystem: Annotated[
        list[str] | None,
        typer.Option("--ecosystem", "-e", help="Of a bucket; default SPELL_ADVISORY_ECOSYSTEMS."),
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Every record of a bucket, not only the newer.")
    ] = False,
) -> None:
    """Import OSV records: all at once, and visible all at once."""
    cli = cli_context(context)
    with cli.output.notes.status("importing …") as status:
        report = _run(_import(source, ecosystem or [], full, status.update))
    document = report.model_dump(mode="json")
    for name, cause in report.failed.items():
        cli.output.note(f"{name}: {cause}")
    for one in report.sources:
        for bad in one.bad_records:
            cli.output.note(f"{one.source}: {bad.name}: {bad.cause}")
    rows = [(one.source, one.seen, one.written, one.bad, one.git_ranges) for one in report.sources]
    columns = ("source", "records", "written", "bad", "git ranges left out")
    cli.output.table(document, columns, rows)
    cli.output.note(f"snapshot {report.snapshot.id}" + ("" if report.changed else ", as before"))
    if report.failed:
        raise CliError("Some sources could not be read.", ExitCode.PLATFORM, document)


@advisories.command()
def status(context: typer.Context) -> None:
    """Show what is matched: the snapshot, its sources, and how old they are."""
    cli = cli_context(context)
    snapshot = _run(_snapshot())
    cli.output.note(f"snapshot {snapshot.id}, checked {_day(snapshot.checked_at)}")
    rows = [
        (name, one["records"], one["withdrawn"], one["unscored"], one["newest_modified"][:19])
        for name, one in snapshot.sources.items()
    ]
    columns = ("source", "records", "withdrawn", "unscored", "newest")
    cli.output.table(snapshot.model_dump(mode="json"), columns, rows)


@advisories.command()
def scan(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A bill of materials, as JSON.", dir_okay=False)],
    spell: Annotated[
        str | None, typer.Option(help="Count the exceptions of this spell, too.")
    ] = None,
) -> None:
    """Match a bill of materials with what was imported; ends with 3 when something refuses."""
    cli = cli_context(context)
    content = read_file(file, bytes_max=BILL_BYTES_MAX)
    with cli.output.notes.status("matching …"):
        snapshot, reasons = _run(_scan(file, content, spell))
    refused = any(one.severity is Severity.REFUSE for one in reasons)
    document = {
        "snapshot": snapshot.id,
        "passed": not refused,
        "reasons": [one.model_dump(mode="json") for one in reasons],
    }
    if refused:
        _show(cli, reasons)
        message = f"{file} has components that policy refuses (snapshot {snapshot.id})."
        raise CliError(message, ExitCode.REFUSED, document)
    if not cli.output.as_json:
        _show(cli, reasons)
    cli.output.document(document, f"{file} passes (snapshot {snapshot.id})")


def _run(work: Any) -> Any:
    """Await it; what the platform says no with becomes the command's error."""
    try:
        return asyncio.run(work)
    except SpellError as error:
        problem = Problem.of(error).model_dump(mode="json")
        raise CliError(describe_problem(problem), ExitCode.PLATFORM, problem) from error


async def _import(
    source: str | None, ecosystems: Sequence[str], full: bool, note: "Note"
) -> "ImportReport":
    from infra.platform import open_database
    from infra.supply_chain.advisories.archives import AdvisorySourceError, local_sources
    from infra.supply_chain.advisories.bucket import BucketImporter
    from infra.supply_chain.advisories.importing import import_sources

    settings = operator_settings()
    url = settings.advisory_url if source is None else source
    if not url:
        message = "Name an archive, a folder or a URL, or set SPELL_ADVISORY_URL."
        raise CliError(message, ExitCode.USAGE)
    async with open_database(settings) as database:
        if url.startswith(_URL_PREFIXES):
            wanted = ecosystems or settings.advisory_ecosystems
            importer = BucketImporter(database, url, wanted)
            return await importer.import_advisories(full=full, note=note)
        try:
            sources = local_sources(Path(url))
        except AdvisorySourceError as error:
            raise CliError(str(error), ExitCode.USAGE) from error
        # Nothing is saved by looking at less of a file that is here.
        return await import_sources(database, sources, full=True, note=note)


async def _snapshot() -> Snapshot:
    from infra.platform import open_database
    from infra.supply_chain.advisories.postgres_advisories import PostgresAdvisories

    async with open_database(operator_settings()) as database:
        return await PostgresAdvisories(database).snapshot()


async def _scan(file: Path, content: bytes, spell: str | None) -> tuple[Snapshot, list[Reason]]:
    from infra.platform import open_database
    from infra.repositories.advisory_exceptions import PostgresAdvisoryExceptions
    from infra.supply_chain.advisories.chosen import chosen_advisories

    settings = operator_settings()
    policy, now = settings.advisory_policy, datetime.now(UTC)
    bill = await _bill(file, content)
    async with open_database(settings) as database:
        matcher = chosen_advisories(settings, database)
        snapshot = await matcher.snapshot()
        hits = await matcher.match(bill.components)
        excepted = await PostgresAdvisoryExceptions(database).in_force(spell)
    return snapshot, [
        *snapshot_reasons(snapshot, now, policy),
        *advisory_reasons(hits, excepted, now, policy, spell_key=spell),
        *uncovered_reasons(
            matcher.uncovered([one for one in bill.components if one.ref != bill.root])
        ),
    ]


async def _bill(file: Path, content: bytes) -> "Bill":
    from infra.supply_chain.bill_reader import KillableBillReader

    async with KillableBillReader(children=1) as reader:
        check = await reader.read(content)
    if check.bill is None:
        lines = [f"{file} is no bill of materials:", *(one.message for one in check.reasons)]
        raise CliError("\n  ".join(lines), ExitCode.REFUSED)
    return check.bill


def _show(cli: CliContext, reasons: Sequence[Reason]) -> None:
    for one in reasons:
        cli.output.note(f"{one.severity.value:6} {one.code}: {one.message}")


def _day(moment: datetime | None) -> str:
    return "never" if moment is None else f"{moment:%Y-%m-%d}"

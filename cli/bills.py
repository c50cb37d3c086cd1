"""`spell sbom validate` and `convert`: bills on this machine, as the platform sees them.

Nobody is asked. The document is read in a process of its own, with the platform's limits.
"""

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.bill_making import sbom
from cli.client import CliError, ExitCode
from cli.context import cli_context
from cli.files import read_file, write_file
from cli.packages import package_files
from schema.canonical import parse_json
from schema.contracts.bill import Bill, BillFamily
from schema.contracts.supply_chain import BillCheck, Reason, Severity
from schema.ids import sha256_digest
from schema.limits import BILL_BYTES_MAX
from schema.supply_chain.completeness import check_completeness

__all__ = ["sbom"]

FileArgument = Annotated[
    Path, typer.Argument(help="CycloneDX 1.4 to 1.7 or SPDX 2.2 or 2.3, as JSON.", dir_okay=False)
]


@sbom.command()
def validate(
    context: typer.Context,
    file: FileArgument,
    folder: Annotated[
        Path | None,
        typer.Option(exists=True, file_okay=False, help="Also whether it covers this spell."),
    ] = None,
) -> None:
    """Check a bill of materials by its format's rules, and for a spell that it is complete."""
    cli = cli_context(context)
    content = read_file(file, bytes_max=BILL_BYTES_MAX)
    with cli.output.notes.status("validating …"):
        check = asyncio.run(_read(content))
    reasons = [*check.reasons]
    if folder is not None and check.bill is not None:
        files = {name: sha256_digest(packed) for name, packed in package_files(folder).items()}
        reasons += check_completeness(check.bill, files)
    _refuse(file, reasons)
    assert check.bill is not None
    for found in reasons:
        cli.output.note(_line(found))
    text = f"{file} is valid {check.bill.format}: {len(check.bill.components)} components"
    cli.output.document(_document(file, check.bill, reasons), text)


@sbom.command()
def convert(
    context: typer.Context,
    file: FileArgument,
    to: Annotated[BillFamily, typer.Option("--to", help="The format to write.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Instead of standard output.")
    ] = None,
) -> None:
    """Write a bill of materials in the other format; the same bill gives the same bytes."""
    cli = cli_context(context)
    content = read_file(file, bytes_max=BILL_BYTES_MAX)
    with cli.output.notes.status("validating and converting …"):
        converted = asyncio.run(_convert(content, to))
    if isinstance(converted, BillCheck):
        _refuse(file, converted.reasons)
    elif output is None:
        cli.output.document(parse_json(converted), converted.decode("utf-8").rstrip("\n"))
    else:
        write_file(output, converted)
        cli.output.document({"file": str(output), "format": to.value}, f"written to {output}")


async def _read(content: bytes) -> BillCheck:
    from infra.supply_chain.bill_reader import KillableBillReader

    async with KillableBillReader(children=1) as reader:
        return await reader.read(content)


async def _convert(content: bytes, family: BillFamily) -> bytes | BillCheck:
    from infra.supply_chain.bill_reader import KillableBillReader

    async with KillableBillReader(children=1) as reader:
        return await reader.convert(content, family)


def _refuse(file: Path, reasons: list[Reason]) -> None:
    """End the command when one of the reasons refuses, with all of them."""
    first = next((found for found in reasons if found.severity is Severity.REFUSE), None)
    if first is None:
        return
    message = "\n".join([f"{file} is refused.", *map(_line, reasons)])
    document = {
        "code": first.code,
        "message": first.message,
        "reasons": [found.model_dump(mode="json") for found in reasons],
    }
    raise CliError(message, ExitCode.REFUSED, document)


def _line(found: Reason) -> str:
    subject = f"  {found.subject}" if found.subject else ""
    return f"{found.severity}  {found.code}{subject}: {found.message}"


def _document(file: Path, bill: Bill, reasons: list[Reason]) -> dict[str, Any]:
    return {
        "file": str(file),
        "format": bill.format.value,
        "name": bill.name,
        "root": bill.root,
        "components": len(bill.components),
        "reasons": [found.model_dump(mode="json") for found in reasons],
    }

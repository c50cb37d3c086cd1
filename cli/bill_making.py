"""`spell sbom generate`, and the group of commands that it belongs to."""

from pathlib import Path
from typing import Annotated

import typer

from cli.client import CliError, ExitCode
from cli.context import CliContext, cli_context
from cli.files import read_file, write_file
from cli.packages import package_files, refused_here
from schema.contracts.bill import Bill, BillFamily
from schema.errors import SpellError
from schema.limits import MANIFEST_BYTES_MAX
from schema.manifest import Manifest, parse_manifest
from schema.packaging.names import MANIFEST_FILE, SBOM_FILES

sbom = typer.Typer(no_args_is_help=True, help="Make, check and convert bills of materials.")


FILE_NAMES = {BillFamily.SPDX: SBOM_FILES[0], BillFamily.CYCLONEDX: SBOM_FILES[1]}


@sbom.command()
def generate(
    context: typer.Context,
    folder: Annotated[
        Path, typer.Argument(exists=True, file_okay=False, help="Holds manifest.toml.")
    ] = Path(),
    output_format: Annotated[
        BillFamily | None,
        typer.Option("--format", help="That of the file that the manifest names, or CycloneDX."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Instead of the package's own file.")
    ] = None,
) -> None:
    """Make a spell's bill of materials from its files and lock files; nothing is run or fetched."""
    cli = cli_context(context)
    path, bill = write_bill(folder, output_format, output)
    tell_bill(cli, path, bill)


def write_bill(
    folder: Path, output_format: BillFamily | None = None, output: Path | None = None
) -> tuple[Path, Bill]:
    """Make the bill of the spell in a folder, and write it there.

    Raises:
        CliError: the manifest or a lock file cannot be read.
    """
    from infra.supply_chain.bill_making import make_bill
    from infra.supply_chain.lockfiles.folder import read_lock_files
    from infra.supply_chain.lockfiles.lock_file import LockFileError

    manifest = read_manifest(folder)
    chosen = output_format or _format_of(manifest)
    try:
        bill = make_bill(manifest, package_files(folder), read_lock_files(folder).values())
    except LockFileError as error:
        raise CliError(str(error), ExitCode.REFUSED) from error
    path = output or folder / FILE_NAMES[chosen]
    write_file(path, _document(bill, chosen))
    return path, bill


def _document(bill: Bill, family: BillFamily) -> bytes:
    from infra.supply_chain.bills.reading import write_bill as write_converted
    from infra.supply_chain.cyclonedx_output import write_cyclonedx

    return (
        write_cyclonedx(bill) if family is BillFamily.CYCLONEDX else write_converted(bill, family)
    )


def tell_bill(cli: CliContext, path: Path, bill: Bill) -> None:
    """Say what a bill that was written holds."""
    document = {
        "file": str(path),
        "serial": bill.serial,
        "components": len(bill.components),
        "without_license": sum(1 for c in bill.components if c.purl and not c.license_declared),
    }
    cli.output.document(document, f"wrote {path}: {len(bill.components)} components")


def read_manifest(folder: Path) -> Manifest:
    """The manifest of the spell in a folder.

    Raises:
        CliError: there is none, or it has errors.
    """
    try:
        return parse_manifest(read_file(folder / MANIFEST_FILE, bytes_max=MANIFEST_BYTES_MAX))
    except SpellError as error:
        raise refused_here(error) from error


def _format_of(manifest: Manifest) -> BillFamily:
    named = manifest.supply_chain.sbom
    return next((f for f, name in FILE_NAMES.items() if name == named), BillFamily.CYCLONEDX)

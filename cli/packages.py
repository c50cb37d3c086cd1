"""`spell publish`: a folder becomes a package, and the package a version that can be cast."""

from pathlib import Path
from typing import Annotated

import typer

from cli.client import CliError, ExitCode, describe_problem
from cli.context import cli_context
from schema.errors import SpellError
from schema.limits import PACKAGE_BYTES_MAX
from schema.money import format_micros
from schema.package import build_package, is_package_path, read_package
from schema.pricing import worst_case_of


def publish(
    context: typer.Context,
    folder: Annotated[
        Path, typer.Argument(exists=True, file_okay=False, help="Holds manifest.toml.")
    ] = Path(),
) -> None:
    """Package a folder and publish it as a version."""
    cli = cli_context(context)
    archive = package_folder(folder)
    package = read_package(archive)
    cli.output.note(f"package  {package.digest}  {len(archive):,} bytes")
    with cli.output.notes.status("checking, compiling, publishing …"):
        result = cli.api.json(
            "POST",
            "/v1/spells",
            content=archive,
            headers={"Content-Type": "application/x-tar"},
        )
    for reason in result["decision"]["reasons"]:
        cli.output.note(f"verdict  {reason}")
    price = package.manifest.price()
    most = worst_case_of(price, package.manifest.run_limits())
    word = "published" if result["created"] else "already published"
    cli.output.document(
        result,
        f"{word} {result['spell_key']} {result['version']}, "
        f"at most {format_micros(most, price.currency)} a cast",
    )


def package_folder(folder: Path) -> bytes:
    """The canonical archive of the package files in a folder; sources and the like stay out.

    Raises:
        CliError: a file cannot be read, is too large, or does not fit the format.
    """
    try:
        return build_package(package_files(folder))
    except SpellError as error:
        raise refused_here(error) from error


def package_files(folder: Path) -> dict[str, bytes]:
    """What a folder has of the files that belong into a package, whether all are there or not.

    Raises:
        CliError: a file cannot be read, is a link or a device, or all are too large together.
    """
    files: dict[str, bytes] = {}
    total = 0
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if not is_package_path(name) or (path.is_dir() and not path.is_symlink()):
            continue
        if path.is_symlink() or not path.is_file():
            message = f"{name} is a link or a device; a package holds plain files."
            raise CliError(message, ExitCode.REFUSED)
        total += path.stat().st_size
        if total > PACKAGE_BYTES_MAX:
            message = f"The files are together larger than {PACKAGE_BYTES_MAX:,} bytes."
            raise CliError(message, ExitCode.REFUSED)
        try:
            files[name] = path.read_bytes()
        except OSError as error:
            raise CliError(f"{name}: {error.strerror}", ExitCode.USAGE) from error
    return files


def refused_here(error: SpellError) -> CliError:
    """A refusal that the CLI found before asking the platform, in the platform's words."""
    document = {
        "code": error.code,
        "message": error.message,
        "details": error.details,
        "remedy": error.kind.remedy,
    }
    return CliError(describe_problem(document), ExitCode.REFUSED, document)

"""`spell publish`: a folder becomes a package, and the package a version that can be cast."""

from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress

from cli.client import CliError, ExitCode, describe_problem
from cli.context import CliContext, cli_context
from cli.files import read_file, write_file
from cli.publications import follow
from cli.publications import upload as send
from cli.verdicts import check_lines, reason_lines
from schema.errors import SpellError, kind_of
from schema.limits import PACKAGE_BYTES_MAX, SIGNATURE_BYTES_MAX
from schema.money import format_micros
from schema.package import SIGNATURE_FILE, build_package, is_package_path, read_package
from schema.pricing import worst_case_of


def publish(
    context: typer.Context,
    folder: Annotated[
        Path, typer.Argument(exists=True, file_okay=False, help="Holds manifest.toml.")
    ] = Path(),
    sign: Annotated[bool, typer.Option("--sign", help="Sign it first, as `spell sign` does.")] = (
        False
    ),
) -> None:
    """Package a folder and publish it as a version."""
    cli = cli_context(context)
    archive = package_folder(folder)
    package = read_package(archive)
    cli.output.note(f"package  {package.digest}  {len(archive):,} bytes")
    bundle = bundle_for(folder)
    if sign:
        from cli.signing import sign_package, signature_line

        signed = sign_package(package)
        bundle = signed.bundle
        write_file(folder / SIGNATURE_FILE, bundle)
        cli.output.note(signature_line(signed))
    result = upload(cli, archive, bundle)
    price = package.manifest.price()
    most = worst_case_of(price, package.manifest.run_limits())
    word = "published" if result["created"] else "already published"
    cli.output.document(
        result,
        f"{word} {result['spell_key']} {result['version']}, "
        f"at most {format_micros(most, price.currency)} a cast",
    )


def upload(cli: CliContext, archive: bytes, bundle: bytes | None = None) -> dict[str, Any]:
    """Publish an archive, showing how far it is and the verdict with every reason.

    Args:
        cli: the terminal, and where to.
        archive: a canonical package.
        bundle: its signature.

    Raises:
        CliError: it is refused.
    """
    with Progress(console=cli.output.notes, transient=True, disable=cli.output.as_json) as bars:
        bar = bars.add_task("sending", total=len(archive))
        publication = send(cli.api, archive, bundle, lambda sent: bars.update(bar, completed=sent))
    with cli.output.notes.status("waiting …") as status:

        def told(kind: str, data: Mapping[str, Any]) -> None:
            if kind == "step_started":
                status.update(f"{data['step']} …")
            elif kind == "step_ended":
                cli.output.note(f"step     {data['step']}")

        result = follow(cli.api, publication, told)
    if result["decision"] is not None:
        for line in check_lines(result["decision"]) + reason_lines(result["decision"]["reasons"]):
            cli.output.note(line)
    if result["problem"] is not None:
        raise _refused(result["problem"])
    return result


def _refused(problem: dict[str, Any]) -> CliError:
    """The refusal; reasons of the gate are on the screen already, and stay in the document."""
    remedy = kind_of(problem["code"]).remedy
    document = {**problem, "remedy": remedy}
    shown = dict(document)
    if problem["code"] == "SPELL_UNVERIFIED":
        shown["details"] = {}
    is_ours = kind_of(problem["code"]).status >= HTTPStatus.INTERNAL_SERVER_ERROR
    code = ExitCode.PLATFORM if is_ours else ExitCode.REFUSED
    return CliError(describe_problem(shown), code, document)


def bundle_for(folder: Path) -> bytes | None:
    """The signature that lies beside the folder's manifest; None when there is none.

    Raises:
        CliError: it cannot be read, or is too large to be one.
    """
    path = folder / SIGNATURE_FILE
    return read_file(path, bytes_max=SIGNATURE_BYTES_MAX) if path.exists() else None


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

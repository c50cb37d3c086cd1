"""`spell artifacts …`: what casts left besides what their document shows."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TransferSpeedColumn

from cli.casts import CastArgument
from cli.client import CliError, ExitCode, in_path
from cli.context import CliContext, cli_context
from schema.contracts.artifacts import OUTPUT_ARTIFACT

artifacts = typer.Typer(no_args_is_help=True, help="List and get what casts left.")


@artifacts.command("list")
def list_artifacts(context: typer.Context, cast_id: CastArgument) -> None:
    """List what a cast left: its result first, then the rest by name."""
    cli = cli_context(context)
    page = cli.api.json("GET", _base(cast_id))
    rows = [
        (each["name"], f"{each['bytes']:,}", each["content_type"], each["digest"], _until(each))
        for each in page["items"]
    ]
    cli.output.table(page, ("name", "bytes", "type", "digest", "kept until"), rows)


@artifacts.command("get")
def get_artifact(
    context: typer.Context,
    cast_id: CastArgument,
    name: Annotated[str, typer.Argument(help="As `spell artifacts list` has it.")] = (
        OUTPUT_ARTIFACT
    ),
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Write it to this file. Default: to stdout."),
    ] = None,
) -> None:
    """Get one artifact, whole and unchanged: its digest is checked by what was received."""
    cli = cli_context(context)
    path = f"{_base(cast_id)}/{'/'.join(in_path(part) for part in name.split('/'))}"
    if out is None:
        _receive(cli, path, sys.stdout.buffer)
        return
    # Under another name until it is whole: nobody takes a part for the artifact.
    part = out.with_name(f"{out.name}.part")
    try:
        with part.open("wb") as file:
            _receive(cli, path, file)
        part.replace(out)
    except OSError as error:
        raise CliError(f"{out}: {error.strerror}", ExitCode.USAGE) from error
    finally:
        part.unlink(missing_ok=True)
    cli.output.document({"name": name, "file": str(out)}, f"{name} written to {out}")


def _receive(cli: CliContext, path: str, file: BinaryIO) -> None:
    with cli.api.download(path) as (total, pieces):
        file.writelines(_shown(cli, total, pieces))
    file.flush()


def _shown(cli: CliContext, total: int, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The pieces, with a bar on a terminal that says how far they are."""
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn())
    hidden = cli.output.as_json or not cli.output.notes.is_terminal
    with Progress(*columns, console=cli.output.notes, transient=True, disable=hidden) as bar:
        task = bar.add_task("", total=total)
        for piece in pieces:
            bar.advance(task, len(piece))
            yield piece


def _base(cast_id: str) -> str:
    return f"/v1/casts/{in_path(cast_id)}/artifacts"


def _until(artifact: dict[str, Any]) -> str:
    return "deleted" if artifact["deleted_at"] else str(artifact["expires_at"])[:10]

"""Artifacts on their way into files: whole or not at all, under names that stay in their folder."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from pydantic import TypeAdapter, ValidationError
from rich.progress import BarColumn, DownloadColumn, Progress, TransferSpeedColumn

from cli.client import CliError, ExitCode, in_path
from cli.context import CliContext
from schema.contracts.artifacts import ArtifactName

_NAME: TypeAdapter[str] = TypeAdapter(ArtifactName)


def artifacts_path(cast_id: str) -> str:
    """Where a cast's artifacts are listed."""
    return f"/v1/casts/{in_path(cast_id)}/artifacts"


def show_artifact(cli: CliContext, cast_id: str, name: str) -> None:
    """Write one artifact to standard output."""
    _receive(cli, _path_of(cast_id, name), sys.stdout.buffer)


def save_artifact(cli: CliContext, cast_id: str, name: str, file: Path) -> None:
    """Write one artifact to a file.

    Raises:
        CliError: as `Api.download`, or the file cannot be written.
    """
    # Under another name until it is whole: nobody takes a part for the artifact.
    part = file.with_name(f"{file.name}.part")
    try:
        with part.open("wb") as opened:
            _receive(cli, _path_of(cast_id, name), opened)
        part.replace(file)
    except OSError as error:
        raise CliError(f"{file}: {error.strerror}", ExitCode.USAGE) from error
    finally:
        part.unlink(missing_ok=True)


def save_artifacts(cli: CliContext, cast_id: str, folder: Path) -> list[Path]:
    """Write all that a cast left into a folder, its result too; which files they are.

    Raises:
        CliError: as `save_artifact`; also when the platform names a file that would lie elsewhere.
    """
    page = cli.api.json("GET", artifacts_path(cast_id))
    names = [str(each["name"]) for each in page["items"] if not each["deleted_at"]]
    files = [folder / _checked(name) for name in names]
    for name, file in zip(names, files, strict=True):
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CliError(f"{file.parent}: {error.strerror}", ExitCode.USAGE) from error
        save_artifact(cli, cast_id, name, file)
    return files


def _checked(name: str) -> str:
    """The name, if it is one that artifacts have: `..` is none, so it stays in its folder."""
    try:
        return _NAME.validate_python(name)
    except ValidationError as error:
        message = f"The platform names an artifact {name[:200]!r}, which is no artifact's name."
        raise CliError(message, ExitCode.PLATFORM) from error


def _path_of(cast_id: str, name: str) -> str:
    return f"{artifacts_path(cast_id)}/{'/'.join(in_path(part) for part in name.split('/'))}"


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

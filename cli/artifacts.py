"""`spell artifacts …`: what casts left besides what their document shows."""

from pathlib import Path
from typing import Annotated, Any

import typer

from cli.casts import CastArgument
from cli.context import cli_context
from cli.downloads import artifacts_path, save_artifact, save_artifacts, show_artifact
from schema.artifact_names import OUTPUT_ARTIFACT

artifacts = typer.Typer(no_args_is_help=True, help="List and get what casts left.")


@artifacts.command("list")
def list_artifacts(context: typer.Context, cast_id: CastArgument) -> None:
    """List what a cast left: its result first, then the rest by name."""
    cli = cli_context(context)
    page = cli.api.json("GET", artifacts_path(cast_id))
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
    if out is None:
        show_artifact(cli, cast_id, name)
        return
    save_artifact(cli, cast_id, name, out)
    cli.output.document({"name": name, "file": str(out)}, f"{name} written to {out}")


@artifacts.command("save")
def save_all(
    context: typer.Context,
    cast_id: CastArgument,
    folder: Annotated[Path, typer.Argument(help="Made where it is missing.")],
) -> None:
    """Write all that a cast left into a folder, its result too, under its names."""
    cli = cli_context(context)
    files = [str(file) for file in save_artifacts(cli, cast_id, folder)]
    cli.output.document({"files": files}, "\n".join(files))


def _until(artifact: dict[str, Any]) -> str:
    return "deleted" if artifact["deleted_at"] else str(artifact["expires_at"])[:10]

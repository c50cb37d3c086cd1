"""`spell dev`: the whole platform on this machine, in the foreground."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from cli.client import DATA_FOLDER, CliError, ExitCode
from cli.context import CliContext, cli_context
from infra.embedded.errors import EmbeddedPlatformError
from infra.embedded.output import LogSink, with_prefix
from infra.embedded.platform import EmbeddedPlatform

_COLOURS = ("cyan", "green", "yellow", "magenta", "blue", "bright_cyan", "bright_green")


def dev(
    context: typer.Context,
    data_dir: Annotated[Path, typer.Option(help="Where all data is kept.")] = Path(DATA_FOLDER),
) -> None:
    """Start the whole platform here: servers, api, worker, runner. Ctrl-C stops it; data stays."""
    cli = cli_context(context)
    try:
        asyncio.run(_serve(cli, data_dir.resolve()))
    except EmbeddedPlatformError as error:
        raise CliError(str(error), ExitCode.PLATFORM) from error


async def _serve(cli: CliContext, data_dir: Path) -> None:
    # Here, not above: it takes half a second, and most commands do without it.
    from cli.local import first_account, local_platform

    platform = local_platform(data_dir, coloured_lines(cli))

    async def work() -> None:
        profile = await first_account(platform.context, data_dir)
        cli.output.note(
            f"\n  api          {profile.api_url}\n"
            f"  Temporal UI  {platform.endpoints.temporal_ui_url}\n"
            f"  Sigstore     {_sigstore_line(platform)}\n"
            f"  GitHub       {_github_line(platform)}\n"
            f"  data         {data_dir}  (the key is in client.json)\n"
            "  try: spell publish --sign examples/markdown  (in another terminal)\n"
        )
        await asyncio.Event().wait()

    await platform.run_until_signal(work)


def _sigstore_line(platform: EmbeddedPlatform) -> str:
    where = platform.endpoints
    return where.sigstore_url or f"another one: it trusts {where.trust_root_file}"


def _github_line(platform: EmbeddedPlatform) -> str:
    return platform.endpoints.github.get("SPELL_GITHUB_URL", "that of SPELL_GITHUB_API_URL")


def coloured_lines(cli: CliContext) -> LogSink:
    """A sink that prints each process's lines under its name, in its colour."""
    seen: dict[str, str] = {}

    def sink(name: str, line: str) -> None:
        colour = seen.setdefault(name, _COLOURS[len(seen) % len(_COLOURS)])
        prefixed = with_prefix(name, line)
        width = len(prefixed) - len(line)
        cli.output.notes.out(prefixed[:width], style=colour, end="")
        cli.output.notes.out(line)

    return sink

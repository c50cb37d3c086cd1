"""`spell build`: from source to `spell.wasm`, and from both to the bill of materials."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Annotated

import typer

from cli.bill_making import read_manifest, write_bill
from cli.client import CliError, ExitCode
from cli.context import cli_context
from cli.packages import package_folder
from cli.scaffold import Language
from cli.toolchains import Compilation, compilation_of
from schema.ids import sha256_digest
from schema.manifest import Manifest
from schema.packaging.names import MODULE_FILE

_SECONDS_DEFAULT = 600
_SECONDS_MAX = 3600
_SHOWN_BYTES_MAX = 8 * 1024


def build(
    context: typer.Context,
    folder: Annotated[
        Path, typer.Argument(exists=True, file_okay=False, help="Holds manifest.toml.")
    ] = Path(),
    language: Annotated[
        Language | None, typer.Option(help="Instead of the manifest's runtime.language.")
    ] = None,
    timeout_seconds: Annotated[
        int, typer.Option(min=1, max=_SECONDS_MAX, help="After which the compiler is stopped.")
    ] = _SECONDS_DEFAULT,
) -> None:
    """Compile a spell's source to spell.wasm, and make its bill of materials anew.

    The compiler and the project's build scripts run with your rights, as they do without `spell`.
    """
    cli = cli_context(context)
    manifest = read_manifest(folder)
    compilation = compilation_of(language or _language_of(manifest), folder)
    cli.output.note(f"compile  {' '.join(compilation.command)}")
    began = time.monotonic()
    # A compiler that fails must not leave an older module to be published.
    (folder / MODULE_FILE).unlink(missing_ok=True)
    with cli.output.notes.status("compiling …"):
        _compile(compilation, folder, timeout_seconds)
    module = _take(compilation, folder)
    path, bill = write_bill(folder)
    cli.output.note(f"sbom     {path}  {len(bill.components)} components")
    size, digest = module.stat().st_size, sha256_digest(package_folder(folder))
    cli.output.note(f"package  {digest}")
    cli.output.document(
        {"module": str(module), "bytes": size, "sbom": str(path), "package_digest": digest},
        f"built {module}, {size:,} bytes, in {time.monotonic() - began:.1f} s",
    )


def _language_of(manifest: Manifest) -> Language:
    if manifest.runtime is None:
        message = (
            "This spell has no module to build: its manifest offers no mode service.\n"
            "  What to do: `spell sbom generate` makes its bill of materials."
        )
        raise CliError(message, ExitCode.USAGE)
    named = manifest.runtime.language
    try:
        return Language(named.lower())
    except ValueError as error:
        known = ", ".join(Language)
        message = f"How to build {named} is not known here. `--language` takes {known}."
        raise CliError(message, ExitCode.USAGE) from error


def _compile(compilation: Compilation, folder: Path, timeout_seconds: int) -> None:
    """Run the compiler; what it started ends with it, and its last words are kept for a failure."""
    with TemporaryFile() as said:
        try:
            with _running(compilation, folder, said) as process:
                status = process.wait(timeout_seconds)
        except subprocess.TimeoutExpired as error:
            message = f"The compiler took more than {timeout_seconds} s and was stopped."
            raise CliError(f"{_last(said)}{message}", ExitCode.REFUSED) from error
        except OSError as error:
            message = f"{compilation.command[0]}: {error.strerror}"
            raise CliError(message, ExitCode.USAGE) from error
        if status != 0:
            message = f"The compiler failed with exit code {status}."
            raise CliError(f"{_last(said)}{message}", ExitCode.REFUSED)


@contextmanager
def _running(
    compilation: Compilation, folder: Path, said: IO[bytes]
) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(  # noqa: S603 - the maker's own compiler, without a shell
        compilation.command,
        cwd=folder,
        env={**os.environ, **compilation.environment},
        stdin=subprocess.DEVNULL,
        stdout=said,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _last(said: IO[bytes]) -> str:
    length = said.seek(0, os.SEEK_END)
    said.seek(max(0, length - _SHOWN_BYTES_MAX))
    text = said.read().decode("utf-8", "replace").strip()
    return f"{text}\n" if text else ""


def _take(compilation: Compilation, folder: Path) -> Path:
    """The module, at its place in the folder."""
    found = sorted(folder.glob(compilation.made))
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none"
        message = f"The compiler should have made one {compilation.made}, and made {names}."
        raise CliError(message, ExitCode.REFUSED)
    module = folder / MODULE_FILE
    if found[0] != module:
        module.write_bytes(found[0].read_bytes())
    return module

"""Files that commands read and write, with errors as people should read them."""

from pathlib import Path

from cli.client import CliError, ExitCode


def read_file(path: Path, *, bytes_max: int | None = None) -> bytes:
    """A file's bytes. Raises CliError when it cannot be read, or is larger than expected."""
    try:
        if bytes_max is not None and path.stat().st_size > bytes_max:
            message = f"{path} is larger than {bytes_max:,} bytes: it is something else."
            raise CliError(message, ExitCode.USAGE)
        return path.read_bytes()
    except OSError as error:
        raise CliError(f"{path}: {error.strerror}", ExitCode.USAGE) from error


def write_file(path: Path, content: bytes) -> None:
    """Write a file. Raises CliError when that cannot be done."""
    try:
        path.write_bytes(content)
    except OSError as error:
        raise CliError(f"{path}: {error.strerror}", ExitCode.USAGE) from error

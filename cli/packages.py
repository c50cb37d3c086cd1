"""From a folder to a package, on this machine."""

from pathlib import Path

from cli.client import CliError, ExitCode, describe_problem
from cli.files import read_file
from schema.errors import SpellError
from schema.limits import PACKAGE_BYTES_MAX, SIGNATURE_BYTES_MAX
from schema.package import SIGNATURE_FILE, build_package, is_package_path


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

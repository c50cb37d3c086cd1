"""Alembic behind three words: `upgrade`, `current`, `check`.

Migrations only go forward: expand, migrate, contract, each working with the code already running.
"""

import sys
from collections.abc import Callable
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util.exc import CommandError

from infra.settings import PlatformSettings

_MIGRATIONS = Path(__file__).parent / "migrations"


def _config(database_url: str) -> Config:
    config = Config(stdout=sys.stdout)
    config.set_main_option("script_location", str(_MIGRATIONS))
    # An attribute, not an option: options are printed and interpolated, a URL holds a password.
    config.attributes["database_url"] = database_url
    return config


def upgrade(database_url: str, revision: str = "head") -> None:
    """Bring the database to a revision, the newest unless it is named; nothing to do when there."""
    command.upgrade(_config(database_url), revision)


def current(database_url: str) -> None:
    """Print the database's revision."""
    command.current(_config(database_url))


def check(database_url: str) -> None:
    """Compare the tables with the models.

    Raises:
        SystemExit: they differ, with what differs.
    """
    try:
        command.check(_config(database_url))
    except CommandError as error:
        raise SystemExit(str(error)) from error


COMMANDS: dict[str, Callable[[str], None]] = {
    "upgrade": upgrade,
    "current": current,
    "check": check,
}


def main() -> None:
    """Run one of the commands on `SPELL_DATABASE_URL`."""
    word = sys.argv[1] if len(sys.argv) == 2 else ""  # noqa: PLR2004
    if word not in COMMANDS:
        raise SystemExit(f"usage: python -m infra.migrate {'|'.join(COMMANDS)}")
    COMMANDS[word](PlatformSettings().database_url.get_secret_value())


if __name__ == "__main__":
    main()

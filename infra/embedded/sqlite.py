"""SQLite files of the local servers."""

import sqlite3
from pathlib import Path


def open_sqlite(file: Path, schema: str) -> sqlite3.Connection:
    """Open a file, made when it is not there, with its tables. What is committed survives a kill.

    Statements are committed one by one unless they stand between BEGIN and COMMIT. Any thread may
    use the connection; whoever lets several do so keeps them apart.

    Args:
        file: where it is.
        schema: statements that make what is missing.
    """
    connection = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.executescript(schema)
    return connection

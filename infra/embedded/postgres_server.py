"""The platform's PostgreSQL server: loopback and a socket, durable, with a role of our own."""

import os
import signal
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

import asyncpg

from infra.embedded import binaries
from infra.embedded.account import Account
from infra.embedded.credentials import Credentials
from infra.embedded.environment import base_environment
from infra.embedded.errors import NeverReadyError, NotReadyError
from infra.embedded.layout import Layout
from infra.embedded.ports import LOOPBACK
from infra.embedded.process_spec import ProcessSpec, StopStep

ADMIN = "postgres"
ROLE = "spell"
DATABASE = "spell"

# What fits into the kernel's `sun_path`, with its closing zero.
_SOCKET_PATH_BYTES_MAX = 107
_CONNECT_SECONDS = 5.0

_SETTINGS = {
    "listen_addresses": LOOPBACK,
    "max_connections": "200",
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "cluster_name": "spell",
}


def socket_folder(layout: Layout, port: int) -> str:
    """Where the server's socket is; empty where its path would be too long for the kernel."""
    path = layout.postgres / f".s.PGSQL.{port}"
    return str(layout.postgres) if len(os.fsencode(path)) <= _SOCKET_PATH_BYTES_MAX else ""


def database_url(layout: Layout, port: int, credentials: Credentials) -> str:
    """The platform's database, as the platform's role; by the socket where there is one."""
    login = f"{ROLE}:{credentials.postgres_password}"
    folder = quote(socket_folder(layout, port), safe="/")
    if folder:
        return f"postgresql://{login}@/{DATABASE}?host={folder}&port={port}"
    return f"postgresql://{login}@{LOOPBACK}:{port}/{DATABASE}"


@dataclass(frozen=True)
class PostgresServer:
    """The server of one cluster; as root it runs as the account that owns the cluster."""

    layout: Layout
    port: int
    credentials: Credentials
    account: Account | None

    def spec(self) -> ProcessSpec:
        """The server process."""
        settings = {
            **_SETTINGS,
            "port": str(self.port),
            "unix_socket_directories": socket_folder(self.layout, self.port),
        }
        return ProcessSpec(
            name="postgres",
            argv=[
                str(binaries.postgres_folder() / "postgres"),
                *("-D", str(self.layout.postgres_cluster)),
                *(part for key, value in settings.items() for part in ("-c", f"{key}={value}")),
            ],
            environment=base_environment(),
            ready=self._answers,
            # After a crash it first replays its log.
            ready_within_seconds=60.0,
            stop=(
                StopStep(signal.SIGINT, 15.0),
                StopStep(signal.SIGQUIT, 5.0),
                StopStep(signal.SIGKILL, 5.0),
            ),
            # The immediate shutdown: unlike SIGKILL it takes the backends along.
            death_signal=signal.SIGQUIT,
            working_directory=self.layout.postgres,
            account=self.account,
        )

    async def ensure_database(self) -> None:
        """Make the platform's role and database, if they are not there.

        The role is no superuser: what reaches it by SQL cannot read files or run programs. It may
        make databases, for tests.
        """
        connection = await self._connect()
        try:
            if not await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", ROLE):
                # Token characters only, so nothing to quote.
                password = self.credentials.postgres_password
                await connection.execute(f"CREATE ROLE {ROLE} LOGIN CREATEDB PASSWORD '{password}'")
            query = "SELECT 1 FROM pg_database WHERE datname = $1"
            if not await connection.fetchval(query, DATABASE):
                await connection.execute(f"CREATE DATABASE {DATABASE} OWNER {ROLE}")
        finally:
            await connection.close()

    async def _connect(self) -> "asyncpg.Connection[asyncpg.Record]":
        return await asyncpg.connect(
            host=LOOPBACK,
            port=self.port,
            user=ADMIN,
            password=self.credentials.postgres_admin_password,
            database="postgres",
            timeout=_CONNECT_SECONDS,
        )

    async def _answers(self, _started_at: datetime) -> None:
        try:
            connection = await self._connect()
        except asyncpg.InvalidPasswordError as error:
            raise NeverReadyError(
                "refuses its password: the data was made with another secrets.json"
            ) from error
        except asyncpg.PostgresError as error:
            raise NotReadyError from error
        await connection.close()

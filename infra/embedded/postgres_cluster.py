"""Before PostgreSQL starts: its files made once, its leftovers of a killed platform stopped."""

import asyncio
import contextlib
import os
import shutil
import signal
import stat
from collections.abc import Callable
from pathlib import Path

from infra.embedded import binaries
from infra.embedded.account import Account, let_pass, let_read
from infra.embedded.credentials import Credentials
from infra.embedded.environment import base_environment
from infra.embedded.errors import EmbeddedPlatformError
from infra.embedded.layout import Layout
from infra.embedded.postgres_server import ADMIN
from infra.embedded.private_file import write_private
from infra.embedded.process_spec import ProcessSpec, Restart

_PROCESSES = Path("/proc")
_LEFTOVER_STEPS = ((signal.SIGINT, 5.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 2.0))


class PostgresCluster:
    """The files of one cluster.

    Args:
        layout: the data directory.
        account: who owns the files, when we are root.
        report: called with each sentence about what had to be changed.
    """

    def __init__(
        self, layout: Layout, account: Account | None, report: Callable[[str], None]
    ) -> None:
        self._final = layout.postgres_cluster
        # Made aside and renamed: a cluster that is there is whole.
        self._draft = layout.postgres / "data.new"
        self._password_file = layout.postgres / "admin-password"
        self._folder = layout.postgres
        self._account = account
        self._report = report

    @property
    def exists(self) -> bool:
        """Whether the cluster has been made."""
        return self._final.exists()

    def open_to_account(self) -> None:
        """As root: give Postgres's account its folder, and a way to it and to the programs.

        Raises:
            EmbeddedPlatformError: the account cannot be let in.
        """
        if self._account is None:
            return
        os.chown(self._folder, self._account.uid, self._account.gid)
        programs = binaries.postgres_folder()
        let_pass(self._account, self._folder, self._report)
        let_pass(self._account, programs, self._report)
        if not (programs / "postgres").stat().st_mode & stat.S_IROTH:
            # Installed under a strict umask; its libraries lie beside the package.
            package = programs.parent.parent
            let_read(package)
            let_read(package.with_name(f"{package.name}.libs"))
            self._report(f"everybody may now read {package}")

    def initdb_spec(self, credentials: Credentials) -> ProcessSpec:
        """The process that makes the cluster's files; call `finish` after it."""
        shutil.rmtree(self._draft, ignore_errors=True)
        # Not in the arguments, which every user of the machine can read.
        write_private(self._password_file, credentials.postgres_admin_password)
        if self._account is not None:
            os.chown(self._password_file, self._account.uid, self._account.gid)
        return ProcessSpec(
            name="postgres",
            argv=[
                str(binaries.postgres_folder() / "initdb"),
                *("--pgdata", str(self._draft)),
                *("--username", ADMIN),
                *("--pwfile", str(self._password_file)),
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                # PostgreSQL's own locale: the same order of texts on every machine.
                *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
                "--no-instructions",
            ],
            environment=base_environment(),
            ready_within_seconds=60.0,
            restart=Restart.NEVER,
            working_directory=self._folder,
            account=self._account,
        )

    def finish(self) -> None:
        """Put the new files into their place."""
        self._password_file.unlink()
        self._draft.rename(self._final)


async def stop_leftover(cluster: Path, report: Callable[[str], None]) -> None:
    """Stop the server that a killed platform may have left on these files.

    Whoever calls this holds the directory's lock, so no living platform owns that server.

    Args:
        cluster: the data directory of PostgreSQL.
        report: called with a sentence when there is such a server.

    Raises:
        EmbeddedPlatformError: it does not stop.
    """
    pid = _leftover(cluster)
    if pid is None:
        return
    report(f"stopping PostgreSQL (process {pid}), left by a platform that was killed")
    for number, seconds in _LEFTOVER_STEPS:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        if await _gone_within(cluster, pid, seconds):
            return
    raise EmbeddedPlatformError(f"PostgreSQL (process {pid}) on {cluster} does not stop.")


def _leftover(cluster: Path) -> int | None:
    file = cluster / "postmaster.pid"
    try:
        pid = int(file.read_text(encoding="utf-8").partition("\n")[0])
    except (OSError, ValueError):
        return None
    if _works_in(cluster, pid):
        return pid
    if _PROCESSES.exists():
        # The number may meanwhile be another program's, which Postgres would take for its own.
        file.unlink()
    return None


def _works_in(cluster: Path, pid: int) -> bool:
    """Whether the process works in this cluster, as every Postgres does in its own."""
    try:
        return (_PROCESSES / str(pid) / "cwd").samefile(cluster)
    except OSError:
        return False


async def _gone_within(cluster: Path, pid: int, seconds: float) -> bool:
    deadline = asyncio.get_running_loop().time() + seconds
    while _works_in(cluster, pid):
        if asyncio.get_running_loop().time() > deadline:
            return False
        await asyncio.sleep(0.05)
    return True

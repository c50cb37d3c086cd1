"""The one-command local platform: real servers and our own processes, in one data directory."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from infra.embedded import credentials, servers
from infra.embedded.account import account_for
from infra.embedded.environment import Endpoints
from infra.embedded.errors import EmbeddedPlatformError
from infra.embedded.layout import Layout
from infra.embedded.lock import DirectoryLock
from infra.embedded.output import LogSink, Output
from infra.embedded.own_processes import PlatformContext, ProcessFactory, no_processes
from infra.embedded.ports import choose_ports
from infra.embedded.postgres_cluster import PostgresCluster, stop_leftover
from infra.embedded.postgres_server import PostgresServer
from infra.embedded.process import SupervisedProcess
from infra.embedded.process_spec import ProcessSpec, Restart
from infra.embedded.redis_server import IN_PROCESS_URL
from infra.embedded.signals import handling

OWN_NAME = "platform"
"""The name under which the platform's own sentences appear among the processes' lines."""


class EmbeddedPlatform:
    """Servers and processes of one data directory, from `start` to `stop`.

    Use it as a context (`async with`), or let `run_until_signal` do all of it. It must be started
    from a thread that lives as long as the platform: children die with the thread that made them.

    Args:
        data_directory: where all data is kept, mode 0700; made when it is not there.
        processes: describes our own processes once the servers run.
        sink: called with (process name, line) for every line; see `output.with_prefix`.
        external: the user's `SPELL_…` variables (`environment.external_variables`): a server that
            they name is not started here.
        usual_ports: try the well-known ports first. Tests that run side by side say no.
    """

    def __init__(
        self,
        data_directory: Path,
        processes: ProcessFactory = no_processes,
        *,
        sink: LogSink | None = None,
        external: Mapping[str, str] | None = None,
        usual_ports: bool = True,
    ) -> None:
        self._data_directory = data_directory
        self._factory = processes
        self._sink = sink
        self._external = dict(external or {})
        self._usual_ports = usual_ports
        self._context: PlatformContext | None = None
        self._lock: DirectoryLock | None = None
        self._output: Output | None = None
        self._servers: dict[str, SupervisedProcess] = {}
        self._own: dict[str, SupervisedProcess] = {}
        self._hurry = asyncio.Event()
        self._stopping = False

    @property
    def context(self) -> PlatformContext:
        """Endpoints, credentials, ports and environments of the started platform."""
        if self._context is None:
            raise EmbeddedPlatformError("The platform has not been started.")
        return self._context

    @property
    def endpoints(self) -> Endpoints:
        """Where everything is."""
        return self.context.endpoints

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start everything and wait until all of it is ready; what fails stops what was started.

        Raises:
            DataDirectoryInUseError: another platform runs on the data directory.
            StartFailedError: a process ended or was not ready in time; with its last lines.
            EmbeddedPlatformError: anything else that a person has to put right.
        """
        if self._lock is not None:
            raise EmbeddedPlatformError("The platform has been started already.")
        layout = Layout.create(self._data_directory)
        lock = DirectoryLock(layout.lock_file)
        lock.acquire()
        self._lock = lock
        self._hurry.clear()
        self._stopping = False
        self._output = Output(layout.logs, self._sink)
        try:
            await self._start(layout)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop our own processes, then the servers, each politely first. Harmless when stopped."""
        if self._lock is None or self._output is None:
            return
        self._stopping = True
        began = time.monotonic()
        try:
            for group in (self._own, self._servers):
                await _all(process.stop(self._hurry) for process in group.values())
                group.clear()
            self._report(f"stopped after {time.monotonic() - began:.1f} s")
        finally:
            self._output.close()
            self._output = None
            self._lock.release()
            self._lock = None

    async def run_until_signal(self, work: Callable[[], Awaitable[None]] | None = None) -> None:
        """Start, do `work` (or just wait), and stop: at its end, or at Ctrl-C, SIGTERM or SIGHUP.

        A second signal hastens the stop. Returns normally after a signal: the exit code is 0.

        Raises:
            EmbeddedPlatformError: as `start` does.
            Exception: whatever `work` raised.
        """
        running = asyncio.create_task(self._run(work))
        signalled = asyncio.Event()
        watching = asyncio.create_task(signalled.wait())

        def on_signal() -> None:
            (self._hurry if self._stopping or signalled.is_set() else signalled).set()

        with handling(on_signal):
            try:
                await asyncio.wait({running, watching}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                watching.cancel()
                if not self._stopping:
                    running.cancel()
                await asyncio.wait({running})
        if not running.cancelled():
            running.result()

    def pids(self) -> dict[str, int]:
        """The process ids of what runs now, by name."""
        found = {name: process.pid for name, process in self._processes().items()}
        return {name: pid for name, pid in found.items() if pid is not None}

    def restarts(self, name: str) -> int:
        """How many times the process has been started again."""
        return self._named(name).restarts

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> int:
        """Send a signal to a process, as chaos does; it is started again when it ends.

        Returns:
            The process id that was hit.

        Raises:
            EmbeddedPlatformError: no such process runs.
        """
        process = self._named(name)
        if process.pid is None:
            raise EmbeddedPlatformError(f"{name} does not run now.")
        pid = process.pid
        process.send(number)
        return pid

    def pause_restarts(self, name: str) -> None:
        """Leave the process down when it ends, until `start_again`."""
        self._named(name).pause_restarts()

    def start_again(self, name: str) -> None:
        """Undo `pause_restarts`."""
        self._named(name).resume()

    async def wait_replaced(self, name: str, pid: int, *, within_seconds: float = 30.0) -> int:
        """Wait until another process than `pid` is ready under this name.

        Returns:
            The new process id.

        Raises:
            TimeoutError: it took too long.
        """
        process = self._named(name)
        async with asyncio.timeout(within_seconds):
            # Three facts of two processes: asking again is plainer than an event for each.
            while process.pid is None or process.pid == pid or not process.is_ready:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        return process.pid

    async def _run(self, work: Callable[[], Awaitable[None]] | None) -> None:
        async with self:
            if work is None:
                await asyncio.Event().wait()
            else:
                await work()

    async def _start(self, layout: Layout) -> None:
        began = time.monotonic()
        keys = credentials.load_or_create(layout)
        names = servers.needed_ports(self._external)
        await stop_leftover(layout.postgres_cluster, self._report)
        ports = await choose_ports(layout.ports_file, names, prefer_usual=self._usual_ports)
        endpoints = servers.endpoints(layout, ports, keys, self._external)
        context = self._context = PlatformContext(layout, ports, endpoints, keys, self._external)
        starting = [self._start_server(spec) for spec in servers.plain_servers(context)]
        if "postgres" in ports:
            starting.append(self._start_postgres(context))
        if endpoints.redis_url == IN_PROCESS_URL:
            self._report("no Redis server for this Python: the platform runs without one")
        await _all(starting)
        self._report(f"servers ready after {time.monotonic() - began:.1f} s")
        await self._start_own(self._factory(context))
        self._report(f"ready after {time.monotonic() - began:.1f} s")

    async def _start_postgres(self, context: PlatformContext) -> None:
        layout, keys = context.layout, context.credentials
        owner = account_for(layout.postgres_cluster)
        cluster = PostgresCluster(layout, owner, self._report)
        cluster.open_to_account()
        if not cluster.exists:
            making = self._supervise(cluster.initdb_spec(keys))
            self._servers[making.spec.name] = making
            await making.run_to_end()
            cluster.finish()
        server = PostgresServer(layout, context.ports["postgres"], keys, owner)
        await self._start_server(server.spec())
        await server.ensure_database()

    async def _start_server(self, spec: ProcessSpec) -> None:
        process = self._servers[spec.name] = self._supervise(spec)
        await process.start()

    async def _start_own(self, specs: Iterable[ProcessSpec]) -> None:
        """In order: services side by side, and each run-once process alone."""
        starting: list[Awaitable[None]] = []
        for spec in specs:
            process = self._own[spec.name] = self._supervise(spec)
            if spec.restart is Restart.NEVER:
                await _all(starting)
                starting = []
                await process.run_to_end()
            else:
                starting.append(process.start())
        await _all(starting)

    def _supervise(self, spec: ProcessSpec) -> SupervisedProcess:
        output = self._output
        assert output is not None
        return SupervisedProcess(spec, lambda line: output.line(spec.name, line), self._report)

    def _report(self, sentence: str) -> None:
        if self._output is not None:
            self._output.line(OWN_NAME, sentence)

    def _processes(self) -> dict[str, SupervisedProcess]:
        return self._servers | self._own

    def _named(self, name: str) -> SupervisedProcess:
        found = self._processes().get(name)
        if found is None:
            known = ", ".join(sorted(self._processes()))
            raise EmbeddedPlatformError(f"There is no process {name!r}; there are: {known}.")
        return found


async def _all(starting: Iterable[Awaitable[None]]) -> None:
    """Wait for all, then raise the first failure: the others still have to be stopped in order."""
    for outcome in await asyncio.gather(*starting, return_exceptions=True):
        if outcome is not None:
            raise outcome

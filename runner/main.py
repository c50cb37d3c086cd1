"""`spell-runner`: the composition root of a runner process."""

import asyncio
import logging
import os
import secrets
import signal
import socket
import sys
from functools import partial

import uvloop

from infra.nats_connection import open_nats
from infra.revocation_watch import NatsRevocationWatch
from infra.runner_bus import RUNNER_INBOX_PREFIX, NatsRunnerBus
from infra.telemetry import configure_logging
from runner.compiling.cache_counters import reporting
from runner.compiling.code_store import CacheSizes, CodeStore
from runner.compiling.signed_code import SignedCode
from runner.egress.egress import Egress
from runner.ports import RunnerBus
from runner.processes.pool import SandboxPool
from runner.processes.sandbox_process import ConfinementMissingError, SandboxProcess
from runner.sandbox.confinement import hide_memory
from runner.sealing import RunnerKey
from runner.settings import RunnerSettings
from runner.supervisor import Supervisor
from schema.errors import SpellError

_log = logging.getLogger(__name__)


def main() -> None:
    """Run until SIGTERM or SIGINT; exit 0 after a drain, 1 when the bus refuses this runner."""
    hide_memory()
    settings = RunnerSettings()
    configure_logging("runner", settings.log_level.upper())
    try:
        sys.exit(uvloop.run(_run(settings)))
    except (SpellError, ConfinementMissingError) as error:
        _log.error("%s", error)
        sys.exit(1)


async def _run(settings: RunnerSettings) -> int:
    runner_id = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
    key = RunnerKey(settings.private_key.get_secret_value())
    sizes = CacheSizes(settings.compiled_cache_bytes_max, settings.code_memory_bytes_max)
    all_layers = settings.confinement == "required"
    egress = Egress(
        settings.egress_hosts,
        settings.egress_authorities,
        enabled=settings.network == "on",
        all_layers=all_layers,
    )
    drained = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, drained.set)
    async with open_nats(
        settings.nats_url.get_secret_value(),
        name=f"spell-runner {runner_id}",
        inbox_prefix=RUNNER_INBOX_PREFIX,
        first_seconds_max=settings.connect_seconds,
        on_closed=drained.set,
    ) as client:
        bus: RunnerBus = NatsRunnerBus(client)
        signed = SignedCode(bus.fetch_code, settings.code_public_key)
        code = CodeStore.open(settings.data_dir, sizes, bus.fetch_object, signed)
        start = partial(SandboxProcess.start, all_layers=all_layers)
        supervisor = Supervisor(
            bus,
            NatsRevocationWatch(client),
            SandboxPool(settings.children, start),
            code,
            key,
            egress,
            runner_id=runner_id,
            drain_seconds=settings.drain_seconds,
        )
        try:
            async with reporting(code.counters):
                await _work_until(drained, supervisor)
        finally:
            await egress.close()
        refused = client.is_closed
    _log.info("runner %s has ended", runner_id)
    return 1 if refused else 0


async def _work_until(drained: asyncio.Event, supervisor: Supervisor) -> None:
    """Work until the event, or until the supervisor fails."""
    work = asyncio.create_task(supervisor.run())
    waiting = asyncio.create_task(drained.wait())
    await asyncio.wait((work, waiting), return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    supervisor.drain()
    await work


if __name__ == "__main__":
    main()

"""Temporal worker: wiring only. Nobody imports it; any number of these share the work."""

import asyncio
import signal
from contextlib import AsyncExitStack
from datetime import timedelta

import uvloop

from infra.artifact_store import EncryptedArtifactStore
from infra.github.accounts import connected_users_of
from infra.module_inspector import SubprocessModuleInspector
from infra.nats_streams import ensure_streams
from infra.platform import bus_sizes, open_platform
from infra.schema_checker import KillableSchemaChecker
from infra.settings import PlatformSettings
from infra.supply_chain.bill_reader import KillableBillReader
from infra.telemetry import configure_logging
from infra.temporal import ensure_search_attributes
from infra.temporal_schedules import ensure_schedules
from workers.casts import casts_worker
from workers.gate import build_gate, deciding_of
from workers.github import github_worker
from workers.publishing import publishing_worker
from workers.purchases import purchases_worker
from workers.supply_chain import supply_chain_worker
from workers.webhooks import webhooks_worker

# Below the 30 s after which orchestrators kill: what does not finish is resumed elsewhere.
GRACE = timedelta(seconds=20)


async def run() -> None:
    """Work until SIGTERM or SIGINT, then finish or hand back what is under way."""
    settings = PlatformSettings()
    configure_logging("worker", settings.log_level)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with (
        open_platform(settings, process="spell-worker") as platform,
        KillableSchemaChecker() as checker,
        KillableBillReader() as bills,
        AsyncExitStack() as running,
    ):
        await ensure_streams(platform.nats.jetstream(), bus_sizes(settings))
        await ensure_search_attributes(platform.temporal)
        await ensure_schedules(platform.temporal)
        engine = await SubprocessModuleInspector().engine_name()
        gate = build_gate(platform, bills)
        deciding = deciding_of(platform, gate)
        artifacts = EncryptedArtifactStore(platform.blobs, platform.vault)
        users = connected_users_of(platform)
        for worker in (
            casts_worker(platform, checker, deciding, engine, GRACE),
            publishing_worker(platform, checker, gate, users, engine, GRACE),
            supply_chain_worker(platform, gate, GRACE),
            github_worker(platform, checker, deciding, artifacts, GRACE),
            purchases_worker(platform, deciding, users, GRACE),
            webhooks_worker(platform, GRACE),
        ):
            await running.enter_async_context(worker)
        await stop.wait()


def main() -> None:
    """Entry point `spell-worker`."""
    uvloop.run(run())


if __name__ == "__main__":
    main()

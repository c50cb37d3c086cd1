"""What a cast costs over a bare workflow of the same shape: `make bench`.

Both are measured in one run on the same servers, alternating, because the machine is noisy; what
counts are the ratios. Goals: throughput at least 0.8 of the bare workflow's at 50 in flight, and
the p50 of `Prefer: wait` at most 1.5 times the bare workflow's, alone. `sealed` is the bare
workflow with our encrypting data converter: what a cast adds beyond privacy.
"""

import argparse
import asyncio
import itertools
import statistics
import sys
import time
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
from temporalio.client import Client, WithStartWorkflowOperation
from temporalio.common import WorkflowIDConflictPolicy

from bench.bare import Bare
from bench.bare_worker import PLAIN, SEALED, connect
from cli.local import first_account, local_platform, settings_of
from cli.packages import package_folder
from infra.embedded.platform import EmbeddedPlatform
from tests.support.e2e_signing import PlatformSigning

EXAMPLE = Path(__file__).parent.parent / "examples" / "markdown"
SPELL = "com.example.markdown"
BODY = {"inputs": {"markdown": "# Hello\n\nThis is *one* paragraph."}}
IN_FLIGHT = 50
Job = Callable[[], Awaitable[None]]


async def measure(platform: EmbeddedPlatform, folder: Path, arguments: argparse.Namespace) -> None:
    """Publish the example, then alternate rounds of casts and bare workflows."""
    profile = await first_account(platform.context, folder)
    limits = httpx.Limits(max_connections=IN_FLIGHT * 2)
    headers = {"Authorization": f"Bearer {profile.api_key}"}
    settings = settings_of(platform.context)
    async with httpx.AsyncClient(
        base_url=profile.api_url, headers=headers, timeout=90, limits=limits
    ) as api:
        archive = await asyncio.to_thread(package_folder, EXAMPLE)
        signed = await PlatformSigning(platform.context).sign(archive)
        package = {"package": archive, "signature": signed.bundle}
        (await api.post("/v1/spells", files=package)).raise_for_status()
        workers = [
            await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "bench.bare_worker", queue),
                env=platform.context.platform_environment,
            )
            for queue in (PLAIN, SEALED)
        ]
        jobs = {
            "cast": _caster(api),
            "bare": _bare(await connect(PLAIN, settings), PLAIN),
            "sealed": _bare(await connect(SEALED, settings), SEALED),
        }
        try:
            await _rounds(jobs, arguments)
        finally:
            for worker in workers:
                worker.terminate()
                await worker.wait()


async def _rounds(jobs: dict[str, Job], arguments: argparse.Namespace) -> None:
    for job in jobs.values():
        await _latencies(job, 30)
    alone: dict[str, list[float]] = {name: [] for name in jobs}
    rates: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(arguments.rounds):
        for name, job in jobs.items():
            alone[name] += await _latencies(job, arguments.alone)
        for name, job in jobs.items():
            rates[name].append(await _rate(job, arguments.crowd))
    for name in jobs:
        quantiles = statistics.quantiles(alone[name], n=100)
        print(
            f"{name:<6} alone: p50 {quantiles[49]:6.1f} ms, p99 {quantiles[98]:6.1f} ms;"
            f"  {IN_FLIGHT} in flight: {statistics.median(rates[name]):6.1f}/s"
            f"  (rounds: {', '.join(f'{rate:.0f}' for rate in rates[name])})"
        )
    for floor in ("bare", "sealed"):
        p50 = statistics.median(alone["cast"]) / statistics.median(alone[floor])
        rate = statistics.median(rates["cast"]) / statistics.median(rates[floor])
        print(f"cast / {floor:<6}  p50 {p50:.2f} (goal at most 1.5),", end=" ")
        print(f"throughput {rate:.2f} (goal at least 0.8)")


def _caster(api: httpx.AsyncClient) -> Job:
    async def cast() -> None:
        response = await api.post(
            f"/v1/spells/{SPELL}:cast",
            json=BODY,
            headers={"Idempotency-Key": uuid.uuid4().hex, "Prefer": "wait=60"},
        )
        response.raise_for_status()
        assert response.json()["status"] == "succeeded", response.text

    return cast


def _bare(client: Client, queue: str) -> Job:
    numbers = itertools.count()
    run = uuid.uuid4().hex

    async def start_and_wait() -> None:
        start = WithStartWorkflowOperation(
            Bare.run,
            "value",
            id=f"bare-{run}-{next(numbers)}",
            task_queue=queue,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
        )
        await client.execute_update_with_start_workflow(Bare.admit, start_workflow_operation=start)
        handle = await start.workflow_handle()
        await handle.result()

    return start_and_wait


async def _latencies(job: Job, count: int) -> list[float]:
    """Milliseconds of each of `count` jobs, one after the other."""
    taken = []
    for _ in range(count):
        began = time.perf_counter()
        await job()
        taken.append((time.perf_counter() - began) * 1000)
    return taken


async def _rate(job: Job, count: int) -> float:
    """Jobs per second with `IN_FLIGHT` at a time."""
    left = iter(range(count))

    async def one_lane() -> None:
        for _ in left:
            await job()

    began = time.perf_counter()
    await asyncio.gather(*(one_lane() for _ in range(IN_FLIGHT)))
    return count / (time.perf_counter() - began)


def main() -> None:
    """Start a platform of its own, measure, stop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--alone", type=int, default=60, help="sequential jobs per round")
    parser.add_argument("--crowd", type=int, default=600, help="concurrent jobs per round")
    arguments = parser.parse_args()
    with TemporaryDirectory(prefix="spell-bench-") as name:
        folder = Path(name)
        lines: list[str] = []
        platform = local_platform(
            folder, lambda process, line: lines.append(f"{process}: {line}"), usual_ports=False
        )
        asyncio.run(platform.run_until_signal(lambda: measure(platform, folder, arguments)))


if __name__ == "__main__":
    main()

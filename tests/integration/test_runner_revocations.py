"""Goal: a runner obeys revocations by itself, without database or Temporal.

Method: a real runner process on a real nats-server; the bucket is all that it is told by.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from nats.aio.client import Client

from infra.nats_connection import open_nats
from infra.nats_streams import BusSizes, ensure_streams
from infra.revocation_bucket import NatsRevocationBucket
from infra.run_bus import NatsRunBus
from schema.contracts.run import Outcome, RunPolicy, Verdict
from schema.ids import sha256_digest
from tests.modules.bus import BusServer, bus_server
from tests.modules.fleet import LIMITS, Caster, request_for, runner_process

SLOW = LIMITS.model_copy(update={"timeout_ms": 60_000})
REVOKED = (Outcome.FAILED, "SPELL_REVOKED", None)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[BusServer]:
    with bus_server(tmp_path) as server:
        yield server


@pytest.fixture
async def client(server: BusServer) -> AsyncIterator[Client]:
    async with open_nats(server.platform_url, name="test") as client:
        await ensure_streams(client.jetstream(), BusSizes(redelivery_seconds=1.0))
        yield client


@pytest.fixture
def caster(client: Client) -> Caster:
    return Caster(NatsRunBus(client))


class _Everything:
    """A record in which all that is asked about is revoked."""

    async def revoked_among(self, digests: Sequence[str]) -> set[str]:
        return set(digests)


async def revoke(client: Client, digest: str) -> None:
    await NatsRevocationBucket(client, cast("Any", _Everything())).tell([digest])


def said(verdict: Verdict) -> tuple[Outcome, str | None, str | None]:
    return verdict.outcome, verdict.code, verdict.sealed_output


@pytest.mark.parametrize("by", ["package", "module"])
async def test_a_running_guest_is_stopped_when_its_package_or_module_is_revoked(
    client: Client, caster: Caster, server: BusServer, tmp_path: Path, by: str
) -> None:
    package = sha256_digest(by.encode())
    request = request_for("time", entry="sleep_a_minute", limits=SLOW)
    request = request.model_copy(update={"package_digest": package})
    with runner_process(server, tmp_path):
        await caster.started(request, "time")
        await revoke(client, package if by == "package" else request.module_digest)
        verdict = await caster.verdict(request.cast_id, seconds_max=10)
    assert said(verdict) == REVOKED
    assert verdict.usage is not None
    assert verdict.usage.wall_ms < SLOW.timeout_ms


async def test_a_run_in_the_queue_of_a_revoked_module_does_not_start_and_others_do(
    client: Client, caster: Caster, server: BusServer, tmp_path: Path
) -> None:
    request, other = request_for("time", entry="sleep_a_minute", limits=SLOW), request_for("hello")
    await caster.publish("time", request)
    await caster.publish("hello", other)
    await revoke(client, request.module_digest)
    with runner_process(server, tmp_path):
        verdict = await caster.verdict(request.cast_id)
        assert said(verdict) == REVOKED
        assert verdict.usage is None
        assert (await caster.verdict(other.cast_id)).outcome is Outcome.SUCCEEDED


async def test_a_network_run_that_is_revoked_ends_so_and_is_not_lost(
    client: Client, caster: Caster, server: BusServer, tmp_path: Path
) -> None:
    policy = RunPolicy(deterministic=False, net_allow=["example.com"])
    request = request_for("time", entry="sleep_a_minute", limits=SLOW, policy=policy)
    with runner_process(server, tmp_path):
        await caster.started(request, "time")
        await revoke(client, request.module_digest)
        assert said(await caster.verdict(request.cast_id, seconds_max=10)) == REVOKED


async def test_no_run_is_taken_before_the_bucket_can_be_read(
    client: Client, caster: Caster, server: BusServer, tmp_path: Path
) -> None:
    await client.jetstream().delete_stream("KV_revocations")
    request = request_for("hello")
    await caster.publish("hello", request)
    log = tmp_path / "runner.log"
    with runner_process(server, tmp_path):
        async with asyncio.timeout(30):
            while not log.exists() or "revocations cannot be read" not in log.read_text():  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        assert await caster.bus.verdict_of(request.cast_id) is None
        await ensure_streams(client.jetstream(), BusSizes(redelivery_seconds=1.0))
        assert (await caster.verdict(request.cast_id)).outcome is Outcome.SUCCEEDED


async def test_a_run_is_given_back_while_the_bucket_cannot_be_read(
    client: Client, caster: Caster, server: BusServer, tmp_path: Path
) -> None:
    """Nothing starts on a guess: it comes again, and runs when it can be known that it may."""
    request, log = request_for("hello"), tmp_path / "runner.log"
    with runner_process(server, tmp_path):
        await caster.cast("hello")
        await client.jetstream().delete_stream("KV_revocations")
        await caster.publish("hello", request)
        async with asyncio.timeout(30):
            while "The bucket of revocations cannot be read" not in log.read_text():  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        assert await caster.bus.verdict_of(request.cast_id) is None
        await ensure_streams(client.jetstream(), BusSizes(redelivery_seconds=1.0))
        assert (await caster.verdict(request.cast_id)).outcome is Outcome.SUCCEEDED

"""How runners learn of revocations, over a real nats-server with a runner's rights."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any, cast

import nats.errors
import pytest
from nats.aio.client import Client

from infra.nats_connection import open_nats
from infra.nats_streams import ensure_streams
from infra.revocation_bucket import NatsRevocationBucket
from infra.revocation_watch import NatsRevocationWatch
from infra.runner_bus import RUNNER_INBOX_PREFIX
from runner.ports import RevokedDigests
from schema.errors import SpellError
from schema.ids import sha256_digest
from tests.modules.bus import BusServer, bus_server

ONE, OTHER, THIRD = (sha256_digest(name) for name in (b"one", b"other", b"third"))


class Record:
    """What the database would say, and what happens while it is asked."""

    def __init__(self, *revoked: str) -> None:
        self.revoked = set(revoked)
        self.meanwhile: list[Any] = []

    async def revoked_among(self, digests: Sequence[str]) -> set[str]:
        answer = self.revoked & set(digests)
        if self.meanwhile:
            await self.meanwhile.pop()()
        return answer


def bucket_of(client: Client, record: Record) -> NatsRevocationBucket:
    return NatsRevocationBucket(client, cast("Any", record))


@pytest.fixture
def server(tmp_path: Any) -> Iterator[BusServer]:
    with bus_server(tmp_path) as started:
        yield started


@pytest.fixture
async def platform(server: BusServer) -> AsyncIterator[Client]:
    async with open_nats(server.platform_url, name="platform") as client:
        await ensure_streams(client.jetstream())
        yield client


@pytest.fixture
async def runner(server: BusServer, platform: Client) -> AsyncIterator[Client]:
    del platform
    async with open_nats(
        server.runner_url, name="runner", inbox_prefix=RUNNER_INBOX_PREFIX
    ) as client:
        yield client


async def started(runner: Client) -> tuple[RevokedDigests, asyncio.Event]:
    watch: RevokedDigests = NatsRevocationWatch(runner)
    heard = asyncio.Event()
    await watch.start(heard.set)
    return watch, heard


async def test_what_was_revoked_before_the_runner_started_is_known(
    platform: Client, runner: Client
) -> None:
    await bucket_of(platform, Record(ONE, OTHER)).tell([ONE, OTHER, THIRD])
    watch, _ = await started(runner)
    assert [watch.is_revoked(digest) for digest in (ONE, OTHER, THIRD)] == [True, True, False]


async def test_what_is_revoked_later_is_heard_and_what_is_lifted_forgotten(
    platform: Client, runner: Client
) -> None:
    watch, heard = await started(runner)
    assert not watch.is_revoked(ONE)
    record = Record(ONE)
    await bucket_of(platform, record).tell([ONE])
    await asyncio.wait_for(heard.wait(), 10)
    assert watch.is_revoked(ONE)
    record.revoked.clear()
    await bucket_of(platform, record).tell([ONE])
    await watch.refresh()
    assert not watch.is_revoked(ONE)


async def test_what_was_lifted_while_it_was_being_revoked_stays_lifted(
    platform: Client, runner: Client
) -> None:
    """The record is read before the lifting, and the key would be written after it."""
    record = Record(ONE)
    bucket = bucket_of(platform, record)

    async def lift() -> None:
        record.revoked.clear()
        await bucket.tell([ONE])

    record.meanwhile.append(lift)
    await bucket.tell([ONE])
    watch, _ = await started(runner)
    assert not watch.is_revoked(ONE)


async def test_a_thousand_digests_are_told_and_read(platform: Client, runner: Client) -> None:
    digests = [sha256_digest(str(number).encode()) for number in range(1000)]
    await bucket_of(platform, Record(*digests)).tell(digests)
    watch, _ = await started(runner)
    assert all(watch.is_revoked(digest) for digest in digests)


async def test_a_revocation_during_an_outage_is_found_after_it(
    platform: Client, runner: Client, server: BusServer
) -> None:
    watch, _ = await started(runner)
    server.stop()
    with pytest.raises(SpellError) as away:
        await watch.refresh()
    assert away.value.code == "SERVICE_UNAVAILABLE"
    server.start()
    await _until_told(platform, ONE)
    async with asyncio.timeout(20):
        while not watch.is_revoked(ONE):
            try:
                await watch.refresh()
            except SpellError:
                await asyncio.sleep(0.05)


async def test_a_bucket_that_was_made_anew_is_read_from_its_beginning(
    platform: Client, runner: Client, server: BusServer
) -> None:
    """Its messages are numbered from one again, below what was read before."""
    await bucket_of(platform, Record(ONE, OTHER)).tell([ONE, OTHER])
    watch, _ = await started(runner)
    await platform.jetstream().delete_stream("KV_revocations")
    with pytest.raises(SpellError):
        await watch.refresh()
    server.stop()
    server.start()
    async with asyncio.timeout(20):
        while True:
            try:
                await ensure_streams(platform.jetstream())
                break
            except Exception:  # noqa: BLE001 - whatever a server says that has just started
                await asyncio.sleep(0.05)
    await _until_told(platform, THIRD)
    async with asyncio.timeout(20):
        while not watch.is_revoked(THIRD):
            try:
                await watch.refresh()
            except SpellError:
                await asyncio.sleep(0.05)
    assert not watch.is_revoked(ONE)


async def test_a_runner_waits_for_the_bucket_before_it_takes_runs(
    platform: Client, runner: Client, caplog: pytest.LogCaptureFixture
) -> None:
    await platform.jetstream().delete_stream("KV_revocations")
    watch = NatsRevocationWatch(runner)
    starting = asyncio.create_task(watch.start(lambda: None))
    async with asyncio.timeout(20):
        while "no run is taken, since revocations" not in caplog.text:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    assert not starting.done()
    await ensure_streams(platform.jetstream())
    await asyncio.wait_for(starting, 20)


async def test_a_runner_can_neither_revoke_nor_lift(
    platform: Client, runner: Client, caplog: pytest.LogCaptureFixture
) -> None:
    await bucket_of(platform, Record(ONE)).tell([ONE])
    js = runner.jetstream(timeout=0.5)
    for work in (
        js.publish(f"$KV.revocations.digest.{ONE[7:]}", b"", headers={"KV-Operation": "DEL"}),
        js.publish(f"$KV.revocations.digest.{OTHER[7:]}", OTHER.encode()),
        js.purge_stream("KV_revocations"),
        js.delete_stream("KV_revocations"),
    ):
        with pytest.raises((nats.errors.Error, TimeoutError)):
            await work
    assert "permissions violation" in caplog.text.lower()
    watch, _ = await started(runner)
    assert (watch.is_revoked(ONE), watch.is_revoked(OTHER)) == (True, False)


async def _until_told(platform: Client, digest: str) -> None:
    bucket = bucket_of(platform, Record(digest))
    async with asyncio.timeout(20):
        while True:
            try:
                await bucket.tell([digest])
            except SpellError:
                await asyncio.sleep(0.05)
            else:
                return

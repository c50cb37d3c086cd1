"""What the activities rely on in a RunBus, shown on a real nats-server."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from nats.aio.client import Client
from nats.js.errors import NotFoundError

from activities.ports import RunBus
from infra.nats_connection import open_nats
from infra.nats_streams import BusSizes, ensure_streams
from infra.run_bus import NatsRunBus
from infra.run_queue import NatsRunQueue
from infra.runner_bus import NatsRunnerBus
from schema import names
from schema.contracts.run import Outcome, Verdict
from schema.errors import SpellError
from schema.ids import sha256_digest
from tests.modules.bus import BusServer, bus_server
from tests.modules.fleet import new_cast_id, request_for

SIZES = BusSizes(queued_runs_max=20, redelivery_seconds=1.0)
LANES_OF_TWO = BusSizes(queued_runs_max=5, queued_runs_per_lane_max=2, redelivery_seconds=1.0)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BusServer]:
    with bus_server(tmp_path_factory.mktemp("bus")) as server:
        yield server


@pytest.fixture
async def client(server: BusServer) -> AsyncIterator[Client]:
    async with open_nats(server.platform_url, name="test") as client:
        await ensure_streams(client.jetstream(), SIZES)
        yield client
        await client.jetstream().purge_stream(names.RUNS_STREAM)


@pytest.fixture
def bus(client: Client) -> RunBus:
    return NatsRunBus(client)


def a_verdict(cast_id: str, code: str = "RUNNER_LOST") -> Verdict:
    return Verdict(cast_id=cast_id, outcome=Outcome.LOST, code=code)


async def test_streams_can_be_ensured_again_and_with_other_sizes(client: Client) -> None:
    js = client.jetstream()
    await asyncio.gather(*(ensure_streams(js, SIZES) for _ in range(5)))
    await ensure_streams(js, BusSizes(queued_runs_max=7))
    assert (await js.stream_info(names.RUNS_STREAM)).config.max_msgs == 7
    await ensure_streams(js, SIZES)
    assert (await js.stream_info(names.RUNS_STREAM)).config.max_msgs == SIZES.queued_runs_max


async def test_a_cast_without_a_verdict_has_none(bus: RunBus) -> None:
    assert await bus.verdict_of(new_cast_id()) is None


async def test_an_offered_verdict_is_accepted_and_found(bus: RunBus) -> None:
    verdict = a_verdict(new_cast_id())
    assert await bus.offer_verdict(verdict) == verdict
    assert await bus.verdict_of(verdict.cast_id) == verdict


async def test_of_twenty_verdicts_at_once_exactly_one_is_accepted(
    bus: RunBus, client: Client
) -> None:
    cast_id = new_cast_id()
    offers = [a_verdict(cast_id).model_copy(update={"runner_id": str(n)}) for n in range(20)]
    answers = await asyncio.gather(*(bus.offer_verdict(offer) for offer in offers))
    assert len({answer.runner_id for answer in answers}) == 1
    assert answers[0] in offers
    assert await bus.verdict_of(cast_id) == answers[0]
    subject = names.verdict_subject(cast_id)
    info = await client.jetstream().stream_info(names.VERDICTS_STREAM, subjects_filter=subject)
    assert info.state.subjects == {subject: 1}


async def test_even_a_writer_that_expects_nothing_cannot_replace_a_verdict(
    bus: RunBus, client: Client
) -> None:
    verdict = await bus.offer_verdict(a_verdict(new_cast_id()))
    forged = a_verdict(verdict.cast_id, "INTERNAL").model_dump_json().encode()
    with pytest.raises(Exception, match="maximum messages"):
        await client.jetstream().publish(names.verdict_subject(verdict.cast_id), forged)
    assert await bus.verdict_of(verdict.cast_id) == verdict


async def test_the_same_run_published_twice_is_queued_once(bus: RunBus, client: Client) -> None:
    request = request_for("hello")
    await bus.publish_run(request)
    await bus.publish_run(request)
    assert (await client.jetstream().stream_info(names.RUNS_STREAM)).state.messages == 1


async def test_a_full_queue_refuses_the_next_run(bus: RunBus) -> None:
    for _ in range(SIZES.queued_runs_max):
        await bus.publish_run(request_for("hello"))
    with pytest.raises(SpellError, match="queue is full") as refusal:
        await bus.publish_run(request_for("hello"))
    assert refusal.value.code == "SERVICE_UNAVAILABLE"
    assert refusal.value.retry_after


async def test_a_full_lane_is_told_apart_from_a_full_queue_and_bounds_no_other(
    bus: RunBus, client: Client
) -> None:
    await ensure_streams(client.jetstream(), LANES_OF_TWO)
    assert [await bus.publish_run(request_for("hello")) for _ in range(3)] == [True, True, False]
    assert await bus.publish_run(request_for("hello", account="b")), "another caster"
    assert await bus.publish_run(request_for("echo")), "another module"
    await bus.publish_run(request_for("echo", account="b"))
    with pytest.raises(SpellError, match="queue is full"):
        await bus.publish_run(request_for("echo", account="c"))


async def test_a_run_that_found_its_lane_full_is_queued_when_it_comes_again(
    bus: RunBus, client: Client
) -> None:
    """Goal: the refusal is not remembered as a publication by the dedupe window."""
    await ensure_streams(client.jetstream(), LANES_OF_TWO)
    first, second, third = (request_for("hello") for _ in range(3))
    assert await bus.publish_run(first)
    assert await bus.publish_run(second)
    assert not await bus.publish_run(third)
    await client.jetstream().purge_stream(names.RUNS_STREAM)
    assert await bus.publish_run(third)
    assert (await client.jetstream().stream_info(names.RUNS_STREAM)).state.messages == 1


async def test_a_run_counts_in_its_lane_until_it_is_acknowledged(
    bus: RunBus, client: Client
) -> None:
    await ensure_streams(client.jetstream(), LANES_OF_TWO)
    runner = NatsRunnerBus(client)
    for _ in range(2):
        assert await bus.publish_run(request_for("hello"))
    delivery = await runner.next_delivery()
    await delivery.in_progress()
    assert not await bus.publish_run(request_for("hello")), "a runner has it"
    await delivery.give_back()
    again = await runner.next_delivery()
    assert not await bus.publish_run(request_for("hello")), "it was delivered again"
    await again.done()
    assert await bus.publish_run(request_for("hello"))


async def test_the_depth_of_the_queue_is_known_within_a_second_and_asked_for_once(
    bus: RunBus, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = NatsRunQueue(client)
    assert await queue.depth() == 0
    await bus.publish_run(request_for("hello"))
    assert await queue.depth() == 0, "it was asked for a moment ago"
    monkeypatch.setattr("infra.run_queue._KNOWN_SECONDS", 0.0)
    assert await NatsRunQueue(client).depth() == 1


async def test_the_depth_of_a_queue_that_is_away_is_the_last_known(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.run_queue._KNOWN_SECONDS", 0.0)
    with bus_server(tmp_path_factory.mktemp("depth")) as server:
        async with open_nats(server.platform_url, name="test") as client:
            queue = NatsRunQueue(client)
            assert await queue.depth() == 0, "nobody has made the stream"
            await ensure_streams(client.jetstream(), SIZES)
            await NatsRunBus(client).publish_run(request_for("hello"))
            assert await queue.depth() == 1
            server.stop()
            assert await queue.depth() == 1


async def test_who_watches_a_cast_hears_of_an_offered_verdict_and_of_a_stop(bus: RunBus) -> None:
    cast_id = new_cast_id()
    async with bus.watch(cast_id) as signals:
        await bus.request_stop(cast_id)
        assert await signals.wait(5) == "stop"
        await bus.offer_verdict(a_verdict(cast_id))
        assert await signals.wait(5) == "verdict"


async def test_a_hint_sent_after_watching_began_is_heard(bus: RunBus, client: Client) -> None:
    cast_id = new_cast_id()
    async with bus.watch(cast_id) as signals:
        await client.publish(names.signal_subject(cast_id), b"started")
        assert await signals.wait(5) == "started"
        assert await signals.wait(0.05) is None


async def test_watchers_hear_of_their_own_cast_only(bus: RunBus, client: Client) -> None:
    async with bus.watch(new_cast_id()) as signals:
        await client.publish(names.signal_subject(new_cast_id()), b"verdict")
        assert await signals.wait(0.05) is None


async def test_a_stop_request_and_an_event_reach_who_listens(bus: RunBus, client: Client) -> None:
    cast_id = new_cast_id()
    stops = await client.subscribe(names.stop_subject("*"))
    events = await client.subscribe(names.event_subject(cast_id))
    await bus.request_stop(cast_id)
    await bus.announce_event(cast_id)
    assert (await stops.next_msg(5)).subject == names.stop_subject(cast_id)
    assert (await events.next_msg(5)).subject == names.event_subject(cast_id)


async def test_a_module_is_brought_once_and_runners_can_fetch_it(
    bus: RunBus, server: BusServer
) -> None:
    module = bytes(range(256)) * 8000
    loads = 0

    async def load() -> bytes:
        nonlocal loads
        loads += 1
        return module

    digest = sha256_digest(module)
    await asyncio.gather(*(bus.ensure_object(digest, load) for _ in range(10)))
    assert loads == 1
    async with open_nats(server.platform_url, name="another process") as other:
        await NatsRunBus(other).ensure_object(digest, load)
        assert loads == 1, "it is in the bucket already"
        assert await NatsRunnerBus(other).fetch_object(digest) == module


async def test_a_module_whose_source_fails_is_loaded_again_next_time(bus: RunBus) -> None:
    async def fail() -> bytes:
        raise SpellError("INTERNAL")

    async def load() -> bytes:
        return b"module"

    digest = sha256_digest(b"module")
    with pytest.raises(SpellError, match="INTERNAL"):
        await bus.ensure_object(digest, fail)
    await bus.ensure_object(digest, load)


async def test_a_module_in_a_wiped_bucket_is_brought_again(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def load() -> bytes:
        return b"wiped"

    bus, runner = NatsRunBus(client), NatsRunnerBus(client)
    digest = sha256_digest(b"wiped")
    await bus.ensure_object(digest, load)
    await client.jetstream().purge_stream(f"OBJ_{names.MODULES_BUCKET}")
    with pytest.raises(SpellError, match="not in the bucket"):
        await runner.fetch_object(digest)
    monkeypatch.setattr("infra.run_bus._OBJECT_KNOWN_SECONDS", 0.0)
    await bus.ensure_object(digest, load)
    assert await runner.fetch_object(digest) == b"wiped"


async def test_a_module_that_is_not_what_its_name_says_is_not_fetched(client: Client) -> None:
    async def load() -> bytes:
        return b"something else"

    digest = sha256_digest(b"what was meant")
    await NatsRunBus(client).ensure_object(digest, load)
    with pytest.raises(SpellError, match="not in the bucket"):
        await NatsRunnerBus(client).fetch_object(digest)


async def test_code_is_brought_by_engine_and_module_and_runners_can_fetch_it(
    bus: RunBus, client: Client
) -> None:
    async def load() -> bytes:
        return b"signed code" * 100_000

    digest = sha256_digest(b"module of the code")
    await bus.ensure_code("wasmtime-1.0.0/000000000000", digest, load)
    runner = NatsRunnerBus(client)
    assert await runner.fetch_code("wasmtime-1.0.0/000000000000", digest) == await load()
    assert await runner.fetch_code("wasmtime-2.0.0/000000000000", digest) is None
    assert await runner.fetch_code("wasmtime-1.0.0/000000000000", sha256_digest(b"other")) is None


async def test_code_that_nobody_has_is_asked_for_once_in_a_while(
    bus: RunBus, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A module of an older release has no code for this engine: that must not cost every cast."""
    answers: list[bytes | None] = [None, b"made meanwhile"]

    async def load() -> bytes | None:
        return answers.pop(0)

    digest, engine = sha256_digest(b"old module"), "wasmtime-1.0.0/000000000000"
    for _ in range(3):
        await bus.ensure_code(engine, digest, load)
    assert len(answers) == 1
    assert await NatsRunnerBus(client).fetch_code(engine, digest) is None
    monkeypatch.setattr("infra.run_bus._OBJECT_KNOWN_SECONDS", 0.0)
    await bus.ensure_code(engine, digest, load)
    assert await NatsRunnerBus(client).fetch_code(engine, digest) == b"made meanwhile"


async def test_a_bus_that_is_away_is_service_unavailable(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with bus_server(tmp_path_factory.mktemp("away")) as server:
        async with open_nats(server.platform_url, name="test") as client:
            bus: RunBus = NatsRunBus(client)
            # Nobody has made the streams.
            with pytest.raises(SpellError) as refusal:
                await bus.publish_run(request_for("hello"))
            assert refusal.value.code == "SERVICE_UNAVAILABLE"
            with pytest.raises(NotFoundError):
                await client.jetstream().stream_info(names.RUNS_STREAM)


async def test_a_server_that_refuses_or_is_not_there_is_told_without_the_password(
    server: BusServer,
) -> None:
    wrong = f"nats://platform:hunter2@127.0.0.1:{server.port}"
    nowhere = "nats://platform:hunter2@127.0.0.1:1"
    for url in (wrong, nowhere):
        with pytest.raises(SpellError) as refusal:
            async with open_nats(url, name="test", first_seconds_max=0.5):
                pass
        assert refusal.value.code == "SERVICE_UNAVAILABLE"
        assert "hunter2" not in str(refusal.value)

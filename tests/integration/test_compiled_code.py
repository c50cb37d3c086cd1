"""Goal: no compiler is on the way of a cast, and no runner runs code that is not the platform's.

Method: a real nats-server, and a real `spell-runner` whose bus user cannot write the bucket.
"""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import nats.errors
import pytest
from nats.aio.client import Client
from nats.js.object_store import ObjectStore

from infra.nats_connection import open_nats
from infra.nats_streams import BusSizes, ensure_streams
from infra.run_bus import NatsRunBus
from infra.runner_bus import RUNNER_INBOX_PREFIX
from runner.sandbox.engine import engine_name
from schema import names
from schema.contracts.run import Outcome
from tests.modules.bus import BusServer, bus_server
from tests.modules.code import compiled, for_another_processor, signed
from tests.modules.fleet import Caster, runner_process
from tests.modules.guests import digest_of, guest


@pytest.fixture
def server(tmp_path: Path) -> Iterator[BusServer]:
    with bus_server(tmp_path) as server:
        yield server


@pytest.fixture
async def client(server: BusServer) -> AsyncIterator[Client]:
    async with open_nats(server.platform_url, name="test") as client:
        await ensure_streams(client.jetstream(), BusSizes(redelivery_seconds=2.0))
        yield client


@pytest.fixture
def caster(client: Client) -> Caster:
    return Caster(NatsRunBus(client))


async def bring(caster: Caster, name: str, content: bytes) -> None:
    """Put something into the bucket where the module's code belongs."""

    async def load() -> bytes:
        return content

    await caster.bus.ensure_code(engine_name(), digest_of(name), load)


async def ended(runner: subprocess.Popen[bytes], folder: Path) -> tuple[dict[str, int], str]:
    """The numbers that a runner tells when it has drained, and its whole log."""
    runner.terminate()
    assert await asyncio.to_thread(runner.wait, 20) == 0
    text = (folder / "runner.log").read_text()
    lines: list[dict[str, Any]] = [json.loads(line) for line in text.splitlines()]
    return [line["code_cache"] for line in lines if "code_cache" in line][-1], text


async def test_with_code_from_the_platform_a_runner_compiles_nothing(
    caster: Caster, server: BusServer, tmp_path: Path
) -> None:
    await bring(caster, "echo", signed(digest_of("echo"), compiled(guest("echo"))))
    with runner_process(server, tmp_path) as runner:
        for _ in range(3):
            assert (await caster.cast("echo", "x")).outcome is Outcome.SUCCEEDED
        numbers, log = await ended(runner, tmp_path)
    assert (numbers["misses"], numbers["hits_fetched"], numbers["hits_child"]) == (0, 1, 2)
    assert "compiled sha256:" not in log


async def test_a_restarted_runner_reads_its_own_disk(
    caster: Caster, client: Client, server: BusServer, tmp_path: Path
) -> None:
    await bring(caster, "echo", signed(digest_of("echo"), compiled(guest("echo"))))
    with runner_process(server, tmp_path) as runner:
        await caster.cast("echo")
        await ended(runner, tmp_path)
    await client.jetstream().purge_stream(f"OBJ_{names.MODULES_BUCKET}")
    with runner_process(server, tmp_path) as runner:
        assert (await caster.cast("echo")).outcome is Outcome.SUCCEEDED
        numbers, _ = await ended(runner, tmp_path)
    assert (numbers["misses"], numbers["hits_fetched"], numbers["hits_disk"]) == (0, 0, 1)


async def test_without_code_for_its_engine_a_runner_compiles_once_and_says_so(
    caster: Caster, server: BusServer, tmp_path: Path
) -> None:
    with runner_process(server, tmp_path) as runner:
        for _ in range(2):
            assert (await caster.cast("echo", "x")).outcome is Outcome.SUCCEEDED
        numbers, log = await ended(runner, tmp_path)
    assert (numbers["misses"], numbers["hits_child"]) == (1, 1)
    assert f"compiled {digest_of('echo')} here" in log


async def test_forged_code_in_the_bucket_is_never_run(
    caster: Caster, server: BusServer, tmp_path: Path
) -> None:
    """Real code of another module, really signed, in the place of this one's."""
    await bring(caster, "echo", signed(digest_of("hello"), compiled(guest("hello"))))
    with runner_process(server, tmp_path) as runner:
        verdict = await caster.cast("echo", "x")
        numbers, _ = await ended(runner, tmp_path)
    assert verdict.outcome is Outcome.SUCCEEDED
    assert verdict.usage is not None
    assert verdict.usage.output_bytes == len('"x"'), "it is echo that ran"
    assert (numbers["corrupt"], numbers["hits_fetched"], numbers["misses"]) == (1, 0, 1)


async def test_code_for_another_processor_costs_one_compile(
    caster: Caster, server: BusServer, tmp_path: Path
) -> None:
    """Goal: what the platform signs may not fit this machine; the cast succeeds all the same.

    Method: real code, really signed, whose own description names another processor.
    """
    foreign = for_another_processor(compiled(guest("echo")))
    await bring(caster, "echo", signed(digest_of("echo"), foreign))
    with runner_process(server, tmp_path, children=2) as runner:
        verdicts = await asyncio.gather(*(caster.cast("echo", "x") for _ in range(4)))
        numbers, _ = await ended(runner, tmp_path)
    assert {verdict.outcome for verdict in verdicts} == {Outcome.SUCCEEDED}
    assert (numbers["stale"], numbers["misses"]) == (1, 1)


async def test_a_runner_cannot_write_the_bucket(client: Client, server: BusServer) -> None:
    """What one runner might plant would be refused by the others; it cannot even plant it."""
    async with open_nats(
        server.runner_url, name="test", inbox_prefix=RUNNER_INBOX_PREFIX
    ) as runner:
        js = runner.jetstream(timeout=1)
        bucket = ObjectStore(names.MODULES_BUCKET, f"OBJ_{names.MODULES_BUCKET}", js)
        with pytest.raises(nats.errors.TimeoutError):
            await bucket.put(names.code_object(engine_name(), digest_of("echo")), b"planted")
    state = (await client.jetstream().stream_info(f"OBJ_{names.MODULES_BUCKET}")).state
    assert state.messages == 0

"""The local platform with its real servers; toys stand for our own processes."""

import asyncio
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg
import nats
import psutil
import pytest
from nats.aio.client import Client as BusClient
from redis.asyncio import Redis
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.client import Client

from infra.embedded import probes
from infra.embedded.environment import Endpoints
from infra.embedded.errors import (
    DataDirectoryInUseError,
    EmbeddedPlatformError,
    NeverReadyError,
    StartFailedError,
)
from infra.embedded.own_processes import PlatformContext
from infra.embedded.platform import EmbeddedPlatform
from infra.embedded.process_spec import ProcessSpec, Restart, StopStep
from infra.embedded.temporal_server import SEARCH_ATTRIBUTES
from infra.postgres import Database, create_engine

SERVERS = {"postgres", "temporal", "nats", "redis", "sigstore", "stripe", "github"}
# With these set only NATS is started, which takes a moment.
ONLY_NATS = {
    "SPELL_DATABASE_URL": "postgresql://elsewhere/spell",
    "SPELL_TEMPORAL_ADDRESS": "elsewhere:7233",
    "SPELL_REDIS_URL": "redis://elsewhere",
    "SPELL_TRUST_ROOT_FILE": "/elsewhere/trusted_root.json",
    "SPELL_GITHUB_API_URL": "https://github.elsewhere",
    "SPELL_STRIPE_URL": "https://stripe.elsewhere",
}
STREAM = "KEPT"

# What `spell dev` does, with a toy for our own processes.
COMMAND = """
import asyncio, sys
from pathlib import Path
from infra.embedded.output import with_prefix
from infra.embedded.platform import EmbeddedPlatform
from tests.integration import test_embedded_platform as toys

platform = EmbeddedPlatform(
    Path(sys.argv[1]), getattr(toys, sys.argv[2]), usual_ports=False,
    sink=lambda *said: print(with_prefix(*said), flush=True),
)
asyncio.run(platform.run_until_signal())
"""


def toys(context: PlatformContext) -> Sequence[ProcessSpec]:
    """A migration that notes when it ran, and a service that prints its settings and waits."""
    environment = context.platform_environment
    mark = context.layout.root / "migrated"
    return (
        ProcessSpec(
            name="migrate",
            argv=[sys.executable, "-c", f"open({str(mark)!r}, 'a').write('once')"],
            environment=environment,
            restart=Restart.NEVER,
        ),
        ProcessSpec(
            name="toy",
            argv=[
                *(sys.executable, "-c"),
                f"import time; print(open({str(mark)!r}).read()); time.sleep(600)",
            ],
            environment=environment,
        ),
    )


def stubborn(context: PlatformContext) -> Sequence[ProcessSpec]:
    """A service that SIGTERM does not stop."""
    program = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        "print('deaf'); time.sleep(600)"
    )
    return [
        ProcessSpec(
            name="toy",
            argv=[sys.executable, "-c", program],
            environment=context.platform_environment,
            stop=(StopStep(signal.SIGTERM, 60.0), StopStep(signal.SIGKILL, 5.0)),
        )
    ]


class Said:
    """A sink that remembers."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []

    def __call__(self, name: str, line: str) -> None:
        self.lines.append((name, line))

    def by(self, name: str) -> str:
        return "\n".join(line for who, line in self.lines if who == name)


@pytest.fixture(scope="module")
def said() -> Said:
    return Said()


@pytest.fixture(scope="module")
async def platform(said: Said) -> AsyncIterator[EmbeddedPlatform]:
    with TemporaryDirectory() as parent:
        folder = Path(parent) / "data"
        async with EmbeddedPlatform(folder, toys, sink=said, usual_ports=False) as platform:
            yield platform


@pytest.fixture
def folder() -> Iterator[Path]:
    """Not pytest's: other sessions close its parent again, which Postgres's account passes."""
    with TemporaryDirectory() as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
async def kept(platform: EmbeddedPlatform) -> list[str]:
    await write_everywhere(platform.endpoints)
    return await read_everywhere(platform.endpoints)


async def bus(url: str) -> BusClient:
    return await nats.connect(url, allow_reconnect=False)


async def write_everywhere(where: Endpoints) -> None:
    connection = await asyncpg.connect(where.database_url)
    await connection.execute("CREATE TABLE kept (word text)")
    await connection.execute("INSERT INTO kept VALUES ('row')")
    await connection.close()
    client = await bus(where.nats_url)
    await client.jetstream().add_stream(name=STREAM, subjects=["kept"])
    await client.jetstream().publish("kept", b"message")
    await client.close()
    async with Redis.from_url(where.redis_url) as redis:
        await redis.set("kept", "key")
    temporal = await Client.connect(where.temporal_address)
    await temporal.start_workflow("Kept", id="kept", task_queue="nobody")


async def read_everywhere(where: Endpoints) -> list[str]:
    connection = await asyncpg.connect(where.database_url)
    row = await connection.fetchval("SELECT word FROM kept")
    await connection.close()
    client = await bus(where.nats_url)
    message = await client.jetstream().get_last_msg(STREAM, "kept")
    await client.close()
    async with Redis.from_url(where.redis_url, decode_responses=True) as redis:
        key = await redis.get("kept")
    temporal = await Client.connect(where.temporal_address)
    workflow = await temporal.get_workflow_handle("kept").describe()
    return [row, (message.data or b"").decode(), str(key), workflow.id]


def family(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)


def gone(processes: list[psutil.Process], seconds: float = 8.0) -> bool:
    deadline = time.monotonic() + seconds
    while any(map(works, processes)):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def works(process: psutil.Process) -> bool:
    """Whether it is alive: a zombie only waits for `init` to notice."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def test_every_server_and_process_runs(platform: EmbeddedPlatform, said: Said) -> None:
    assert set(platform.pids()) == {*SERVERS, "toy"}
    await wait_until_said(said, "toy", "once")
    log = platform.context.layout.logs / "toy.log"
    assert log.read_text() == "once\n"


async def wait_until_said(said: Said, name: str, words: str) -> None:
    async with asyncio.timeout(10):
        while words not in said.by(name):  # noqa: ASYNC110  (said by another process)
            await asyncio.sleep(0.02)


async def test_servers_listen_on_loopback_alone(platform: EmbeddedPlatform) -> None:
    addresses = {
        connection.laddr.ip
        for pid in platform.pids().values()
        for connection in psutil.Process(pid).net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert addresses == {"127.0.0.1"}


async def test_the_database_role_owns_its_database_and_nothing_else(
    platform: EmbeddedPlatform,
) -> None:
    database = Database(
        create_engine(platform.endpoints.database_url, pool_size=1, statement_cache=0)
    )
    async with database.reading() as connection:
        query = (
            "SELECT rolname, rolsuper, current_setting('fsync') FROM pg_roles WHERE rolname = user"
        )
        rows = await connection.exec_driver_sql(query)
        assert list(rows) == [("spell", False, "on")]
    await database.close()


async def test_temporal_knows_the_search_attributes(platform: EmbeddedPlatform) -> None:
    client = await Client.connect(platform.endpoints.temporal_address)
    found = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace="default")
    )
    assert found.custom_attributes.keys() >= SEARCH_ATTRIBUTES.keys()


async def test_the_runners_bus_user_may_do_its_work_and_no_more(
    platform: EmbeddedPlatform,
) -> None:
    refused: list[str] = []

    async def note(error: Exception) -> None:
        refused.append(str(error))

    client = await nats.connect(
        platform.endpoints.runner_nats_url, allow_reconnect=False, error_cb=note
    )
    for subject in ("verdict.c1", "signal.c1", "run.abc", "stop.c1", "$JS.API.STREAM.DELETE.RUNS"):
        await client.publish(subject, b"")
    await client.subscribe("run.*")
    await client.flush()
    await asyncio.sleep(0.1)
    await client.close()
    assert [line.rpartition(" to ")[2] for line in refused] == [
        '"run.abc"',
        '"stop.c1"',
        '"$js.api.stream.delete.runs"',
        '"run.*"',
    ]


async def test_servers_refuse_who_has_no_password(platform: EmbeddedPlatform) -> None:
    ports = platform.context.ports
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(
            host="127.0.0.1", port=ports["postgres"], user="spell", password="", database="spell"
        )
    for probe in (
        probes.nats(ports["nats"], "platform", "guessed"),
        probes.redis(ports["redis"], "guessed"),
    ):
        with pytest.raises(NeverReadyError, match="refuses its password"):
            await probe(datetime.now(UTC))


async def test_a_second_platform_on_the_same_data_is_refused(platform: EmbeddedPlatform) -> None:
    second = EmbeddedPlatform(platform.context.layout.root)
    with pytest.raises(DataDirectoryInUseError, match="in use by process"):
        await second.start()


async def test_a_crashed_process_is_reported_and_started_again(
    platform: EmbeddedPlatform, said: Said
) -> None:
    pid = platform.kill("toy")
    assert await platform.wait_replaced("toy", pid) != pid
    assert platform.restarts("toy") == 1
    assert "toy ended (killed by SIGKILL)" in said.by("platform")


@pytest.mark.parametrize("name", sorted(SERVERS))
async def test_a_crashed_server_comes_back_on_its_port_with_its_data(
    platform: EmbeddedPlatform, kept: list[str], name: str
) -> None:
    assert kept == ["row", "message", "key", "kept"]
    await platform.wait_replaced(name, platform.kill(name))
    assert await read_everywhere(platform.endpoints) == kept


async def test_an_unknown_name_is_refused_with_those_that_exist(
    platform: EmbeddedPlatform,
) -> None:
    with pytest.raises(EmbeddedPlatformError, match="there are: github, migrate, nats, postgres"):
        platform.kill("wroker")


async def test_a_restart_keeps_data_keys_and_ports(folder: Path) -> None:
    async with EmbeddedPlatform(folder, usual_ports=False) as first:
        await write_everywhere(first.endpoints)
    begun = time.monotonic()
    async with EmbeddedPlatform(folder, usual_ports=False) as second:
        assert time.monotonic() - begun < 10
        assert await read_everywhere(second.endpoints) == ["row", "message", "key", "kept"]
        assert second.context.credentials == first.context.credentials
        assert second.context.ports == first.context.ports


async def test_a_taken_port_leads_to_another(folder: Path) -> None:
    async with EmbeddedPlatform(folder, external=ONLY_NATS, usual_ports=False) as first:
        port = first.context.ports["nats"]
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        async with EmbeddedPlatform(folder, external=ONLY_NATS) as second:
            assert second.context.ports["nats"] != port
            client = await bus(second.endpoints.nats_url)
            await client.close()
    assert json.loads((folder / "ports.json").read_text())["nats"] != port


async def test_an_external_server_is_used_and_not_started(
    platform: EmbeddedPlatform, folder: Path
) -> None:
    redis_url = platform.endpoints.redis_url
    external = ONLY_NATS | {"SPELL_REDIS_URL": redis_url}
    async with EmbeddedPlatform(folder, external=external, usual_ports=False) as second:
        assert set(second.pids()) == {"nats"}
        assert second.context.platform_environment["SPELL_REDIS_URL"] == redis_url
        async with Redis.from_url(second.endpoints.redis_url) as redis:
            assert await redis.ping()


async def test_a_process_that_fails_stops_what_was_started(folder: Path) -> None:
    def broken(context: PlatformContext) -> Sequence[ProcessSpec]:
        return [
            ProcessSpec(
                name="migrate",
                argv=[sys.executable, "-c", "raise SystemExit('no such revision')"],
                environment=context.platform_environment,
                restart=Restart.NEVER,
            )
        ]

    platform = EmbeddedPlatform(folder, broken, external=ONLY_NATS, usual_ports=False)
    with pytest.raises(StartFailedError, match="no such revision"):
        await platform.start()
    assert platform.pids() == {}
    # Nothing holds the directory any more.
    async with EmbeddedPlatform(folder, external=ONLY_NATS, usual_ports=False):
        pass


async def test_an_endless_wait_ends_when_its_work_is_done(folder: Path) -> None:
    seen: list[set[str]] = []
    platform = EmbeddedPlatform(folder, external=ONLY_NATS, usual_ports=False)

    async def work() -> None:
        seen.append(set(platform.pids()))

    await platform.run_until_signal(work)
    assert seen == [{"nats"}]
    assert platform.pids() == {}


def launch(folder: Path, until: str, processes: str = "toys") -> subprocess.Popen[str]:
    """The platform in a process of its own, which has said `until`."""
    command = subprocess.Popen(
        [sys.executable, "-c", COMMAND, str(folder), processes],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert command.stdout is not None
    said = []
    for line in command.stdout:
        if until in line:
            return command
        said.append(line)
    end(command)
    raise AssertionError("".join(said))


def end(command: subprocess.Popen[str]) -> str:
    """The rest of what it says until it ends."""
    said, _ = command.communicate(timeout=30)
    return said


@pytest.mark.parametrize(
    ("number", "when"),
    [(signal.SIGTERM, "platform | ready after"), (signal.SIGINT, "nats     |")],
    ids=["running", "starting"],
)
def test_a_signal_stops_everything_in_order(
    folder: Path, number: signal.Signals, when: str
) -> None:
    command = launch(folder, when)
    children = family(command.pid)
    command.send_signal(number)
    said = end(command)
    assert command.returncode == 0, said
    assert "platform | stopped after" in said
    assert "did not stop" not in said
    assert gone(children, 0)


def test_a_second_signal_ends_the_patience_with_a_process(folder: Path) -> None:
    command = launch(folder, "toy      | deaf", "stubborn")
    children = family(command.pid)
    command.terminate()
    with pytest.raises(subprocess.TimeoutExpired):
        command.wait(1)
    command.terminate()
    said = end(command)
    assert command.returncode == 0
    assert "platform | toy did not stop on SIGTERM" in said
    assert gone(children, 0)


def test_a_killed_platform_leaves_no_process_and_can_be_started_again(folder: Path) -> None:
    command = launch(folder, "platform | ready after")
    children = family(command.pid)
    assert len(children) > len(SERVERS)
    command.kill()
    end(command)
    assert gone(children)
    command = launch(folder, "platform | ready after")
    command.terminate()
    end(command)
    assert command.returncode == 0


def test_postgres_left_running_by_a_killed_platform_is_stopped_first(folder: Path) -> None:
    command = launch(folder, "platform | ready after")
    [postgres] = [child for child in family(command.pid) if child.name() == "postgres"][:1]
    # A frozen server cannot follow its platform into death.
    postgres.suspend()
    command.kill()
    end(command)
    assert postgres.is_running()
    postgres.resume()
    command = launch(folder, "platform | ready after")
    command.terminate()
    end(command)
    assert command.returncode == 0
    assert gone([postgres])

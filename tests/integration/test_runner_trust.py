"""Goal: a runner holds its bus user and its private key, and its sandbox processes nothing at all.

Method: read environments, connections and open files of the real processes from /proc, while a
guest runs.
"""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psutil
import pytest

from infra.nats_connection import open_nats
from infra.nats_streams import ensure_streams
from infra.run_bus import NatsRunBus
from tests.modules.bus import BusServer, bus_server
from tests.modules.fleet import FLEET_KEY, Caster, base64_of, request_for, runner_process

# What the runner is told, and what an interpreter needs. Not one name of the control plane.
ITS_OWN = {
    "SPELL_RUNNER_NATS_URL",
    "SPELL_RUNNER_CONNECT_SECONDS",
    "SPELL_RUNNER_PRIVATE_KEY",
    "SPELL_RUNNER_DATA_DIR",
    "SPELL_RUNNER_CHILDREN",
    "SPELL_RUNNER_DRAIN_SECONDS",
    "SPELL_RUNNER_CODE_PUBLIC_KEY",
    "PATH",
    "LC_CTYPE",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BusServer]:
    with bus_server(tmp_path_factory.mktemp("nats")) as server:
        yield server


@pytest.fixture(scope="module")
async def supervisor(
    server: BusServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[psutil.Process]:
    """A runner in the middle of a run."""
    async with open_nats(server.platform_url, name="test") as client:
        await ensure_streams(client.jetstream())
        caster = Caster(NatsRunBus(client))
        with runner_process(server, tmp_path_factory.mktemp("runner")) as process:
            await caster.started(request_for("time", entry="sleep_a_minute"), "time")
            yield psutil.Process(process.pid)


def family_of(supervisor: psutil.Process) -> list[psutil.Process]:
    return [supervisor, *supervisor.children(recursive=True)]


async def test_a_runner_is_told_nothing_but_its_own(supervisor: psutil.Process) -> None:
    assert set(supervisor.environ()) <= ITS_OWN


async def test_its_processes_are_told_nothing(supervisor: psutil.Process) -> None:
    children = supervisor.children(recursive=True)
    assert children
    for child in children:
        assert set(child.environ()) <= {"LC_CTYPE"}, child.cmdline()


async def test_only_the_supervisor_is_connected_and_only_to_the_bus(
    server: BusServer, supervisor: psutil.Process
) -> None:
    for process in family_of(supervisor):
        peers = {
            connection.raddr.port
            for connection in process.net_connections("inet")
            if connection.raddr
        }
        assert peers == ({server.port} if process == supervisor else set()), process.cmdline()
        listening = [c for c in process.net_connections("inet") if c.status == "LISTEN"]
        assert listening == []


def test_the_private_key_is_on_no_command_line_and_in_no_log(
    supervisor: psutil.Process,
) -> None:
    key = base64_of(bytes(FLEET_KEY))
    assert all(key not in " ".join(process.cmdline()) for process in family_of(supervisor))
    log = Path(f"/proc/{supervisor.pid}/fd/2").read_text()
    assert "takes runs" in log
    assert key not in log
    assert "secret-of-runner" not in log

"""Goal: the egress process has the network and nothing else, and its death harms nobody long."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from runner.egress.egress import Egress
from runner.egress.egress_process import EgressDiedError, EgressProcess
from runner.egress.frames import Fetch, answer_frame, fetch_frame, read_answer, read_fetch
from runner.egress.locating import Endpoint
from runner.egress.messages import FetchAnswer, FetchRequest
from runner.processes.wire import Frame, FrameError
from tests.support.tls_servers import Authority, TlsServer
from tests.unit.runner.egress.conftest import HOST, bounds_of

ECHO = FetchRequest(method="GET", url=f"https://{HOST}/echo")
SILENT = FetchRequest(method="GET", url=f"https://{HOST}/silent")


@pytest.fixture
async def own(static_hosts: dict[str, Endpoint], authority: Authority) -> AsyncIterator[Egress]:
    """One of the test's own: its process will not survive."""
    egress = Egress(static_hosts, authority.pem)
    yield egress
    await egress.close()


def process_of(egress: Egress) -> EgressProcess:
    assert egress._process is not None
    return egress._process


async def in_flight(egress: Egress, server: TlsServer) -> "asyncio.Task[FetchAnswer]":
    """A request that has reached its server, which keeps silent."""
    before = len(server.received)
    task = asyncio.create_task(egress.fetch(SILENT, bounds_of(seconds_max=60.0)))
    while len(server.received) == before:
        assert not task.done()
        await asyncio.sleep(0.01)
    return task


async def test_it_starts_with_the_first_request(own: Egress) -> None:
    assert own._process is None
    answers = await asyncio.gather(*(own.fetch(ECHO, bounds_of()) for _ in range(3)))
    assert [answer.status for answer in answers] == [200, 200, 200]
    children = psutil.Process().children()
    assert len([child for child in children if child.pid == process_of(own).pid]) == 1


async def test_a_killed_process_is_replaced(own: Egress, server: TlsServer) -> None:
    waiting = await in_flight(own, server)
    first = process_of(own).pid
    os.kill(first, signal.SIGKILL)
    answer = await waiting
    assert (answer.refusal, answer.subject, answer.bytes_used) == ("unreachable", HOST, 0)
    assert (await own.fetch(ECHO, bounds_of())).status == 200
    assert process_of(own).pid != first
    assert not psutil.pid_exists(first)


async def test_closing_answers_what_is_in_flight(own: Egress, server: TlsServer) -> None:
    waiting = await in_flight(own, server)
    pid = process_of(own).pid
    await own.close()
    assert (await waiting).refusal == "unreachable"
    assert not psutil.pid_exists(pid)
    assert (await own.fetch(ECHO, bounds_of())).refusal == "denied"


async def test_a_cancelled_request_ends_on_the_network_too(own: Egress, server: TlsServer) -> None:
    waiting = await in_flight(own, server)
    process = psutil.Process(process_of(own).pid)
    assert len(process.net_connections("tcp")) == 1
    server.ended.clear()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await server.ended.wait()
    assert process.net_connections("tcp") == []
    assert (await own.fetch(ECHO, bounds_of())).status == 200
    assert process_of(own).pid == process.pid


async def test_connections_are_not_kept(own: Egress) -> None:
    assert (await own.fetch(ECHO, bounds_of())).status == 200
    assert psutil.Process(process_of(own).pid).net_connections("tcp") == []


def look_into(pid: int) -> tuple[bytes, list[str]]:
    """A process's environment, and what its descriptors lead to."""
    folder = Path(f"/proc/{pid}")
    try:
        links = [str(file.readlink()) for file in (folder / "fd").iterdir()]
        return (folder / "environ").read_bytes(), links
    except PermissionError:
        pytest.skip("only root may look into a process that hides its memory")


async def test_it_has_no_environment_and_no_descriptor_but_its_channel(
    own: Egress, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPELL_RUNNER_PRIVATE_KEY", "do not tell")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    inheritable = os.memfd_create("inheritable", 0)
    os.set_inheritable(inheritable, True)
    await own.start()
    os.close(inheritable)
    environment, links = look_into(process_of(own).pid)
    assert environment == b""
    # The channel, and the two ends with which its event loop wakes itself.
    assert len([link for link in links if link.startswith("socket:")]) == 3
    assert "/memfd:inheritable (deleted)" not in links
    others = {link.partition(":")[0] for link in links if not link.startswith("socket:")}
    assert others == {"/dev/null", "/memfd", "anon_inode"}
    assert (await own.fetch(ECHO, bounds_of())).status == 200, "no proxy is asked"


async def test_it_dies_with_its_channel(own: Egress) -> None:
    await own.start()
    process = psutil.Process(process_of(own).pid)
    process_of(own)._channel.close()
    await process_of(own).close()
    assert not process.is_running()


async def test_a_new_resolver_file_gets_a_new_process_and_the_old_one_finishes(
    own: Egress, server: TlsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process may read the file that was there when it started, and no other by that name."""
    for name in ("resolv.conf", "newer"):
        (tmp_path / name).write_text("nameserver 127.0.0.1\n")
    monkeypatch.setattr("runner.egress.egress.RESOLVER_FILE", str(tmp_path / "resolv.conf"))
    waiting = await in_flight(own, server)
    old = process_of(own)
    (tmp_path / "resolv.conf").write_text("nameserver 127.0.0.2\n")
    assert (await own.fetch(ECHO, bounds_of())).status == 200
    assert process_of(own) is old, "changed in place, it can still be read"
    (tmp_path / "newer").replace(tmp_path / "resolv.conf")
    assert (await own.fetch(ECHO, bounds_of())).status == 200
    assert process_of(own).pid != old.pid
    assert old.alive
    assert not waiting.done()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert not old.alive


async def test_without_network_everything_is_denied_and_nothing_started() -> None:
    off = Egress(enabled=False)
    await off.start()
    answer = await off.fetch(ECHO, bounds_of())
    assert (answer.refusal, answer.subject) == ("denied", HOST)
    assert off._process is None
    await off.close()


async def test_one_that_does_not_start_is_not_started_for_every_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    starts = 0

    async def fail(*_: object, **__: object) -> EgressProcess:
        nonlocal starts
        starts += 1
        raise EgressDiedError("no")

    monkeypatch.setattr(EgressProcess, "start", fail)
    egress = Egress()
    refusals = {(await egress.fetch(ECHO, bounds_of())).refusal for _ in range(5)}
    assert (refusals, starts) == ({"unreachable"}, 1)
    await egress.close()


async def test_authorities_that_are_none_end_the_start() -> None:
    with pytest.raises(EgressDiedError):
        await Egress({}, "not a certificate").start()


async def test_one_that_is_confined_too_little_is_not_used_where_all_is_required(
    monkeypatch: pytest.MonkeyPatch, static_hosts: dict[str, Endpoint], authority: Authority
) -> None:
    monkeypatch.setattr("runner.processes.child_process.CONFINEMENT_LAYERS", {"a wall of stone"})
    strict = Egress(static_hosts, authority.pem, all_layers=True)
    with pytest.raises(EgressDiedError, match="a wall of stone"):
        await strict.start()
    assert (await strict.fetch(ECHO, bounds_of())).refusal == "unreachable"
    await strict.close()


def test_fetches_and_answers_survive_the_channel() -> None:
    request = FetchRequest(method="PUT", url="https://a.b/\u00e4", headers=[("A", "b")], body=b"\0")
    fetch = Fetch(request=request, bounds=bounds_of())
    assert read_fetch(fetch_frame(1, fetch)) == fetch
    answer = FetchAnswer(status=200, headers=[("a", "\u00e4")], body=b"\xff", bytes_used=1)
    assert read_answer(answer_frame(1, answer), bytes_max=1) == answer


@pytest.mark.parametrize(
    "frame",
    [
        Frame({"answer": 1}, b"not JSON"),
        Frame({"answer": 1}, b"{}"),
        Frame({"answer": 1}, b'{"status":700}'),
        Frame({"answer": 1}, b'{"status":200,"bytes_used":11}'),
        Frame({"answer": 1}, b'{"status":200,"bytes_used":-1}'),
        Frame({"answer": 1}, b'{"status":200,"bytes_used":1}', b"more than was counted"),
        Frame({"answer": 1}, b'{"status":200,"bytes_used":10}', b"more than is allowed"),
        Frame({"answer": 1}, b'{"refusal":"because"}'),
        Frame({"answer": 1}, b'{"refusal":"denied","status":200}'),
        Frame({"answer": 1}, b'{"refusal":"denied","subject":"' + b"x" * 254 + b'"}'),
        Frame({"answer": 1}, b'{"status":200,"surprise":1}'),
    ],
    ids=lambda frame: frame.first.decode()[:50],
)
def test_nonsense_of_the_process_is_no_answer(frame: Frame) -> None:
    with pytest.raises(FrameError):
        read_answer(frame, bytes_max=10)


async def test_a_process_that_answers_nonsense_is_ended(own: Egress, server: TlsServer) -> None:
    waiting = await in_flight(own, server)
    process = process_of(own)
    (number,) = process._answers
    process._take(Frame({"answer": number}, b"{}"))
    assert (await waiting).refusal == "unreachable"
    assert not process.alive
    assert (await own.fetch(ECHO, bounds_of())).status == 200


async def test_answers_that_nobody_waits_for_are_ignored(own: Egress) -> None:
    await own.start()
    for head in ({"answer": 99}, {"answer": "1"}, {"answer": None}, {}):
        process_of(own)._take(Frame(head, b"{}"))
    assert (await own.fetch(ECHO, bounds_of())).status == 200

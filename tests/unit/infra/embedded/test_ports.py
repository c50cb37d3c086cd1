import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from infra.embedded import ports
from infra.embedded.ports import choose_ports, is_free

pytestmark = pytest.mark.enable_socket


@contextmanager
def listener(port: int = 0, host: str = "127.0.0.1") -> Iterator[int]:
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((host, port))
        server.listen()
        yield int(server.getsockname()[1])


@pytest.fixture(autouse=True)
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "_PATIENCE_SECONDS", 0.1)


async def test_the_usual_port_is_taken_when_it_is_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with listener() as free:
        pass
    monkeypatch.setattr(ports, "USUAL_PORTS", {"nats": free})
    assert await choose_ports(tmp_path / "ports.json", ["nats"]) == {"nats": free}


async def test_a_taken_usual_port_leads_to_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with listener() as taken:
        monkeypatch.setattr(ports, "USUAL_PORTS", {"nats": taken})
        chosen = await choose_ports(tmp_path / "ports.json", ["nats"])
    assert chosen["nats"] != taken
    assert is_free(chosen["nats"])


async def test_the_last_choice_is_preferred(tmp_path: Path) -> None:
    file = tmp_path / "ports.json"
    first = await choose_ports(file, ["nats", "redis"], prefer_usual=False)
    assert json.loads(file.read_text()) == first
    assert await choose_ports(file, ["nats", "redis"]) == first


async def test_a_last_choice_that_was_taken_meanwhile_is_replaced(tmp_path: Path) -> None:
    file = tmp_path / "ports.json"
    with listener() as taken:
        file.write_text(json.dumps({"nats": taken}))
        chosen = await choose_ports(file, ["nats"], prefer_usual=False)
    assert chosen["nats"] != taken
    assert json.loads(file.read_text()) == chosen


async def test_choices_of_servers_that_do_not_run_now_are_kept(tmp_path: Path) -> None:
    file = tmp_path / "ports.json"
    first = await choose_ports(file, ["nats", "redis"], prefer_usual=False)
    await choose_ports(file, ["redis"])
    assert json.loads(file.read_text()) == first


async def test_two_names_never_get_one_port(tmp_path: Path) -> None:
    file = tmp_path / "ports.json"
    with listener() as free:
        pass
    file.write_text(json.dumps({"nats": free, "redis": free}))
    chosen = await choose_ports(file, ["nats", "redis"], prefer_usual=False)
    assert chosen["nats"] == free != chosen["redis"]


@pytest.mark.parametrize("content", ["", "[]", '{"nats": "x"}'])
async def test_a_damaged_file_is_written_anew(tmp_path: Path, content: str) -> None:
    file = tmp_path / "ports.json"
    file.write_text(content)
    chosen = await choose_ports(file, ["nats"], prefer_usual=False)
    assert json.loads(file.read_text()) == chosen


def test_a_port_that_is_taken_on_all_addresses_is_not_free() -> None:
    with listener(host="0.0.0.0") as taken:
        assert not is_free(taken)

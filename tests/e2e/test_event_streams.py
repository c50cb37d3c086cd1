"""Goal: whoever follows sees every event once and in order, whatever breaks, at a bounded price.

Method: a platform of its own, whose api is killed; a proxy that cuts; clients that do not read.
"""

import asyncio
import json
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from cli.client import Api, Profile
from cli.event_streams import whole_stream
from tests.support.cutting_proxy import cutting_proxy
from tests.support.e2e import Caster, WholePlatform, problem, whole_platform
from tests.support.event_writing import EventWriter, event_writer

LAST = frozenset({"settled", "failed", "cancelled"})
STREAMS_PER_ACCOUNT = 300


@pytest.fixture(scope="module")
async def platform() -> AsyncIterator[WholePlatform]:
    """A platform of these tests' own: its api is killed."""
    with TemporaryDirectory(prefix="spell-streams-") as folder:
        external = {"SPELL_STREAMS_PER_ACCOUNT_MAX": str(STREAMS_PER_ACCOUNT)}
        async with whole_platform(Path(folder) / "data", external) as started:
            yield started


@pytest.fixture(scope="module")
async def writer(platform: WholePlatform) -> AsyncIterator[EventWriter]:
    async with event_writer(platform) as started:
        yield started


@pytest.fixture
async def running(platform: WholePlatform, caster: Caster) -> AsyncIterator[str]:
    """A cast that runs, and is cancelled at the end."""
    cast_id = (await caster.admitted(await platform.spell("sleeper")))["cast_id"]
    await caster.events(cast_id, until="running")
    yield cast_id
    await caster.post(f"/v1/casts/{cast_id}:cancel")


async def test_a_client_that_is_cut_ten_times_sees_every_event_once_and_in_order(
    platform: WholePlatform, caster: Caster, writer: EventWriter, running: str
) -> None:
    """Eight cuts by the network, most of them within an event, and two by the death of the api."""
    cuts = [1, 40, 300, 450, 700, 800, 901, 1000]
    seen: asyncio.Queue[tuple[str, int | None]] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    async with cutting_proxy(platform.embedded.context.ports["api"], cuts) as proxy:
        api = Api(Profile(f"http://127.0.0.1:{proxy.port}", caster.person.key_text))

        def follow() -> None:
            """As `spell follow` does."""
            for kind, data in whole_stream(api, f"/v1/casts/{running}/events", LAST):
                number = data["report"]["number"] if kind == "progress" else None
                loop.call_soon_threadsafe(seen.put_nowait, (kind, number))

        following = asyncio.create_task(asyncio.to_thread(follow))
        got = [await seen.get() for _ in range(3)]
        for number in range(60):
            if number in (20, 40):
                pid = platform.embedded.kill("api")
                await writer.report(running, number)
                await platform.embedded.wait_replaced("api", pid)
            else:
                await writer.report(running, number)
            got.append(await seen.get())
        await caster.post(f"/v1/casts/{running}:cancel")
        await following
        api.close()
        got.append(await seen.get())
    assert proxy.made == 8
    assert seen.empty()
    assert [kind for kind, _ in got[:3]] == ["queued", "held", "running"]
    assert got[3:-1] == [("progress", number) for number in range(60)]
    assert got[-1] == ("cancelled", None)


async def test_the_command_follows_over_cuts_to_the_end(
    platform: WholePlatform, caster: Caster, writer: EventWriter, running: str
) -> None:
    for number in range(20):
        await writer.report(running, number, note="x" * 50)
    async with cutting_proxy(platform.embedded.context.ports["api"], []) as proxy:
        api = Api(Profile(f"http://127.0.0.1:{proxy.port}", caster.person.key_text))
        proxy.cuts += [900] * 10
        stream = whole_stream(api, f"/v1/casts/{running}/events", LAST)
        got = await asyncio.to_thread(lambda: [next(stream) for _ in range(23)])
        api.close()
    assert proxy.made > 0
    assert [data["report"]["number"] for kind, data in got if kind == "progress"] == list(range(20))


async def test_a_few_hundred_streams_all_see_an_event_and_leave_nothing_behind(
    platform: WholePlatform, caster: Caster, writer: EventWriter, running: str
) -> None:
    """The last one is refused, and let in when another has gone."""
    path = f"/v1/casts/{running}/events"
    async with AsyncExitStack() as stack:
        streams = [await raw_stream(stack, caster, path) for _ in range(STREAMS_PER_ACCOUNT)]
        problem(await caster.get(path), 429, "TOO_MANY_STREAMS")
        await writer.report(running, 7)
        events = await asyncio.gather(*(number_of(stream, "progress") for stream in streams))
        assert events == [7] * STREAMS_PER_ACCOUNT
    # All of them have vanished: their slots are free as soon as the api has noticed.
    while (status := await status_of(caster, path)) == 429:
        pass
    assert status == 200


async def test_an_event_without_a_hint_is_found_by_the_backstop(
    caster: Caster, writer: EventWriter, running: str
) -> None:
    async with caster.stream(running, after="3") as stream:
        await writer.report(running, 1, hint=False)
        event = await anext(aiter(stream))
    assert (event.id, event.data["report"]["number"]) == (4, 1)


async def test_a_client_that_never_reads_is_cut_and_the_api_holds_nothing_for_it(
    platform: WholePlatform, caster: Caster, writer: EventWriter, running: str
) -> None:
    """Its own buffers and the kernel's are filled first; an api without a bound would go on."""
    client = socket.socket()
    # Before it connects: what the kernel would take for it grows to megabytes.
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(("127.0.0.1", platform.embedded.context.ports["api"]))
    client.sendall(
        f"GET /v1/casts/{running}/events HTTP/1.1\r\nHost: x\r\n"
        f"Authorization: {caster.headers['Authorization']}\r\n\r\n".encode()
    )
    note = "n" * 100_000
    for number in range(120):
        await writer.report(running, number, note=note)
    cut = f"cut the stream of {running}: its client does not read"
    await until(lambda: any(cut in line for line in platform.logs.lines))
    with client, pytest.raises(ConnectionResetError):
        await asyncio.to_thread(read_all, client)
    # It goes on where it was.
    async with caster.stream(running, after="122") as stream:
        assert (await anext(aiter(stream))).data["report"]["number"] == 119


async def test_a_stop_of_the_api_ends_its_streams_and_clients_go_on_at_the_next(
    platform: WholePlatform, caster: Caster, running: str
) -> None:
    async with caster.stream(running, after="3") as stream:
        following = asyncio.create_task(anext(aiter(stream), None))
        pid = platform.embedded.kill("api", signal.SIGTERM)
        assert await following is None, "a whole answer, not one that breaks off"
    await platform.embedded.wait_replaced("api", pid)
    assert [e.id for e in await caster.events(running, until="held")] == [1, 2]


async def raw_stream(stack: AsyncExitStack, caster: Caster, path: str) -> asyncio.StreamReader:
    """An open stream, on a connection of its own."""
    port = caster.platform.embedded.context.ports["api"]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    stack.push_async_callback(writer.wait_closed)
    stack.callback(writer.close)
    writer.write(
        f"GET {path} HTTP/1.1\r\nHost: x\r\n"
        f"Authorization: {caster.headers['Authorization']}\r\n\r\n".encode()
    )
    assert b"200 OK" in await reader.readline()
    return reader


async def number_of(reader: asyncio.StreamReader, kind: str) -> int:
    """The number that the next event of this kind reports."""
    await reader.readuntil(f"event: {kind}\ndata: ".encode())
    number: int = json.loads(await reader.readline())["report"]["number"]
    return number


async def status_of(caster: Caster, path: str) -> int:
    """What a new stream is answered."""
    async with caster.platform.http.stream("GET", path, headers=caster.headers) as response:
        return response.status_code


def read_all(client: socket.socket) -> None:
    """Read to the end."""
    while client.recv(1 << 20):
        pass


async def until(happened: Callable[[], bool]) -> None:
    """Wait for what another process is about to do; the test's own time limit ends the wait."""
    while not happened():  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0.05)

"""Goal: whoever casts is told of the end, signed, at least once. Method: real TLS receivers."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import WebhookVerificationError

from tests.support.e2e import Caster, WholePlatform, as_object, fresh_key, problem
from tests.support.e2e_cli import Shell
from tests.support.tls_servers import Authority, Received, TlsServer, response, tls_server
from tests.support.webhooks import verified, verify_asymmetric

ENDPOINTS = "/v1/webhook-endpoints"
SECRET = "/v1/account/callback-secret"


@dataclass
class Receiver:
    """A program that is told things: answers what the test says, then 204."""

    server: TlsServer
    answers: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"https://localhost:{self.server.port}/hook?token=do-not-log-{self.server.port}"

    @property
    def got(self) -> list[Received]:
        return self.server.received

    async def until(self, count: int) -> list[Received]:
        """What it was sent, once that is as many."""
        await _until(lambda: _now(len(self.got) >= count))
        return self.got


async def _now(value: Any) -> Any:
    return value


async def _until(ask: Callable[[], Awaitable[Any]]) -> Any:
    async with asyncio.timeout(100):
        while True:
            found = await ask()
            if found:
                return found
            await asyncio.sleep(0.05)


@pytest.fixture
async def receiver(platform: WholePlatform, authority: Authority) -> AsyncIterator[Receiver]:
    told: list[Receiver] = []

    async def answer(request: Received, writer: asyncio.StreamWriter) -> None:
        del request
        status = told[0].answers.pop(0) if told[0].answers else "204 No Content"
        writer.write(response(status=status))

    async with tls_server(authority.server_context("localhost"), answer) as server:
        told.append(Receiver(server))
        platform.secrets.add(f"do-not-log-{server.port}")
        yield told[0]


async def create(caster: Caster, url: str, *events: str) -> dict[str, Any]:
    body = {"url": url, **({"events": events} if events else {})}
    answer = await caster.post(ENDPOINTS, json=body)
    assert answer.status_code == 201, answer.text
    made = as_object(answer)
    caster.platform.secrets.add(made["secret"])
    return made


async def deliveries(caster: Caster, endpoint: dict[str, Any]) -> list[dict[str, Any]]:
    page = as_object(await caster.get(f"{ENDPOINTS}/{endpoint['id']}/deliveries"))
    items: list[dict[str, Any]] = page["items"]
    return items


async def test_a_cast_tells_its_endpoint_and_its_callback(
    platform: WholePlatform, caster: Caster, receiver: Receiver
) -> None:
    spell = await platform.spell("free")
    endpoint = await create(caster, receiver.url + "&to=endpoint", "cast.*")
    cast = await caster.ended(spell, {}, callback_url=receiver.url + "&to=callback")
    secret = as_object(await caster.get(SECRET))
    platform.secrets.add(secret["secret"])
    got = {request.path.rpartition("to=")[2]: request for request in await receiver.until(2)}
    assert set(got) == {"endpoint", "callback"}
    for request, key in ((got["endpoint"], endpoint), (got["callback"], secret)):
        body: Any = verified(request, key["secret"])
        verify_asymmetric(request, key["public_key"])
        assert body["type"] == "cast.succeeded"
        assert body["data"]["cast_id"] == cast["cast_id"]
        assert body["data"]["cost"] == cast["cost"]
        assert "result" not in body["data"]
    assert len({request.headers["webhook-id"] for request in got.values()}) == 1
    with pytest.raises(WebhookVerificationError):
        verified(got["endpoint"], secret["secret"])
    path = f"/v1/casts/{cast['cast_id']}/callback"

    async def delivered() -> Any:
        log = as_object(await caster.get(path))
        return log if log["state"] == "delivered" else None

    log = await _until(delivered)
    assert [line["status_code"] for line in log["log"]] == [204]
    assert (await caster.post(f"{path}:replay")).status_code == 202
    again = (await receiver.until(3))[2]
    assert again.headers["webhook-id"] == got["callback"].headers["webhook-id"]


async def test_a_receiver_that_stumbles_is_asked_again_under_the_same_id(
    platform: WholePlatform, caster: Caster, receiver: Receiver
) -> None:
    endpoint = await create(caster, receiver.url)
    receiver.answers = ["500 Oh"]
    await caster.ended(await platform.spell("free"), {})
    first, second = await receiver.until(2)
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.headers["webhook-timestamp"] < second.headers["webhook-timestamp"]
    assert first.body == second.body

    async def taken() -> Any:
        return [one for one in await deliveries(caster, endpoint) if one["state"] == "delivered"]

    (one,) = await _until(taken)
    path = f"{ENDPOINTS}/{endpoint['id']}/deliveries/{one['message_id']}"
    log = as_object(await caster.get(path))
    assert [line["status_code"] for line in log["log"]] == [500, 204]


async def test_an_endpoint_that_is_gone_is_disabled_and_its_dead_letter_replayed(
    platform: WholePlatform, caster: Caster, receiver: Receiver, tmp_path: Path
) -> None:
    endpoint = await create(caster, receiver.url)
    receiver.answers = ["410 Gone"]
    shell = Shell.of(caster, tmp_path)
    sent = await shell.json("webhooks", "test", endpoint["id"])

    async def disabled() -> Any:
        view = as_object(await caster.get(f"{ENDPOINTS}/{endpoint['id']}"))
        return view if not view["enabled"] else None

    assert (await _until(disabled))["disabled_reason"] == "It answered 410 Gone."
    (dead,) = await deliveries(caster, endpoint)
    assert (dead["state"], dead["message_id"]) == ("dead", sent["message_id"])
    # What happens while it is disabled does not go there.
    await caster.ended(await platform.spell("free"), {})
    assert len(receiver.got) == 1
    await shell.json("webhooks", "update", endpoint["id"], "--enable")
    await shell.json("webhooks", "replay", endpoint["id"], dead["message_id"])
    _, again = await receiver.until(2)
    assert again.headers["webhook-id"] == dead["message_id"]
    assert verified(again, endpoint["secret"])
    shown = await shell.spell("webhooks", "deliveries", endpoint["id"], dead["message_id"])
    assert "410" in shown.stdout
    body = tmp_path / "body"
    body.write_bytes(again.body)
    headers = [("--" + name, again.headers[f"webhook-{name}"]) for name in ("id", "timestamp")]
    signature = ("--signature", again.headers["webhook-signature"])
    flags = [part for pair in (*headers, signature) for part in pair]
    checked = await shell.spell(
        "webhooks", "verify", str(body), *flags, WEBHOOK_SECRET=endpoint["secret"]
    )
    assert "good" in checked.stdout, checked.stderr
    await shell.json("webhooks", "delete", endpoint["id"])
    problem(await caster.get(f"{ENDPOINTS}/{endpoint['id']}"), 404, "WEBHOOK_ENDPOINT_NOT_FOUND")


async def test_while_secrets_overlap_both_check(caster: Caster, receiver: Receiver) -> None:
    endpoint = await create(caster, receiver.url)
    rotated = as_object(await caster.post(f"{ENDPOINTS}/{endpoint['id']}:rotate"))
    caster.platform.secrets.add(rotated["secret"])
    assert (await caster.post(f"{ENDPOINTS}/{endpoint['id']}:test")).status_code == 202
    (request,) = await receiver.until(1)
    assert rotated["secret"] != endpoint["secret"]
    for secret in (endpoint["secret"], rotated["secret"]):
        assert verified(request, secret)


async def test_a_worker_that_dies_at_the_end_of_a_cast_still_tells_it(
    platform: WholePlatform, caster: Caster, receiver: Receiver
) -> None:
    """Method: kill -9 the worker as soon as the cast's end is in the database."""
    spell = await platform.spell("free")
    answers = await asyncio.gather(
        *(caster.cast(spell, {}, callback_url=receiver.url, wait=20) for _ in range(5))
    )
    pid = platform.embedded.kill("worker")
    casts = [as_object(answer)["cast_id"] for answer in answers]
    await platform.embedded.wait_replaced("worker", pid)
    for cast_id in casts:
        await caster.followed(cast_id)

    async def all_told() -> bool:
        return {request.headers["webhook-id"] for request in receiver.got} >= ids

    ids = {
        as_object(await caster.get(f"/v1/casts/{cast_id}/callback"))["message_id"]
        for cast_id in casts
    }
    assert len(ids) == 5
    await _until(all_told)


async def test_a_url_that_leads_nowhere_good_is_refused_or_never_asked(
    platform: WholePlatform, caster: Caster
) -> None:
    endpoint = await create(caster, "https://localtest.invalid/")
    sent = as_object(await caster.post(f"{ENDPOINTS}/{endpoint['id']}:test"))
    path = f"{ENDPOINTS}/{endpoint['id']}/deliveries/{sent['message_id']}"

    async def tried() -> Any:
        return as_object(await caster.get(path))["log"]

    line = (await _until(tried))[0]
    assert line["status_code"] is None
    assert "localtest" not in line["error"]
    spell = await platform.spell("free")
    for url in ("https://127.0.0.1/", "http://a.example/", "https://[::1]/", "https://0x7f.1/"):
        answer = await caster.cast(spell, {}, callback_url=url)
        problem(answer, 422, "VALIDATION_ERROR")
        problem(await caster.post(ENDPOINTS, json={"url": url}), 422, "VALIDATION_ERROR")


async def test_a_callback_belongs_to_the_request(
    platform: WholePlatform, caster: Caster, receiver: Receiver
) -> None:
    spell, key = await platform.spell("free"), fresh_key()
    first = await caster.cast(spell, {}, key=key, callback_url=receiver.url)
    again = await caster.cast(spell, {}, key=key, callback_url=receiver.url)
    assert as_object(first)["cast_id"] == as_object(again)["cast_id"]
    problem(await caster.cast(spell, {}, key=key), 409, "IDEMPOTENCY_CONFLICT")


async def test_a_schedule_tells_the_callback_of_each_of_its_casts(
    platform: WholePlatform, caster: Caster, receiver: Receiver
) -> None:
    body = {"spell": await platform.spell("free"), "inputs": {}, "cron": "0 0 1 1 *"}
    made = as_object(
        await caster.post(
            "/v1/schedules",
            json={**body, "callback_url": receiver.url},
            headers={"Idempotency-Key": fresh_key()},
        )
    )
    assert (made["has_callback"], "callback_url" in made) == (True, False)
    schedule = f"/v1/schedules/{made['schedule_id']}"
    await caster.post(f"{schedule}:trigger")
    (told,) = await receiver.until(1)
    (run,) = as_object(await caster.get(schedule))["runs"]
    secret = as_object(await caster.get(SECRET))["secret"]
    platform.secrets.add(secret)
    message: Any = verified(told, secret)
    assert message["data"]["cast_id"] == run["cast_id"]
    changed = await caster.request("PATCH", schedule, json={"callback_url": None})
    assert as_object(changed)["has_callback"] is False
    answer = await caster.post(
        "/v1/schedules",
        json={**body, "callback_url": "http://example.com/"},
        headers={"Idempotency-Key": fresh_key()},
    )
    problem(answer, 422, "VALIDATION_ERROR")
    await caster.request("DELETE", schedule)


async def test_the_command_casts_with_a_callback_and_shows_what_signs_it(
    platform: WholePlatform, caster: Caster, receiver: Receiver, tmp_path: Path
) -> None:
    shell, spell = Shell.of(caster, tmp_path), await platform.spell("free")
    (tmp_path / "inputs.json").write_text("{}")
    cast = await shell.json("cast", spell, "inputs.json", "--callback-url", receiver.url)
    secrets = [(await shell.json("webhooks", "secret"))["secret"]]
    (request,) = await receiver.until(1)
    body: Any = verified(request, secrets[0])
    assert body["data"]["cast_id"] == cast["cast_id"]
    rotated = await shell.json("webhooks", "secret", "--rotate")
    secrets.append(rotated["secret"])
    platform.secrets.update(secrets)
    again = await caster.post(f"/v1/casts/{cast['cast_id']}/callback:replay")
    assert again.status_code == 202
    request = (await receiver.until(2))[1]
    for secret in secrets:
        assert verified(request, secret)


async def test_another_account_sees_nothing(
    caster: Caster, stranger: Caster, receiver: Receiver
) -> None:
    endpoint = await create(caster, receiver.url)
    sent = as_object(await caster.post(f"{ENDPOINTS}/{endpoint['id']}:test"))
    assert (await stranger.get(ENDPOINTS)).json() == []
    path = f"{ENDPOINTS}/{endpoint['id']}"
    delivery = f"{path}/deliveries/{sent['message_id']}"
    change, since = {"enabled": False}, {"since": "2026-01-01T00:00:00Z"}
    for method, address, body in (
        ("GET", path, None),
        ("PATCH", path, change),
        ("DELETE", path, None),
        ("POST", f"{path}:rotate", None),
        ("POST", f"{path}:test", None),
        ("GET", f"{path}/deliveries", None),
        ("POST", f"{path}/deliveries:replay", since),
    ):
        answer = await stranger.request(method, address, json=body)
        problem(answer, 404, "WEBHOOK_ENDPOINT_NOT_FOUND")
    for method, address in (("GET", delivery), ("POST", f"{delivery}:replay")):
        problem(await stranger.request(method, address), 404, "WEBHOOK_MESSAGE_NOT_FOUND")


@pytest.mark.parametrize(
    "change",
    [
        {"events": []},
        {"events": ["cast.everything"]},
        {"events": ["cast"]},
        {"description": "x" * 201},
        {"description": "colour \x1b[31m"},
        {"url": "https://a.example/" + "x" * 3000},
        {"secret": "mine"},
    ],
    ids=str,
)
async def test_an_endpoint_that_makes_no_sense_is_refused(
    caster: Caster, change: dict[str, Any]
) -> None:
    body = {"url": "https://hooks.example/", **change}
    problem(await caster.post(ENDPOINTS, json=body), 422, "VALIDATION_ERROR")
    assert (await caster.get(ENDPOINTS)).json() == []

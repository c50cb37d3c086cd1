"""Goal: a cap is set, its alert is delivered, and it stops casts. Method: all real processes."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.e2e.test_callbacks import Receiver, create, receiver
from tests.support.e2e import Caster, WholePlatform, as_object, problem
from tests.support.e2e_cli import Shell
from tests.support.tls_servers import Received
from tests.support.webhooks import verified

__all__ = ["receiver"]  # a fixture

PRICE = 500
# Two relays look once a minute each: at alerts, and at what is to be sent.
_TOLD_WITHIN = 200


async def test_a_cap_of_the_command_alerts_a_webhook_and_then_stops_casts(
    platform: WholePlatform, caster: Caster, receiver: Receiver, tmp_path: Path
) -> None:
    shell, spell = Shell.of(caster, tmp_path), await platform.spell("echo")
    endpoint = await create(caster, receiver.url, "budget.*")
    capped = await shell.json("cap", "set", "account_month", str(5 * PRICE), "--alert-at", "80")
    assert {b["kind"]: b["alerts_at"] for b in capped}["account_month"] == [80]
    for _ in range(4):
        await caster.ended(spell)
    assert (await shell.json("billing", "alerts"))["items"][0]["percent"] == 80
    body: Any = verified(await _first(receiver), endpoint["secret"])
    assert body["type"] == "budget.alert"
    told = body["data"]
    assert (told["cap"], told["percent"]) == ("account_month", 80)
    assert (told["used_micros"], told["cap_micros"]) == (4 * PRICE, 5 * PRICE)
    await caster.ended(spell)
    details = problem(await caster.cast(spell), 402, "BUDGET_CAP_EXCEEDED")["details"]
    assert details["cap"] == "account_month"
    shown = await shell.spell("cap", "show")
    row = next(line for line in shown.stdout.splitlines() if line.startswith("account_month"))
    assert f"{'#' * 20} 100 %" in row
    notifications = as_object(await caster.get("/v1/account/notifications"))["items"]
    assert [one["kind"] for one in notifications] == ["budget.alert"], "told once"


async def test_a_refusal_says_when_the_day_begins_in_the_accounts_zone(
    platform: WholePlatform, caster: Caster, tmp_path: Path
) -> None:
    shell, spell = Shell.of(caster, tmp_path), await platform.spell("echo")
    view = await shell.json("billing", "zone", "Asia/Kathmandu")
    assert (view["time_zone"], view["next_time_zone"]) == ("UTC", "Asia/Kathmandu")
    tomorrow = date.fromisoformat(view["today"]) + timedelta(days=1)
    assert view["next_from_day"] == tomorrow.isoformat()
    await shell.json("cap", "set", "account_month", "0", "--no-alerts")
    details = problem(await caster.cast(spell), 402, "BUDGET_CAP_EXCEEDED")["details"]
    resets_at = datetime.fromisoformat(details["resets_at"])
    # Today is still counted in UTC; the month will be over by the clock of Kathmandu, unless it
    # is over today.
    if tomorrow.day > 1:
        assert details["resets_at"].endswith("T00:00:00+05:45")
    assert timedelta() < resets_at - datetime.now(UTC) <= timedelta(days=31)
    said = await shell.spell("billing", "zone")
    assert f"Asia/Kathmandu from {tomorrow.isoformat()} on" in said.stdout


async def test_usage_and_history_are_read_page_by_page(
    platform: WholePlatform, caster: Caster, tmp_path: Path
) -> None:
    shell = Shell.of(caster, tmp_path)
    spells = [await platform.spell(name) for name in ("echo", "free")]
    for spell in spells:
        await caster.ended(spell)
    lines, cursor = [], None
    while True:
        query = {"by": "spell", "limit": 1, **({"cursor": cursor} if cursor else {})}
        page = as_object(await caster.get("/v1/billing/usage", params=query))
        lines += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert {line["group"]: line["posted_micros"] for line in lines} == dict(
        zip(spells, (PRICE, 0), strict=True)
    )
    by_day = await shell.json("billing", "usage")
    assert [(line["count"], line["held_micros"]) for line in by_day["items"]] == [(2, 0)]
    for micros in ("500", "400"):
        await shell.json("cap", "set", "api_key_day", micros, "--api-key-id", _key(caster))
    await shell.json("cap", "remove", "api_key_day", "--api-key-id", _key(caster))
    history = as_object(await caster.get("/v1/billing/history", params={"limit": 2}))
    older = {"limit": 2, "cursor": history["next_cursor"]}
    history["items"] += as_object(await caster.get("/v1/billing/history", params=older))["items"]
    caps = [(one["before"] or {}).get("cap_micros") for one in history["items"]]
    assert caps == [400, 500, None]
    assert {one["changed_by"] for one in history["items"]} == {_key(caster)}
    assert "0.0005 USD (50 %, 80 %, 100 %)" in (await shell.spell("cap", "history")).stdout


async def test_what_is_asked_wrongly_of_billing_is_refused(caster: Caster) -> None:
    for query in (
        {"from_day": "2026-02-30"},
        {"from_day": "2024-01-01", "to_day": "2026-01-01"},
        {"from_day": "2026-01-02", "to_day": "2026-01-01"},
        {"by": "weather"},
        {"currency": "usd"},
        {"cursor": "nonsense"},
    ):
        answer = await caster.get("/v1/billing/usage", params=query)
        problem(answer, 422, "VALIDATION_ERROR")
    for zone in ("CET", "Europe/Nowhere", "", "../etc/passwd", "A" * 65, "+02:00"):
        answer = await caster.request("PUT", "/v1/billing/time-zone", json={"time_zone": zone})
        problem(answer, 422, "VALIDATION_ERROR")
    gone = await caster.request("DELETE", "/v1/billing/caps", params={"kind": "account_day"})
    problem(gone, 404, "CAP_NOT_FOUND")
    key = await caster.request("DELETE", "/v1/billing/caps", params={"kind": "api_key"})
    problem(key, 422, "VALIDATION_ERROR")


async def _first(receiver: Receiver) -> Received:
    async with asyncio.timeout(_TOLD_WITHIN):
        while True:
            if receiver.got:
                return receiver.got[0]
            await asyncio.sleep(0.1)


def _key(caster: Caster) -> str:
    return caster.person.api_key_id

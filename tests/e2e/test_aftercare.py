"""A vulnerability becomes known after publishing: who reads what, over the doors."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from schema.package import build_package
from schema.scopes import Scope
from tests.modules.guests import guest
from tests.support.bills import with_bill
from tests.support.e2e import Caster, WholePlatform, as_object, fresh_spell, problem
from tests.support.e2e_cli import Shell
from tests.support.e2e_packages import files_of, package
from tests.support.osv import CRITICAL, a_record, write_archive

CHANNELS = "/v1/account/notification-channels"
TOLD = "/v1/account/notifications"
LOG = "/v1/supply-chain/log"


async def until(ask: Callable[[], Awaitable[Any]]) -> Any:
    """What is answered, once it is something."""
    async with asyncio.timeout(60):
        while True:
            found = await ask()
            if found:
                return found
            await asyncio.sleep(0.2)


async def test_a_finding_is_told_to_everybody_whom_it_concerns(
    platform: WholePlatform, tmp_path: Path
) -> None:
    maker = await platform.new_caster(scopes=[Scope.PUBLISH, Scope.CAST, Scope.ACCOUNT])
    operator = await platform.new_caster(10_000_000)
    key, purl = fresh_spell(), "pkg:pypi/e2e-aftercare@1.0"
    await maker.publish(build_package(with_bill(files_of(key, guest("echo")), purl)))
    report_path = f"/v1/spells/{key}/versions/1.0.0/vulnerabilities"
    assert as_object(await maker.get(report_path))["findings"] == []

    settings = platform.embedded.context.platform_environment
    mine = {"SPELL_API_URL": platform.api_url, "SPELL_API_KEY": operator.person.key_text}
    shell = Shell(tmp_path, {**settings, **mine})
    record = a_record("E2E-2026-77", "e2e-aftercare", vector=CRITICAL)
    await shell.json(
        "advisories", "import", str(write_archive(tmp_path / "E2E" / "all.zip", [record]))
    )
    assert (await shell.json("rescan", "--no-import"))["workflow_id"] == "rescan-versions"

    async def findings() -> Any:
        return as_object(await maker.get(report_path))["findings"]

    (finding,) = await until(findings)
    assert (finding["advisory_id"], finding["purl"]) == ("E2E-2026-77", purl)
    assert finding["closed_at"] is None
    assert finding["due_at"] > finding["opened_at"]

    # The whole time long it can be cast.
    cast = await operator.cast(key, {}, version="1.0.0", wait=30)
    assert cast.status_code in (200, 202), cast.text

    feed = await platform.http.get("/v1/advisories/feed")
    assert feed.headers["content-type"] == "application/feed+json"
    items = [item for item in feed.json()["items"] if item["_spell"]["key"] == key]
    assert [item["tags"] for item in items] == [["finding_opened"]]
    by_another_name = {"Host": "other.example"}
    again = await platform.http.get("/v1/advisories/feed", headers=by_another_name)
    assert items[0]["id"] in {item["id"] for item in again.json()["items"]}

    log = as_object(await maker.get(LOG, params={"spell": key}))
    kinds = [entry["kind"] for entry in log["items"]]
    assert kinds[0] == "finding_opened"
    assert "published" in kinds
    shown = await Shell.of(maker, tmp_path).spell("vulnerabilities", key)
    assert "finding open" in shown.stdout
    assert "E2E-2026-77" in shown.stdout

    yanked = await maker.post(f"/v1/spells/{key}/versions/1.0.0:yank")
    assert yanked.status_code == 204
    (finding,) = as_object(await maker.get(report_path))["findings"]
    assert finding["closed_as"] == "withdrawn"
    audit = await Shell.of(maker, tmp_path).json("audit", "--spell", key)
    assert [entry["kind"] for entry in audit["items"]][:2] == ["finding_closed", "yanked"]


async def test_a_maker_reads_own_entries_and_a_caster_none(
    platform: WholePlatform, maker: Caster, stranger: Caster
) -> None:
    await platform.spell("echo")
    own = await platform.key_of(maker.person.account_id, [Scope.PUBLISH])
    assert as_object(await own.get(LOG))["items"]
    other = await platform.new_caster(scopes=[Scope.PUBLISH])
    assert as_object(await other.get(LOG))["items"] == []
    assert as_object(await stranger.get(LOG, params={"kind": "published"}))["items"]
    caster = await platform.new_caster(scopes=[Scope.CAST])
    problem(await caster.get(LOG), 403, "FORBIDDEN")
    problem(await caster.post("/v1/supply-chain/rescans", json={}), 403, "FORBIDDEN")


async def test_the_log_is_read_in_pages(platform: WholePlatform, caster: Caster) -> None:
    await platform.spell("echo")
    first = as_object(await caster.get(LOG, params={"limit": 1}))
    assert len(first["items"]) == 1
    if first["next_cursor"]:
        asked = {"limit": 1, "cursor": first["next_cursor"]}
        second = as_object(await caster.get(LOG, params=asked))
        assert second["items"][0]["id"] < first["items"][0]["id"]
    problem(await caster.get(LOG, params={"cursor": "e30="}), 422, "VALIDATION_ERROR")
    problem(await caster.get(LOG, params={"kind": "nothing"}), 422, "VALIDATION_ERROR")


@pytest.mark.parametrize(
    ("kind", "address"),
    [
        ("email", "somebody"),
        ("email", "a@b.example\r\nBcc: c@d.example"),
        ("email", "a@b.example"),  # this platform has no mail server
        ("webhook", "https://hooks.example/in"),  # that is an endpoint now
    ],
)
async def test_a_channel_that_leads_nowhere_good_is_refused(
    caster: Caster, kind: str, address: str
) -> None:
    answer = await caster.request("PUT", f"{CHANNELS}/{kind}", json={"address": address})
    problem(answer, 422, "VALIDATION_ERROR")
    assert (await caster.get(CHANNELS)).json() == []


async def test_an_account_reads_and_resends_what_it_alone_was_told(
    platform: WholePlatform, stranger: Caster, tmp_path: Path
) -> None:
    maker = await platform.new_caster(scopes=[Scope.PUBLISH, Scope.ACCOUNT])
    key = fresh_spell()
    await maker.publish(package(key, guest("echo")))
    for deed, body in ((":suspend", {"reason": "odd"}), (":unsuspend", None)):
        done = await stranger.post(f"/v1/spells/{key}{deed}", json=body)
        assert done.status_code == 204, done.text
    first = as_object(await maker.get(TOLD, params={"limit": 1}))
    rest = as_object(await maker.get(TOLD, params={"cursor": first["next_cursor"]}))
    told = [*first["items"], *rest["items"]]
    assert [one["kind"] for one in told] == ["spell.unsuspended", "spell.suspended"]
    assert told[1]["details"]["reason"] == "odd"
    shown = await Shell.of(maker, tmp_path).spell("notifications", "list")
    assert "spell.suspended" in shown.stdout
    await Shell.of(maker, tmp_path).json("notifications", "resend", told[0]["id"])
    path = f"{TOLD}/{told[0]['id']}:resend"
    problem(await stranger.post(path), 404, "NOTIFICATION_NOT_FOUND")
    problem(await maker.post(f"{TOLD}/x:resend"), 404, "NOTIFICATION_NOT_FOUND")
    problem(await maker.get(TOLD, params={"cursor": "e30="}), 422, "VALIDATION_ERROR")


async def test_foreign_and_unknown_versions_have_no_report(caster: Caster) -> None:
    path = "/v1/spells/com.example.nothing/versions/1.0.0/vulnerabilities"
    problem(await caster.get(path), 404, "SPELL_NOT_FOUND")

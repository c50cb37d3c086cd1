"""Known vulnerabilities over the doors: imported and scanned by command, excepted over the API."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from schema.scopes import Scope
from tests.support.e2e import Caster, WholePlatform, problem
from tests.support.e2e_cli import Shell
from tests.support.osv import HIGH, a_record, write_archive

PATH = "/v1/advisory-exceptions"
# Names that no other test's bill holds.
PURL = "pkg:pypi/e2e-leftpad@1.0"
SAID = {
    "advisory_id": "E2E-2026-1",
    "justification": "vulnerable_code_not_present",
    "statement": "The parser is compiled out.",
}


def a_body(**changes: Any) -> dict[str, Any]:
    ends = (datetime.now(UTC) + timedelta(days=30)).isoformat()
    return {**SAID, "expires_at": ends, **changes}


def a_bill(folder: Path, *purls: str) -> str:
    components = [
        {"type": "library", "bom-ref": purl, "name": purl, "version": "1", "purl": purl}
        for purl in purls
    ]
    bill = {"bomFormat": "CycloneDX", "specVersion": "1.6", "components": components}
    path = folder / "sbom.cdx.json"
    path.write_text(json.dumps(bill))
    return str(path)


async def test_an_exception_is_made_listed_and_removed_by_operators_only(
    platform: WholePlatform, caster: Caster
) -> None:
    made = await caster.post(PATH, json=a_body(spell_key="com.acme.e2e"))
    assert made.status_code == 201, made.text
    document = made.json()
    assert document["added_by"] == caster.person.account_id
    assert document["id"] in {one["id"] for one in (await caster.get(PATH)).json()["items"]}

    maker = await platform.new_caster(scopes=[Scope.PUBLISH, Scope.CAST, Scope.ACCOUNT])
    for refused in (
        await maker.get(PATH),
        await maker.post(PATH, json=a_body()),
        await maker.request("DELETE", f"{PATH}/{document['id']}"),
    ):
        problem(refused, 403, "FORBIDDEN")

    removed = await caster.request("DELETE", f"{PATH}/{document['id']}")
    assert removed.json()["removed_by"] == caster.person.account_id
    problem(await caster.request("DELETE", f"{PATH}/{document['id']}"), 404, "EXCEPTION_NOT_FOUND")
    problem(await caster.request("DELETE", f"{PATH}/x%00y"), 404, "EXCEPTION_NOT_FOUND")
    kept = (await caster.get(PATH, params={"ended": "true", "limit": 100})).json()["items"]
    assert document["id"] in {one["id"] for one in kept}


async def test_exceptions_are_listed_in_pages(caster: Caster) -> None:
    made = {
        (await caster.post(PATH, json=a_body(spell_key="com.acme.pages"))).json()["id"]
        for _ in range(3)
    }
    seen: list[str] = []
    cursor = None
    while True:
        wanted = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await caster.get(PATH, params=wanted)).json()
        assert len(page["items"]) <= 2
        seen += [one["id"] for one in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert made <= set(seen)
    assert len(seen) == len(set(seen))
    problem(await caster.get(PATH, params={"cursor": "e30="}), 422, "VALIDATION_ERROR")


@pytest.mark.parametrize(
    "changes",
    [
        {"expires_at": "2020-01-01T00:00:00Z"},
        {"expires_at": "9999-12-31T23:59:59-14:00"},
        {"expires_at": "0001-01-01T00:00:00+14:00"},
        {"expires_at": "soon"},
        {"justification": "because"},
        {"statement": ""},
        {"statement": "a\0b"},
        {"purl": "six"},
        {"added_by": "somebody else"},
        {"spell_key": "NOT A KEY"},
    ],
)
async def test_a_bad_exception_is_refused(caster: Caster, changes: dict[str, Any]) -> None:
    problem(await caster.post(PATH, json=a_body(**changes)), 422, "VALIDATION_ERROR")


async def test_an_operator_imports_scans_and_excepts(
    platform: WholePlatform, caster: Caster, tmp_path: Path
) -> None:
    settings = platform.embedded.context.platform_environment
    mine = {"SPELL_API_URL": platform.api_url, "SPELL_API_KEY": caster.person.key_text}
    shell = Shell(tmp_path, {**settings, **mine})
    record = a_record("E2E-2026-1", "e2e-leftpad", vector=HIGH, aliases=["CVE-2026-99999"])
    archive = write_archive(tmp_path / "E2E" / "all.zip", [record], broken=b"{")

    imported = await shell.json("advisories", "import", str(archive))
    assert imported["changed"]
    assert [one["bad"] for one in imported["sources"]] == [1]
    status = await shell.json("advisories", "status")
    assert status["id"] == imported["snapshot"]["id"]
    assert status["sources"]["E2E"]["records"] == 1

    bill = a_bill(tmp_path, PURL, "pkg:pypi/e2e-clean@1.0")
    refused = await shell.spell("--json", "advisories", "scan", bill)
    assert refused.code == 3
    (found,) = refused.document()["reasons"]
    assert (found["code"], found["subject"]) == ("ADVISORY_CRITICAL", PURL)
    assert found["details"]["fixed_in"] == ["2.0"]
    shown = await shell.spell("advisories", "scan", bill)
    assert "Upgrade to 2.0." in shown.stderr

    made = await shell.json(
        *("advisories", "except", "CVE-2026-99999", "--days", "30"),
        *("--purl", "pkg:pypi/e2e-leftpad"),
        *("--justification", "vulnerable_code_not_present", "--statement", "Compiled out."),
    )  # fmt: skip
    passed = await shell.json("advisories", "scan", bill)
    assert passed["passed"]
    assert passed["reasons"][0]["severity"] == "note"
    assert caster.person.account_id in passed["reasons"][0]["message"]
    listed = await shell.spell("advisories", "exceptions")
    assert made["id"] in listed.stdout

    await shell.json("advisories", "unexcept", made["id"])
    assert (await shell.spell("advisories", "scan", bill)).code == 3


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("import",), 2, "SPELL_ADVISORY_URL"),
        (("import", "nowhere.zip"), 2, "no such file"),
        (("import", "http://advisories.example"), 4, "https only"),
        (("import", "broken.zip"), 4, "no zip archive"),
        (("scan", "broken.zip"), 3, "no bill of materials"),
        (("unexcept", "exc_nothing"), 3, "EXCEPTION_NOT_FOUND"),
    ],
)
async def test_what_cannot_be_done_is_said(
    platform: WholePlatform,
    caster: Caster,
    tmp_path: Path,
    arguments: tuple[str, ...],
    code: int,
    says: str,
) -> None:
    (tmp_path / "broken.zip").write_bytes(b"not a zip")
    settings = platform.embedded.context.platform_environment
    mine = {"SPELL_API_URL": platform.api_url, "SPELL_API_KEY": caster.person.key_text}
    said = await Shell(tmp_path, {**settings, **mine}).spell("advisories", *arguments)
    assert (said.code, says in said.stderr) == (code, True), said

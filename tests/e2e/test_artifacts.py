"""What casts leave, over the api: listed, read, linked, and gone when its time is up."""

import asyncio
import hashlib
import json
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from cli.local import settings_of
from infra.artifact_store import EncryptedArtifactStore
from infra.blob_store import ObjectBlobStore
from infra.platform import make_vault
from infra.repositories.artifacts import record
from schema import limits
from tests.support.e2e import Caster, Json, WholePlatform, problem
from tests.support.e2e_cli import Shell

LARGE = "large " * (limits.INLINE_RESULT_BYTES_MAX // 6 + 1)
PDF = b"%PDF not really " * 100_000


async def leave(platform: WholePlatform, cast: Json, name: str, content: bytes) -> None:
    """Have a cast leave one more artifact, as a run on GitHub Actions does."""
    settings = settings_of(platform.embedded.context)
    blobs = ObjectBlobStore(settings.object_store_url)
    kept = await EncryptedArtifactStore(blobs, make_vault(settings)).keep(
        cast["cast_id"], name, content
    )
    account = f"acct_{cast['cast_id'].split('_')[1]}"
    async with platform.database.transaction() as connection:
        await record(connection, (cast["cast_id"], account), [kept], timedelta(days=1))


async def linked(caster: Caster, cast: Json, name: str = "output.json", **options: object) -> str:
    """The address of a link."""
    path = f"/v1/casts/{cast['cast_id']}/artifacts:link"
    answer = await caster.post(path, json={"name": name, **options})
    assert answer.status_code == 201, answer.text
    url: str = answer.json()["url"]
    assert url.startswith(f"{caster.platform.api_url}/v1/artifacts/")
    token = url.rpartition("/")[2]
    # No process may log it.
    caster.platform.secrets.add(token)
    return f"/v1/artifacts/{token}"


def named(folder: Path, prefix: str) -> dict[str, bytes]:
    """The files whose names begin so."""
    return {path.name: path.read_bytes() for path in folder.glob(f"{prefix}*")}


@pytest.fixture
async def cast(platform: WholePlatform, caster: Caster) -> Json:
    return await caster.ended(await platform.spell("echo"), "hello")


async def test_a_cast_lists_its_result_and_what_else_it_left(
    platform: WholePlatform, caster: Caster, cast: Json
) -> None:
    await leave(platform, cast, "build/report.pdf", PDF)
    items = (await caster.get(cast["links"]["artifacts"])).json()["items"]
    assert [item["name"] for item in items] == ["output.json", "build/report.pdf"]
    for item, content in zip(items, (b'"hello"', PDF), strict=True):
        assert item["bytes"] == len(content)
        assert item["digest"] == f"sha256:{hashlib.sha256(content).hexdigest()}"
        token = item["link"]["url"].rpartition("/")[2]
        platform.secrets.add(token)
        for _ in range(2):
            got = await platform.http.get(f"/v1/artifacts/{token}")
            assert (got.status_code, got.content) == (200, content)
        mine = await caster.get(f"{cast['links']['artifacts']}/{item['name']}")
        assert mine.content == content


async def test_a_download_is_nothing_that_a_browser_runs(
    platform: WholePlatform, caster: Caster, cast: Json
) -> None:
    await leave(platform, cast, "site/index.html", b"<script>alert(1)</script>")
    got = await platform.http.get(await linked(caster, cast, "site/index.html"))
    assert got.headers["content-type"] == "application/octet-stream"
    assert got.headers["content-disposition"] == 'attachment; filename="index.html"'
    assert got.headers["x-content-type-options"] == "nosniff"
    assert got.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert got.headers["cache-control"] == "private, no-store"


async def test_a_download_that_broke_off_goes_on_where_it_was(
    platform: WholePlatform, caster: Caster, cast: Json
) -> None:
    await leave(platform, cast, "report.pdf", PDF)
    mine, link = (
        f"{cast['links']['artifacts']}/report.pdf",
        await linked(caster, cast, "report.pdf"),
    )
    whole = await caster.get(mine)
    assert whole.headers["accept-ranges"] == "bytes"
    tag, half = whole.headers["etag"], len(PDF) // 2
    for path in (mine, link):
        asked = {**caster.headers, "Range": f"bytes={half}-", "If-Range": tag}
        rest = await platform.http.get(path, headers=asked)
        assert (rest.status_code, rest.content) == (206, PDF[half:])
        assert rest.headers["content-range"] == f"bytes {half}-{len(PDF) - 1}/{len(PDF)}"
        assert rest.headers["repr-digest"] == whole.headers["repr-digest"]
        assert rest.headers["content-security-policy"] == "sandbox; default-src 'none'"
        other = await platform.http.get(path, headers={**asked, "If-Range": '"other"'})
        assert (other.status_code, other.content) == (200, PDF)
        beyond = await platform.http.get(path, headers={**asked, "Range": f"bytes={len(PDF)}-"})
        problem(beyond, 416, "RANGE_NOT_SATISFIABLE")
        assert beyond.headers["content-range"] == f"bytes */{len(PDF)}"
    output = await caster.get(
        f"{cast['links']['artifacts']}/output.json",
        headers={**caster.headers, "Range": "bytes=1-5"},
    )
    assert (output.status_code, output.content) == (206, b"hello")


async def test_a_range_that_cannot_be_answered_does_not_use_a_link_up(
    platform: WholePlatform, caster: Caster, cast: Json
) -> None:
    link = await linked(caster, cast, one_use=True)
    problem(
        await platform.http.get(link, headers={"Range": "bytes=99-"}), 416, "RANGE_NOT_SATISFIABLE"
    )
    assert (await platform.http.get(link, headers={"Range": "bytes=0-0"})).content == b'"'
    problem(await platform.http.get(link), 410, "LINK_EXPIRED")


async def test_a_large_result_comes_by_reference(platform: WholePlatform, caster: Caster) -> None:
    cast = await caster.ended(await platform.spell("echo"), LARGE)
    assert (cast["status"], cast["result"]) == ("succeeded", None)
    where = cast["result_artifact"]
    assert (where["name"], where["bytes"]) == ("output.json", len(LARGE) + 2)
    token = where["link"]["url"].rpartition("/")[2]
    platform.secrets.add(token)
    assert (await platform.http.get(f"/v1/artifacts/{token}")).json() == LARGE
    assert (await caster.get(cast["links"]["self"] + "/output")).json() == LARGE


async def test_a_small_result_is_in_the_document(cast: Json) -> None:
    assert (cast["result"], cast["result_artifact"]) == ("hello", None)


async def test_of_many_who_use_a_one_use_link_at_once_one_has_the_content(
    platform: WholePlatform, caster: Caster, cast: Json
) -> None:
    link = await linked(caster, cast, one_use=True)
    answers = await asyncio.gather(*(platform.http.get(link) for _ in range(8)))
    won = [answer for answer in answers if answer.status_code == 200]
    assert [answer.json() for answer in won] == ["hello"]
    for answer in answers:
        if answer not in won:
            problem(answer, 410, "LINK_EXPIRED")


async def test_a_link_whose_time_is_up_is_told_so(
    platform: WholePlatform, caster: Caster, cast: Json
) -> None:
    link = await linked(caster, cast, expires_in=1)
    # Until more than its second has gone by, by the clock that the api has, too.
    await asyncio.sleep(1.1)
    problem(await platform.http.get(link), 410, "LINK_EXPIRED")


async def test_a_link_dies_with_the_key_that_made_it(
    platform: WholePlatform, caster: Caster, cast: Json
) -> None:
    helper = await caster.with_key(scopes=["cast:invoke"])
    link, own = await linked(helper, cast), await linked(caster, cast)
    assert (await platform.http.get(link)).status_code == 200
    await caster.request("DELETE", f"/v1/keys/{helper.person.api_key_id}")
    problem(await platform.http.get(link), 410, "LINK_EXPIRED")
    assert (await platform.http.get(own)).status_code == 200


async def test_a_token_that_was_changed_or_made_up_is_invalid(
    platform: WholePlatform, caster: Caster, cast: Json
) -> None:
    token = (await linked(caster, cast)).rpartition("/")[2]
    middle = len(token) // 2
    changed = token[:middle] + ("A" if token[middle] != "A" else "B") + token[middle + 1 :]
    for bad in (changed, token[:-4], token + "AAAA", "x", "%C3%BC", "A" * 5000, "a" * 40):
        problem(await platform.http.get(f"/v1/artifacts/{bad}"), 403, "LINK_INVALID")


@pytest.mark.parametrize(
    "change",
    [{"expires_in": 0}, {"expires_in": 3601}, {"name": "../x"}, {"name": ""}, {"more": 1}],
    ids=str,
)
async def test_a_link_that_makes_no_sense_is_refused(
    caster: Caster, cast: Json, change: Json
) -> None:
    path = f"{cast['links']['artifacts']}:link"
    answer = await caster.post(path, json={"name": "output.json", **change})
    problem(answer, 422, "VALIDATION_ERROR")


async def test_what_is_not_there_is_not_found(caster: Caster, cast: Json) -> None:
    base = cast["links"]["artifacts"]
    for name in ("nothing", "output.json/x", "..%2Foutput"):
        problem(await caster.get(f"{base}/{name}"), 404, "ARTIFACT_NOT_FOUND")
    answer = await caster.post(f"{base}:link", json={"name": "nothing"})
    problem(answer, 404, "ARTIFACT_NOT_FOUND")


async def test_a_foreign_account_sees_no_artifacts(
    caster: Caster, stranger: Caster, cast: Json
) -> None:
    base = cast["links"]["artifacts"]
    for path in (base, f"{base}/output.json"):
        assert (await caster.get(path)).status_code == 200
        problem(await stranger.get(path), 404, "CAST_NOT_FOUND")
    refused = await stranger.post(f"{base}:link", json={"name": "output.json"})
    problem(refused, 404, "CAST_NOT_FOUND")


async def test_a_failed_cast_has_none(platform: WholePlatform, caster: Caster) -> None:
    cast = await caster.ended(await platform.spell("traps"))
    assert (await caster.get(cast["links"]["artifacts"])).json() == {"items": []}
    answer = await caster.get(f"{cast['links']['artifacts']}/output.json")
    problem(answer, 404, "ARTIFACT_NOT_FOUND")


async def test_after_its_time_an_artifact_is_expired_everywhere_and_the_receipt_stays(
    platform: WholePlatform, caster: Caster, cast: Json
) -> None:
    links = [await linked(caster, cast)]
    async with platform.database.transaction() as connection:
        await connection.execute(
            text("UPDATE casts SET finished_at = finished_at - interval '31 days' WHERE id = :id"),
            {"id": cast["cast_id"]},
        )
    base = cast["links"]["self"]
    for path in (f"{base}/output", f"{base}/artifacts/output.json", *links):
        problem(await caster.get(path), 410, "ARTIFACT_EXPIRED")
    document = (await caster.get(base)).json()
    assert document["result"] is None
    assert document["result_artifact"]["link"] is None
    assert (await caster.get(f"{base}/artifacts")).json() == {"items": []}
    assert (await caster.get(f"{base}/receipt")).status_code == 200


async def test_the_command_lists_and_gets_what_a_cast_left(
    platform: WholePlatform, caster: Caster, cast: Json, tmp_path: Path
) -> None:
    await leave(platform, cast, "build/report.pdf", PDF)
    shell, cast_id = Shell.of(caster, tmp_path), cast["cast_id"]
    listed = await shell.spell("artifacts", "list", cast_id)
    assert listed.code == 0, listed.stderr
    assert "build/report.pdf" in listed.stdout
    got = await shell.spell("artifacts", "get", cast_id, "build/report.pdf", "-o", "a.pdf")
    assert got.code == 0, got.stderr
    assert named(tmp_path, "a.pdf") == {"a.pdf": PDF}
    assert (await shell.spell("artifacts", "get", cast_id)).stdout == '"hello"'
    missing = await shell.spell("artifacts", "get", cast_id, "nothing", "-o", "b.pdf")
    assert (missing.code, named(tmp_path, "b.pdf")) == (3, {})
    assert "ARTIFACT_NOT_FOUND" in missing.stderr


async def test_the_command_fetches_a_large_result(
    platform: WholePlatform, caster: Caster, tmp_path: Path
) -> None:
    shell, echo = Shell.of(caster, tmp_path), await platform.spell("echo")
    inputs = json.dumps(LARGE).encode()
    said = await shell.spell("cast", echo, "-", "--out", "result.json", stdin=inputs)
    assert said.code == 0, said.stderr
    assert json.loads((tmp_path / "result.json").read_text("utf-8")) == LARGE

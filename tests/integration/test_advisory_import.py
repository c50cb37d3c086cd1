"""Goal: imports bring in what is new, all at once or not at all, and say what they did."""

import asyncio
import json
import zipfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from temporalio.testing import ActivityEnvironment

from activities.advisories import AdvisoryActivities
from infra.embedded.platform import EmbeddedPlatform
from infra.postgres import Database
from infra.supply_chain.advisories import bucket as bucket_module
from infra.supply_chain.advisories import fetching, postgres_advisories
from infra.supply_chain.advisories.archives import AdvisorySourceError, Entry, Source
from infra.supply_chain.advisories.bucket import BucketImporter
from infra.supply_chain.advisories.importing import import_sources
from infra.supply_chain.advisories.postgres_advisories import PostgresAdvisories
from infra.supply_chain.advisories.unconfigured import UnconfiguredImporter
from schema.contracts.advisories import ImportOrder
from schema.errors import SpellError
from tests.support.advisories import component, fresh_database, import_path
from tests.support.osv import CRITICAL, HIGH, OsvServer, a_record, osv_server, write_archive

PURL = "pkg:pypi/leftpad@1.0"


@pytest.fixture
async def empty(servers: EmbeddedPlatform) -> AsyncIterator[Database]:
    async with fresh_database(servers) as database:
        yield database


@pytest.fixture
def osv() -> Iterator[OsvServer]:
    with osv_server() as server:
        yield server


async def ids_of(database: Database, purl: str = PURL) -> list[str]:
    return [hit.advisory_id for hit in await PostgresAdvisories(database).match([component(purl)])]


def a_source(name: str, *records: dict[str, Any], then: Exception | None = None) -> Source:
    def entries() -> Iterator[Entry]:
        for record in records:
            yield Entry(record["id"], json.dumps(record).encode())
        if then is not None:
            raise then

    return Source(name, None, entries)


async def test_before_the_first_import_there_is_no_snapshot(empty: Database) -> None:
    snapshot = await PostgresAdvisories(empty).snapshot()
    assert (snapshot.id, snapshot.taken_at) == ("none", None)


async def test_an_import_that_finds_nothing_new_makes_no_snapshot(
    empty: Database, tmp_path: Path
) -> None:
    path = write_archive(tmp_path / "PyPI" / "all.zip", [a_record("X-1"), a_record("X-2")])
    first = await import_path(empty, path)
    again = await import_path(empty, path)
    assert (first.changed, again.changed) == (True, False)
    assert first.snapshot.id.endswith("#1")
    assert again.snapshot.id == first.snapshot.id
    assert (again.snapshot.checked_at or 0) > (first.snapshot.checked_at or 0)  # type: ignore[operator]
    assert [one.written for one in (*first.sources, *again.sources)] == [2, 0]
    assert first.snapshot.records == 2
    assert first.snapshot.sources["PyPI"]["unscored"] == 2


async def test_a_changed_record_takes_the_place_of_the_old_and_an_older_one_does_not(
    empty: Database, tmp_path: Path
) -> None:
    newer = a_record("X-1", modified="2026-02-01T00:00:00Z", vector=HIGH)
    older = a_record("X-1", modified="2026-01-01T00:00:00Z", vector=CRITICAL)
    for record in (older, newer, older):
        await import_path(empty, write_archive(tmp_path / "all.zip", [record]))
    (hit,) = await PostgresAdvisories(empty).match([component(PURL)])
    assert hit.score == 7.5


async def test_the_newest_of_two_in_one_archive_counts(empty: Database, tmp_path: Path) -> None:
    newer = a_record("X-1", modified="2026-02-01T00:00:00Z", vector=HIGH)
    older = a_record("X-1", vector=CRITICAL)
    source = a_source("two", newer, older)
    await import_sources(empty, [source], full=True, note=lambda _: None)
    (hit,) = await PostgresAdvisories(empty).match([component(PURL)])
    assert hit.score == 7.5


async def test_a_withdrawal_ends_a_hit_and_takes_its_group_apart(
    empty: Database, tmp_path: Path
) -> None:
    bridge = a_record("B-1", aliases=["A-1", "C-1"])
    records = [a_record("A-1"), a_record("C-1"), bridge]
    await import_path(empty, write_archive(tmp_path / "all.zip", records))
    assert await ids_of(empty) == ["A-1"]
    gone = {**bridge, "modified": "2026-02-01T00:00:00Z", "withdrawn": "2026-02-01T00:00:00Z"}
    report = await import_path(empty, write_archive(tmp_path / "all.zip", [gone]))
    assert report.changed
    assert await ids_of(empty) == ["A-1", "C-1"]


async def test_bad_records_are_counted_and_named_and_stop_nothing(
    empty: Database, tmp_path: Path
) -> None:
    path = write_archive(
        tmp_path / "all.zip",
        [a_record("X-1")],
        broken=b"{",
        nul=json.dumps(a_record("X-2", summary="\0")).encode(),
        wrong=b'{"id": 7}',
    )
    (report,) = (await import_path(empty, path)).sources
    assert (report.seen, report.written, report.bad) == (4, 1, 3)
    assert {bad.name for bad in report.bad_records} == {"broken.json", "nul.json", "wrong.json"}
    assert all(bad.cause for bad in report.bad_records)


async def test_of_a_source_that_breaks_in_the_middle_nothing_is_kept(empty: Database) -> None:
    broken = a_source(
        "broken", *(a_record(f"X-{n}") for n in range(1500)), then=AdvisorySourceError("torn")
    )
    whole = a_source("whole", a_record("Y-1"))
    report = await import_sources(empty, [broken, whole], full=True, note=lambda _: None)
    assert report.failed == {"broken": "torn"}
    assert [one.source for one in report.sources] == ["whole"]
    assert await ids_of(empty) == ["Y-1"]


async def test_readers_see_all_of_an_import_or_nothing(empty: Database) -> None:
    await import_sources(empty, [a_source("s", a_record("X-0"))], full=True, note=lambda _: None)
    under_way, go_on = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def entries() -> Iterator[Entry]:
        for number in range(2000):
            if number == 1500:
                loop.call_soon_threadsafe(under_way.set)
                asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result(30)
            record = a_record(f"X-{number}", modified="2026-03-01T00:00:00Z")
            yield Entry(record["id"], json.dumps(record).encode())

    source = Source("s", None, entries)
    importing = asyncio.create_task(import_sources(empty, [source], full=True, note=lambda _: None))
    await under_way.wait()
    reader = PostgresAdvisories(empty)
    assert await ids_of(empty) == ["X-0"]
    assert (await reader.snapshot()).id.endswith("#1")
    go_on.set()
    report = await importing
    assert len(await ids_of(empty)) == 2000
    assert (await reader.snapshot()).id == report.snapshot.id
    assert report.snapshot.id.endswith("#2")


async def test_two_imports_at_once_take_turns(empty: Database) -> None:
    one = a_source("one", *(a_record(f"X-{n}", aliases=["CVE-1"]) for n in range(300)))
    two = a_source("two", *(a_record(f"Y-{n}", aliases=["CVE-1"]) for n in range(300)))
    await asyncio.gather(
        *(import_sources(empty, [each], full=True, note=lambda _: None) for each in (one, two))
    )
    assert await ids_of(empty) == ["CVE-1"]
    assert (await PostgresAdvisories(empty).snapshot()).id.endswith("#2")


async def test_an_incremental_import_takes_only_what_is_newer(
    empty: Database, tmp_path: Path
) -> None:
    path = tmp_path / "PyPI" / "all.zip"
    await import_path(empty, write_archive(path, [a_record("X-1")]))
    newer = a_record("X-2", modified="2026-02-01T00:00:00Z")
    late = a_record("X-3", modified="2025-12-31T00:00:00Z")
    report = await import_path(empty, write_archive(path, [newer, late]), full=False)
    assert report.sources[0].written == 1
    assert await ids_of(empty) == ["X-1", "X-2"]
    assert (await import_path(empty, path)).sources[0].written == 1


async def test_a_bucket_is_read_whole_and_then_by_its_list_of_changes(
    empty: Database, osv: OsvServer, tmp_path: Path
) -> None:
    archive = write_archive(tmp_path / "all.zip", [a_record("X-1")])
    osv.files["/PyPI/all.zip"] = archive.read_bytes()
    activities = AdvisoryActivities(BucketImporter(empty, osv.url, ["PyPI"]))
    beats: list[Any] = []
    environment = ActivityEnvironment()
    environment.on_heartbeat = lambda *details: beats.append(details)
    first = await environment.run(activities.import_advisories, ImportOrder())
    assert (first.changed, osv.asked) == (True, ["/PyPI/all.zip"])
    assert beats

    newer = a_record("X-2", modified="2026-02-01T00:00:00Z")
    osv.asked.clear()
    osv.files["/PyPI/X-2.json"] = json.dumps(newer).encode()
    osv.files["/PyPI/modified_id.csv"] = b"2026-02-01T00:00:00Z,X-2\n2026-01-01T00:00:00Z,X-1\n"
    second = await environment.run(activities.import_advisories, ImportOrder())
    assert second.changed
    assert osv.asked == ["/PyPI/modified_id.csv", "/PyPI/X-2.json"]
    assert await ids_of(empty) == ["X-1", "X-2"]

    third = await environment.run(activities.import_advisories, ImportOrder())
    assert not third.changed
    assert third.snapshot.id == second.snapshot.id


async def test_many_changes_are_fetched_as_the_archive(
    empty: Database, osv: OsvServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bucket_module, "CHANGES_FETCHED_MAX", 1)
    osv.files["/PyPI/all.zip"] = write_archive(tmp_path / "a.zip", [a_record("X-1")]).read_bytes()
    importer = BucketImporter(empty, osv.url, ["PyPI"])
    await importer.import_advisories(full=False, note=lambda _: None)
    osv.files["/PyPI/modified_id.csv"] = b"2026-03-01T00:00:00Z,X-2\n2026-02-01T00:00:00Z,X-3\n"
    await importer.import_advisories(full=False, note=lambda _: None)
    assert osv.asked.count("/PyPI/all.zip") == 2


@pytest.mark.parametrize("changes", [b"nonsense", b"\xff", b"2026-03-01T00:00:00Z,../../x\n"])
async def test_a_list_of_changes_that_nobody_can_read_is_not_used(
    empty: Database, osv: OsvServer, tmp_path: Path, changes: bytes
) -> None:
    osv.files["/PyPI/all.zip"] = write_archive(tmp_path / "a.zip", [a_record("X-1")]).read_bytes()
    importer = BucketImporter(empty, osv.url, ["PyPI"])
    await importer.import_advisories(full=False, note=lambda _: None)
    osv.files["/PyPI/modified_id.csv"] = changes
    await importer.import_advisories(full=False, note=lambda _: None)
    assert osv.asked.count("/PyPI/all.zip") == 2


async def test_one_ecosystem_that_is_away_does_not_keep_the_others_out(
    empty: Database, osv: OsvServer, tmp_path: Path
) -> None:
    osv.files["/PyPI/all.zip"] = write_archive(tmp_path / "a.zip", [a_record("X-1")]).read_bytes()
    importer = BucketImporter(empty, osv.url, ["PyPI", "npm", "../etc"])
    report = await importer.import_advisories(full=False, note=lambda _: None)
    assert set(report.failed) == {"npm", "../etc"}
    assert "404" in report.failed["npm"]
    assert await ids_of(empty) == ["X-1"]


@pytest.mark.parametrize(
    "url", ["", "ftp://127.0.0.1", "http://advisories.example", "file:///etc", "http://127.0.0.1:1"]
)
async def test_without_a_source_that_answers_the_import_fails(empty: Database, url: str) -> None:
    importer = BucketImporter(empty, url, ["PyPI"])
    with pytest.raises(SpellError) as caught:
        await importer.import_advisories(full=False, note=lambda _: None)
    assert caught.value.code == "SERVICE_UNAVAILABLE"
    assert set(caught.value.details["sources"]) == {"PyPI"}


async def test_without_a_source_the_snapshot_stays_and_nothing_fails(
    empty: Database, osv: OsvServer, tmp_path: Path
) -> None:
    osv.files["/PyPI/all.zip"] = write_archive(tmp_path / "a.zip", [a_record("X-1")]).read_bytes()
    before = await BucketImporter(empty, osv.url, ["PyPI"]).import_advisories(
        full=False, note=lambda _: None
    )
    report = await UnconfiguredImporter(empty).import_advisories(full=False, note=lambda _: None)
    assert report.snapshot == before.snapshot
    assert not report.changed


async def test_a_body_without_end_is_cut(osv: OsvServer, tmp_path: Path) -> None:
    osv.files["/big"] = b"x" * 200_000
    async with fetching.opened_client(osv.url) as client:
        with pytest.raises(AdvisorySourceError, match="more than"):
            await fetching.fetch(client, "GET", "/big", bytes_max=100_000, seconds_max=10)
        with pytest.raises(AdvisorySourceError, match="more than"):
            await fetching.download(
                client,
                "/big",
                tmp_path / "big",
                bytes_max=100_000,
                seconds_max=10,
                told=lambda _: None,
            )
    assert (tmp_path / "big").stat().st_size <= 100_000


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE advisory_snapshots SET records = 0",
        "DELETE FROM advisory_snapshots",
        "TRUNCATE advisory_snapshots",
    ],
)
async def test_a_snapshot_cannot_be_told_otherwise(
    empty: Database, tmp_path: Path, statement: str
) -> None:
    await import_path(empty, write_archive(tmp_path / "all.zip", [a_record("X-1")]))
    with pytest.raises(DBAPIError, match="append-only"):
        async with empty.transaction() as connection:
            await connection.execute(text(statement))


async def test_a_folder_of_one_archive_that_is_none_fails_by_name(
    empty: Database, tmp_path: Path
) -> None:
    (tmp_path / "PyPI").mkdir()
    (tmp_path / "PyPI" / "all.zip").write_bytes(b"not a zip")
    with zipfile.ZipFile(tmp_path / "ok.zip", "w") as archive:
        archive.writestr("X-1.json", json.dumps(a_record("X-1")))
    report = await import_path(empty, tmp_path)
    assert "no zip archive" in report.failed["PyPI"]
    assert not report.changed
    assert report.snapshot.id == "none"


async def test_somebodys_build_of_a_python_release_has_what_the_release_has(
    empty: Database, tmp_path: Path
) -> None:
    last = a_record("X-1", events=[{"introduced": "0"}, {"last_affected": "1.0"}])
    listed = a_record("X-2", events=[], versions=["1.0"])
    await import_path(empty, write_archive(tmp_path / "PyPI" / "all.zip", [last, listed]))
    assert await ids_of(empty, "pkg:pypi/leftpad@1.0%2Bcu118") == ["X-1", "X-2"]
    apart = component("pkg:pypi/leftpad").model_copy(update={"version": "1.0+cu118"})
    assert len(await PostgresAdvisories(empty).match([apart])) == 2
    assert await ids_of(empty, "pkg:pypi/leftpad@1.1%2Bcu118") == []


async def test_components_with_more_advisories_than_fit_in_memory_are_refused(
    empty: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = [a_record(f"X-{number}") for number in range(10)]
    await import_path(empty, write_archive(tmp_path / "PyPI" / "all.zip", records))
    monkeypatch.setattr(postgres_advisories, "CANDIDATES_MAX", 100)
    versions = [component(f"pkg:pypi/leftpad@1.{number}") for number in range(11)]
    assert len(await PostgresAdvisories(empty).match(versions[:10])) == 100
    with pytest.raises(SpellError, match="PAYLOAD_TOO_LARGE") as caught:
        await PostgresAdvisories(empty).match(versions)
    assert not caught.value.kind.retryable

"""OSV's bucket, or a mirror of it: `<ecosystem>/all.zip`, `/modified_id.csv` and `/<id>.json`.

(google.github.io/osv.dev/data) The list of changes has one line a record, the newest first:
`2026-11-25T10:00:00Z,PYSEC-2026-1`. A few changes are fetched one by one, many as the archive.
"""

import asyncio
import re
from collections.abc import Coroutine, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

import httpx
from sqlalchemy import text

from infra.postgres import Database
from infra.supply_chain.advisories.archives import (
    ARCHIVE_BYTES_MAX,
    AdvisorySourceError,
    Entry,
    Source,
    archive_source,
)
from infra.supply_chain.advisories.fetching import download, fetch, opened_client
from infra.supply_chain.advisories.importing import Note, import_sources
from infra.supply_chain.advisories.records import RECORD_BYTES_MAX, RECORD_ID
from schema.contracts.advisories import ImportReport
from schema.errors import SpellError

CHANGES_FETCHED_MAX = 500
_LIST_BYTES_MAX = 256 * 1024**2
_ARCHIVE_SECONDS_MAX = 1_800
_RECORD_SECONDS_MAX = 60
_AT_A_TIME = 8
_ECOSYSTEM = re.compile(r"[A-Za-z0-9][A-Za-z0-9 .:-]{0,63}")
_SINCE = text("SELECT newest_modified FROM advisory_sources WHERE name = :name")


class BucketImporter:
    """Imports from a bucket. Fits the port `AdvisoryImporter`.

    Args:
        database: where advisories are kept.
        url: of the bucket, https; empty when there is none.
        ecosystems: its folders that are imported.
    """

    def __init__(self, database: Database, url: str, ecosystems: Sequence[str]) -> None:
        self._database = database
        self._url = url
        self._ecosystems = ecosystems

    async def import_advisories(self, *, full: bool, note: Note) -> ImportReport:
        """Read every ecosystem; those that fail are named in the report.

        Raises:
            SpellError: SERVICE_UNAVAILABLE, none could be read.
        """
        with TemporaryDirectory(prefix="spell-advisories-") as folder:
            sources, failed = await self._fetch(Path(folder), full=full, note=note)
            if failed and not sources:
                raise _unavailable(failed)
            report = await import_sources(self._database, sources, full=full, note=note)
        if failed and len(report.failed) == len(sources):
            raise _unavailable(failed | report.failed)
        return report.model_copy(update={"failed": failed | report.failed})

    async def _fetch(
        self, folder: Path, *, full: bool, note: Note
    ) -> tuple[list[Source], dict[str, str]]:
        sources: list[Source] = []
        failed: dict[str, str] = {}
        for number, name in enumerate(self._ecosystems):
            note(f"{name}: fetching")
            try:
                async with opened_client(self._url) as client:
                    since = None if full else await self._newest(name)
                    sources.append(
                        await _source(client, name, since, folder / f"{number}.zip", note)
                    )
            except AdvisorySourceError as error:
                failed[name] = str(error)
        return sources, failed

    async def _newest(self, ecosystem: str) -> datetime | None:
        async with self._database.reading() as connection:
            row = (await connection.execute(_SINCE, {"name": ecosystem})).one_or_none()
        return None if row is None else row.newest_modified


async def _source(
    client: httpx.AsyncClient, ecosystem: str, since: datetime | None, target: Path, note: Note
) -> Source:
    """What is new in an ecosystem since then, or all of it."""
    if not _ECOSYSTEM.fullmatch(ecosystem):
        raise AdvisorySourceError("this is no name of an ecosystem")
    path = f"/{quote(ecosystem)}"
    if since is not None:
        ids = await _changed_ids(client, path, since)
        if ids is not None and len(ids) <= CHANGES_FETCHED_MAX:
            entries = await _records(client, path, ids, note)
            return Source(ecosystem, None, lambda: iter(entries))
    await download(
        client,
        f"{path}/all.zip",
        target,
        bytes_max=ARCHIVE_BYTES_MAX,
        seconds_max=_ARCHIVE_SECONDS_MAX,
        told=lambda size: note(f"{ecosystem}: {size:,} bytes"),
    )
    return archive_source(target, ecosystem)


async def _changed_ids(client: httpx.AsyncClient, path: str, since: datetime) -> list[str] | None:
    """Ids of records newer than that; None when the bucket keeps no list that can be read."""
    content = await fetch(
        client,
        "GET",
        f"{path}/modified_id.csv",
        bytes_max=_LIST_BYTES_MAX,
        seconds_max=_ARCHIVE_SECONDS_MAX,
    )
    if content is None:
        return None
    try:
        lines = [line.split(",", 1) for line in content.decode().splitlines() if line.strip()]
        newer = [name for moment, name in lines if _moment(moment) > since]
    except (ValueError, OverflowError):
        return None
    return newer if all(RECORD_ID.fullmatch(name) for name in newer) else None


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


async def _records(
    client: httpx.AsyncClient, path: str, ids: Sequence[str], note: Note
) -> list[Entry]:
    turns = asyncio.Semaphore(_AT_A_TIME)

    async def one(name: str) -> Entry:
        async with turns:
            content = await fetch(
                client,
                "GET",
                f"{path}/{quote(name)}.json",
                bytes_max=RECORD_BYTES_MAX,
                seconds_max=_RECORD_SECONDS_MAX,
            )
            note(f"{name}: fetched")
        if content is None:
            return Entry(name, cause="listed as changed, but not there")
        return Entry(name, content)

    return await _all_or_none([one(name) for name in ids])


async def _all_or_none(fetches: Iterable[Coroutine[Any, Any, Entry]]) -> list[Entry]:
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(each) for each in fetches]
    except* AdvisorySourceError as errors:
        raise AdvisorySourceError(str(errors.exceptions[0])) from errors
    return [task.result() for task in tasks]


def _unavailable(failed: dict[str, str]) -> SpellError:
    message = "No source of advisories could be read."
    return SpellError("SERVICE_UNAVAILABLE", message, details={"sources": failed}, retry_after=60)

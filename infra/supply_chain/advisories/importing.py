"""Imports advisories: reads sources, writes what is new, and makes the snapshot of it."""

import asyncio
import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.postgres import Database, as_jsonb
from infra.repositories.supply_chain_log import append_entry
from infra.supply_chain.advisories.archives import AdvisorySourceError, Entry, Source
from infra.supply_chain.advisories.postgres_advisories import read_snapshot
from infra.supply_chain.advisories.records import BadRecordError, read_record
from infra.supply_chain.advisories.stored import StoredAdvisory
from infra.supply_chain.advisories.storing import AdvisoryWriter, writing
from schema.contracts.advisories import BadRecord, ImportReport, SourceReport
from schema.contracts.supply_chain_log import PLATFORM_ACTOR, DeedKind, LogEntry

_BATCH = 1_000
_BAD_RECORDS_NAMED = 50
_SOURCE = text("SELECT newest_modified FROM advisory_sources WHERE name = :name")
_CHECKED = text(
    "INSERT INTO advisory_sources (name, newest_modified, digest)"
    " VALUES (:name, :newest_modified, :digest)"
    " ON CONFLICT (name) DO UPDATE SET checked_at = now(), digest = excluded.digest,"
    " newest_modified = greatest(advisory_sources.newest_modified, excluded.newest_modified)"
)
_COUNTS = text(
    "SELECT coalesce(jsonb_object_agg(source, jsonb_build_object("
    " 'records', records, 'withdrawn', withdrawn, 'unscored', unscored,"
    " 'newest_modified', newest, 'digest', digest)), '{}') AS sources FROM ("
    " SELECT a.source, count(*) AS records, count(a.withdrawn_at) AS withdrawn,"
    " count(*) FILTER (WHERE a.score IS NULL AND a.withdrawn_at IS NULL) AS unscored,"
    " max(a.modified_at) AS newest, max(s.digest) AS digest"
    " FROM advisories a LEFT JOIN advisory_sources s ON s.name = a.source GROUP BY a.source"
    ") AS counted"
)
_TAKE = text(
    "INSERT INTO advisory_snapshots (number, records, sources)"
    " SELECT coalesce(max(number), 0) + 1, :records, CAST(:sources AS jsonb)"
    " FROM advisory_snapshots RETURNING number"
)

Note = Callable[[str], None]


@dataclass
class _Tally:
    """A source's report while it is read."""

    source: str
    digest: str | None
    seen: int = 0
    written: int = 0
    bad: int = 0
    bad_records: list[BadRecord] = field(default_factory=list)
    git_ranges: int = 0
    newest_modified: datetime | None = None

    def refuse(self, name: str, cause: str) -> None:
        self.bad += 1
        if len(self.bad_records) < _BAD_RECORDS_NAMED:
            self.bad_records.append(BadRecord(name=name[:200], cause=cause[:300]))

    def report(self) -> SourceReport:
        return SourceReport(**vars(self))


async def import_sources(
    database: Database, sources: Iterable[Source], *, full: bool, note: Note
) -> ImportReport:
    """Bring in the records of the sources; nobody sees a part of it.

    Args:
        database: where advisories are kept.
        sources: each is read once, in order. One that turns out to be unreadable is left out, and
            nothing of it is kept.
        full: look at every record; otherwise only at those newer than any the source had before.
        note: is told how far it is, now and then, from the event loop.
    """
    tallies: list[_Tally] = []
    failed: dict[str, str] = {}
    async with writing(database) as (writer, connection):
        before = await read_snapshot(connection)
        for source in sources:
            try:
                async with connection.begin_nested():
                    tallies.append(await _import_one(connection, writer, source, full, note))
            except AdvisorySourceError as error:
                failed[source.name] = str(error)
        changed = any(tally.written for tally in tallies) or (before.id == "none" and bool(tallies))
        if changed:
            note("alias groups")
            await _take_snapshot(connection, await writer.regroup())
        return ImportReport(
            snapshot=await read_snapshot(connection),
            changed=changed,
            sources=[tally.report() for tally in tallies],
            failed=failed,
        )


async def _import_one(
    connection: AsyncConnection, writer: AdvisoryWriter, source: Source, full: bool, note: Note
) -> _Tally:
    tally = _Tally(source.name, source.digest)
    row = (await connection.execute(_SOURCE, {"name": source.name})).one_or_none()
    since = None if full or row is None else row.newest_modified
    entries = source.entries()
    # Read beside the loop: a thousand records are a tenth of a second of parsing.
    while batch := await asyncio.to_thread(_next_batch, entries):
        advisories = await asyncio.to_thread(_read_batch, batch, tally)
        fresh = [one for one in advisories if since is None or one.modified_at > since]
        tally.written += await writer.write(fresh)
        note(f"{source.name}: {tally.seen:,} records")
    checked = {
        "name": source.name,
        "newest_modified": tally.newest_modified,
        "digest": source.digest,
    }
    await connection.execute(_CHECKED, checked)
    return tally


async def _take_snapshot(connection: AsyncConnection, records: int) -> None:
    sources = (await connection.execute(_COUNTS)).scalar_one()
    taken = {"records": records, "sources": as_jsonb(sources)}
    number = (await connection.execute(_TAKE, taken)).scalar_one()
    entry = LogEntry(
        reference=f"advisories_imported:{number}",
        kind=DeedKind.ADVISORIES_IMPORTED,
        actor=PLATFORM_ACTOR,
        details={"snapshot": number, "records": records, "sources": sources},
    )
    await append_entry(connection, entry)


def _next_batch(entries: Iterator[Entry]) -> list[Entry]:
    return list(itertools.islice(entries, _BATCH))


def _read_batch(batch: list[Entry], tally: _Tally) -> list[StoredAdvisory]:
    found = []
    for entry in batch:
        tally.seen += 1
        if entry.cause is not None:
            tally.refuse(entry.name, entry.cause)
            continue
        try:
            one = read_record(entry.content, source=tally.source)
        except BadRecordError as error:
            tally.refuse(entry.name, str(error))
            continue
        found.append(one)
        tally.git_ranges += one.git_ranges
        tally.newest_modified = max(tally.newest_modified or one.modified_at, one.modified_at)
    return found

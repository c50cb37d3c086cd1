"""OSV's HTTP API as a source of matches. Fits the port `Advisories`.

(google.github.io/osv.dev/api) One `/v1/querybatch` asks for many packages, `/v1/vulns/{id}` reads
the records that it names. Nothing is kept: each match asks anew, and its snapshot is the day.

What the API names for a version that can be ordered is a hit, also where our own reading of the
ranges would differ; a version that cannot is undecided here, as everywhere.
"""

import asyncio
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

import httpx

from infra.supply_chain.advisories.archives import AdvisorySourceError
from infra.supply_chain.advisories.fetching import fetch, opened_client
from infra.supply_chain.advisories.groups import Group, group_by_alias
from infra.supply_chain.advisories.matching import Candidate, hits_of
from infra.supply_chain.advisories.packages import Package
from infra.supply_chain.advisories.postgres_advisories import packages_of, uncovered_purls
from infra.supply_chain.advisories.records import (
    RECORD_BYTES_MAX,
    RECORD_ID,
    BadRecordError,
    read_record,
)
from infra.supply_chain.advisories.stored import StoredAdvisory
from infra.supply_chain.advisories.versions import (
    UnreadableVersionError,
    canonical_version,
    read_version,
    scheme_of,
)
from schema.contracts.bill import Component
from schema.contracts.supply_chain import AdvisoryHit, Snapshot
from schema.errors import SpellError

_QUERIES_MAX = 1_000
_PAGES_MAX = 100
_ANSWER_BYTES_MAX = 64 * 1024**2
_SECONDS_MAX = 60
_AT_A_TIME = 8
_SCORED_ELSEWHERE = ("GHSA-", "CVE-")


class OsvApiAdvisories:
    """Matches by asking.

    Args:
        url: of the API, https.
        now: the clock that dates what is answered.
    """

    def __init__(self, url: str, now: Callable[[], datetime]) -> None:
        self._url = url
        self._now = now

    async def snapshot(self) -> Snapshot:
        """What is asked now: there is no number, since nobody keeps what was answered."""
        now = self._now()
        return Snapshot(id=f"{now:%Y-%m-%d}#osv-api", taken_at=now, checked_at=now)

    async def match(self, components: Sequence[Component]) -> list[AdvisoryHit]:
        """Every vulnerability that one of the components has, each alias group once.

        Raises:
            SpellError: SERVICE_UNAVAILABLE, the API does not answer as it should.
        """
        packages = packages_of(components)
        try:
            async with opened_client(self._url) as client:
                return await _Asking(client).hits(packages)
        except AdvisorySourceError as error:
            raise SpellError("SERVICE_UNAVAILABLE", str(error), retry_after=60) from error

    def uncovered(self, components: Sequence[Component]) -> list[str]:
        """The purls of components that no advisory can speak of, whoever is asked."""
        return uncovered_purls(components)


class _Asking:
    """One match, over one client."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self._turns = asyncio.Semaphore(_AT_A_TIME)

    async def hits(self, packages: Sequence[Package]) -> list[AdvisoryHit]:
        found = await self._query(packages)
        records = await self._read({name for ids in found.values() for name in ids})
        others = {
            alias
            for one in records.values()
            if one.score is None
            for alias in one.aliases
            if alias.startswith(_SCORED_ELSEWHERE) and alias not in records
        }
        # A record without a score may have one under another name.
        records |= await self._read(others)
        live = [one for one in records.values() if one.withdrawn_at is None]
        groups = {name: group for group in group_by_alias(live) for name in group.members}
        return hits_of(
            candidate
            for place, ids in found.items()
            for name in ids
            if name in groups
            for candidate in _candidates(packages[place], records[name], groups[name])
        )

    async def _query(self, packages: Sequence[Package]) -> dict[int, set[str]]:
        """Ids of records by the place of the package they were named for."""
        found: dict[int, set[str]] = defaultdict(set)
        waiting = [(place, _query_of(package)) for place, package in enumerate(packages)]
        for _ in range(_PAGES_MAX):
            if not waiting:
                return found
            batch, waiting = waiting[:_QUERIES_MAX], waiting[_QUERIES_MAX:]
            answer = await self._json("POST", "/v1/querybatch", {"queries": [q for _, q in batch]})
            for (place, query), result in zip(batch, _results(answer, len(batch)), strict=True):
                found[place] |= _ids(result)
                if token := result.get("next_page_token"):
                    waiting.append((place, {**query, "page_token": token}))
        raise AdvisorySourceError("/v1/querybatch: pages without end")

    async def _read(self, ids: Iterable[str]) -> dict[str, StoredAdvisory]:
        async def one(name: str) -> StoredAdvisory | None:
            async with self._turns:
                path = f"/v1/vulns/{quote(name)}"
                content = await fetch(
                    self._client, "GET", path, bytes_max=RECORD_BYTES_MAX, seconds_max=_SECONDS_MAX
                )
            try:
                return None if content is None else read_record(content, source="osv-api")
            except BadRecordError as error:
                raise AdvisorySourceError(f"{path}: {error}") from error

        read = await asyncio.gather(*(one(name) for name in sorted(ids)))
        return {record.id: record for record in read if record is not None}

    async def _json(self, method: str, path: str, body: Any) -> Any:
        content = await fetch(
            self._client,
            method,
            path,
            body=body,
            bytes_max=_ANSWER_BYTES_MAX,
            seconds_max=_SECONDS_MAX,
        )
        try:
            return json.loads(content or b"")
        except (ValueError, RecursionError) as error:
            raise AdvisorySourceError(f"{path}: the answer is no JSON") from error


def _query_of(package: Package) -> dict[str, Any]:
    """One query; without a version when nobody could order it, so that all is looked at here."""
    ecosystem = package.ecosystem
    if package.release:
        ecosystem = f"{ecosystem}:{package.release}"
    query: dict[str, Any] = {"package": {"ecosystem": ecosystem, "name": package.name}}
    scheme = scheme_of(package.ecosystem)
    if package.version is None or scheme is None:
        return query
    try:
        read_version(scheme, package.version)
    except UnreadableVersionError:
        return query
    return {**query, "version": package.version}


def _results(answer: Any, expected: int) -> list[dict[str, Any]]:
    results = answer.get("results") if isinstance(answer, dict) else None
    if not isinstance(results, list) or len(results) != expected:
        raise AdvisorySourceError("/v1/querybatch: not one result for each query")
    return [result if isinstance(result, dict) else {} for result in results]


def _ids(result: dict[str, Any]) -> set[str]:
    found = result.get("vulns") or []
    try:
        return {one["id"] for one in found if RECORD_ID.fullmatch(one["id"])}
    except (TypeError, KeyError) as error:
        raise AdvisorySourceError("/v1/querybatch: a vulnerability without an id") from error


def _candidates(package: Package, record: StoredAdvisory, group: Group) -> Iterator[Candidate]:
    decided = "version" in _query_of(package)
    version = package.version and canonical_version(package.ecosystem, package.version)
    for affected in record.packages:
        if (affected.ecosystem, affected.name) == (package.ecosystem, package.name):
            yield Candidate(
                package=package,
                release=affected.release,
                ranges=affected.ranges,
                listed=decided or version in affected.versions,
                group_id=group.id,
                ids=group.ids,
                score=group.score,
                vector=group.vector,
                summary=group.summary,
                malicious=group.malicious,
            )

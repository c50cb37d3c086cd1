"""Real OSV data (PyPA, RustSec, GitHub), where it is provided: imported, merged, matched."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from infra.embedded.platform import EmbeddedPlatform
from infra.postgres import Database
from infra.supply_chain.advisories.postgres_advisories import PostgresAdvisories
from schema.contracts.advisories import AdvisoryPolicy, ImportReport
from schema.contracts.supply_chain import Reason, Severity
from schema.supply_chain.advisory_rules import advisory_reasons
from tests.support.advisories import component, fresh_database, import_path

_DATA = Path(__file__).parents[3] / "shared/conformance/osv"
pytestmark = [
    pytest.mark.conformance,
    pytest.mark.skipif(not _DATA.is_dir(), reason="no data lies in ../shared/conformance/osv"),
]
NOW = datetime(2026, 11, 25, tzinfo=UTC)


@pytest.fixture(scope="module")
async def imported(servers: EmbeddedPlatform) -> AsyncIterator[tuple[Database, ImportReport]]:
    async with fresh_database(servers) as database:
        yield database, await import_path(database, _DATA)


async def reasons_of(database: Database, *purls: str) -> list[Reason]:
    hits = await PostgresAdvisories(database).match([component(purl) for purl in purls])
    return advisory_reasons(hits, [], NOW, AdvisoryPolicy())


async def test_every_record_is_imported(imported: tuple[Database, ImportReport]) -> None:
    _, report = imported
    found = {one.source: (one.seen, one.written, one.bad) for one in report.sources}
    assert found == {"PyPI": (2661, 2661, 0), "crates.io": (1206, 1206, 0), "GHSA": (2, 2, 0)}
    assert report.failed == {}
    assert report.sources[0].git_ranges == 1391
    assert report.snapshot.records == 2661 + 1206 + 2 - 10 - 13


async def test_withdrawn_and_unscored_records_are_counted(
    imported: tuple[Database, ImportReport],
) -> None:
    _, report = imported
    counts = {
        name: (one["records"], one["withdrawn"], one["unscored"])
        for name, one in report.snapshot.sources.items()
    }
    assert counts["PyPI"] == (2661, 10, 2452)
    # 789 without a score, 13 of them withdrawn.
    assert counts["crates.io"] == (1206, 13, 776)
    assert counts["GHSA"] == (2, 0, 0)


@pytest.mark.parametrize(
    ("purl", "advisory", "aliases", "score", "fixed_in"),
    [
        (
            "pkg:pypi/jinja2@2.10",
            "CVE-2019-10906",
            ["GHSA-462w-v97r-4m45", "PYSEC-2019-217"],
            8.6,
            "2.10.1",
        ),
        (
            "pkg:pypi/requests@2.19.0",
            "CVE-2018-18074",
            ["GHSA-x84v-xcm2-53pg", "PYSEC-2018-28"],
            7.5,
            "2.20.0",
        ),
    ],
)
async def test_what_github_scores_and_pypa_does_not_is_refused(
    imported: tuple[Database, ImportReport],
    purl: str,
    advisory: str,
    aliases: list[str],
    score: float,
    fixed_in: str,
) -> None:
    worst, *others = await reasons_of(imported[0], purl)
    assert (worst.code, worst.severity) == ("ADVISORY_CRITICAL", Severity.REFUSE)
    assert worst.details["advisory"] == advisory
    assert worst.details["aliases"] == aliases
    assert worst.details["score"] == score
    assert fixed_in in worst.details["fixed_in"]
    assert others
    assert {one.code for one in others} == {"ADVISORY_UNSCORED"}


async def test_what_is_mended_is_clean(imported: tuple[Database, ImportReport]) -> None:
    assert await reasons_of(imported[0], "pkg:pypi/requests@2.32.3", "pkg:pypi/six@1.17.0") == []


async def test_an_advisory_that_pypa_scores_itself_refuses(
    imported: tuple[Database, ImportReport],
) -> None:
    found = await reasons_of(imported[0], "pkg:pypi/urllib3@1.24")
    assert len(found) >= 7
    scores = {alias: one.details["score"] for one in found for alias in one.details["aliases"]}
    assert scores["PYSEC-2023-192"] == 8.1


@pytest.mark.parametrize(
    ("purl", "alias", "severity"),
    [
        ("pkg:cargo/time@0.1.42", "RUSTSEC-2020-0071", Severity.WARN),
        ("pkg:cargo/smallvec@0.6.2", "CVE-2018-20991", Severity.REFUSE),
        ("pkg:cargo/cassandra@0.8.1", "RUSTSEC-2016-0006", Severity.WARN),
    ],
)
async def test_crates_are_matched(
    imported: tuple[Database, ImportReport], purl: str, alias: str, severity: Severity
) -> None:
    found = {
        name: one
        for one in await reasons_of(imported[0], purl)
        for name in (one.details["advisory"], *one.details["aliases"])
    }
    assert alias in found
    assert found[alias].severity is severity


@pytest.mark.parametrize("purl", ["pkg:cargo/time@0.2.23", "pkg:cargo/smallvec@1.13.2"])
async def test_mended_crates_are_clean(imported: tuple[Database, ImportReport], purl: str) -> None:
    assert await reasons_of(imported[0], purl) == []


async def test_a_second_import_finds_nothing_new(imported: tuple[Database, ImportReport]) -> None:
    database, first = imported
    again = await import_path(database, _DATA)
    assert not again.changed
    assert again.snapshot.id == first.snapshot.id

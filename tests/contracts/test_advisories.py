"""The port `Advisories`: one suite, on what was imported into Postgres and on OSV's API.

The API is a real HTTP server that answers in OSV's shapes, two ids to a page.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from activities.supply_chain.ports import Advisories
from infra.embedded.platform import EmbeddedPlatform
from infra.supply_chain.advisories.osv_api import OsvApiAdvisories
from infra.supply_chain.advisories.postgres_advisories import PostgresAdvisories
from schema.contracts.supply_chain import AdvisoryHit
from tests.support.advisories import component, fresh_database, import_path
from tests.support.osv import CRITICAL, HIGH, MODERATE, a_record, osv_server, write_archive

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
Publish = Callable[..., Awaitable[None]]


@pytest.fixture(params=["postgres", "osv-api"])
async def played(
    request: pytest.FixtureRequest, servers: EmbeddedPlatform, tmp_path: Path
) -> AsyncIterator[tuple[Advisories, Publish]]:
    """The port, and how a test fills it."""
    if request.param == "osv-api":
        with osv_server() as server:

            async def publish_there(*records: dict[str, Any]) -> None:
                server.publish(*records)

            yield OsvApiAdvisories(server.url, lambda: NOW), publish_there
    else:
        async with fresh_database(servers) as database:

            async def publish_here(*records: dict[str, Any]) -> None:
                await import_path(database, write_archive(tmp_path / "all.zip", list(records)))

            yield PostgresAdvisories(database), publish_here


async def match(port: Advisories, *purls: str | None) -> list[AdvisoryHit]:
    return await port.match([component(purl) for purl in purls])


async def test_a_component_with_a_vulnerability_is_a_hit(
    played: tuple[Advisories, Publish],
) -> None:
    port, publish = played
    await publish(a_record("PYSEC-1", vector=HIGH, summary="What it is"))
    (hit,) = await match(port, "pkg:pypi/LeftPad@1.9")
    assert (hit.purl, hit.advisory_id) == ("pkg:pypi/LeftPad@1.9", "PYSEC-1")
    assert (hit.score, hit.vector, hit.summary) == (7.5, HIGH, "What it is")
    assert (hit.fixed_in, hit.malicious, hit.undecided) == (["2.0"], False, False)


async def test_what_is_not_affected_is_no_hit(played: tuple[Advisories, Publish]) -> None:
    port, publish = played
    await publish(a_record("PYSEC-1"))
    clean = ["pkg:pypi/leftpad@2.0", "pkg:npm/leftpad@1.0.0", "pkg:pypi/rightpad@1.0"]
    assert await match(port, *clean, None, "no purl", "pkg:generic/leftpad@1.0") == []
    assert await match(port, *clean, "pkg:pypi/leftpad@1.0") != []


async def test_nothing_is_asked_of_nothing(played: tuple[Advisories, Publish]) -> None:
    port, _ = played
    assert await port.match([]) == []


async def test_records_of_one_vulnerability_are_one_hit_with_the_highest_score(
    played: tuple[Advisories, Publish],
) -> None:
    port, publish = played
    fixed_later = [{"introduced": "0"}, {"fixed": "2.1"}]
    await publish(
        a_record("PYSEC-1", aliases=["CVE-1"]),
        a_record("GHSA-1", aliases=["CVE-1"], vector=MODERATE, events=fixed_later),
        a_record("OSV-1", aliases=["GHSA-1"], vector=CRITICAL),
    )
    (hit,) = await match(port, "pkg:pypi/leftpad@1.0")
    assert (hit.advisory_id, hit.aliases) == ("CVE-1", ["GHSA-1", "OSV-1", "PYSEC-1"])
    assert (hit.score, sorted(hit.fixed_in)) == (9.8, ["2.0", "2.1"])


async def test_a_score_may_come_from_a_record_on_another_package(
    played: tuple[Advisories, Publish],
) -> None:
    port, publish = played
    await publish(
        a_record("PYSEC-1", aliases=["CVE-1"]), a_record("CVE-1", "curl", vector=CRITICAL)
    )
    (hit,) = await match(port, "pkg:pypi/leftpad@1.0")
    assert (hit.advisory_id, hit.score) == ("CVE-1", 9.8)


async def test_withdrawn_records_do_not_count(played: tuple[Advisories, Publish]) -> None:
    port, publish = played
    await publish(
        a_record("PYSEC-1", withdrawn="2026-01-02T00:00:00Z", vector=CRITICAL),
        a_record("PYSEC-2", vector=HIGH),
    )
    assert [hit.advisory_id for hit in await match(port, "pkg:pypi/leftpad@1.0")] == ["PYSEC-2"]


async def test_more_than_a_page_of_vulnerabilities_is_found(
    played: tuple[Advisories, Publish],
) -> None:
    port, publish = played
    await publish(*(a_record(f"PYSEC-{number}") for number in range(1, 8)))
    found = await match(port, "pkg:pypi/leftpad@1.0", "pkg:pypi/leftpad@3.0")
    assert [hit.advisory_id for hit in found] == [f"PYSEC-{number}" for number in range(1, 8)]


async def test_an_explicit_list_counts_besides_the_ranges(
    played: tuple[Advisories, Publish],
) -> None:
    port, publish = played
    await publish(a_record("PYSEC-1", versions=["5.0"]))
    assert len(await match(port, "pkg:pypi/leftpad@5.0")) == 1
    assert await match(port, "pkg:pypi/leftpad@5.1") == []


@pytest.mark.parametrize("purl", ["pkg:pypi/leftpad@latest", "pkg:pypi/leftpad"])
async def test_a_version_without_order_does_not_pass_in_silence(
    played: tuple[Advisories, Publish], purl: str
) -> None:
    port, publish = played
    await publish(a_record("PYSEC-1", vector=HIGH))
    (hit,) = await match(port, purl)
    assert (hit.undecided, hit.fixed_in) == (True, [])


async def test_a_version_beside_its_purl_counts(played: tuple[Advisories, Publish]) -> None:
    port, publish = played
    await publish(a_record("PYSEC-1"))
    bare = component("pkg:pypi/leftpad")
    affected, clean, odd = (
        bare.model_copy(update={"version": version}) for version in ("1.0", "2.0", "1\0")
    )
    assert [hit.undecided for hit in await port.match([affected])] == [False]
    assert await port.match([clean]) == []
    assert [hit.undecided for hit in await port.match([odd])] == [True]


async def test_every_version_of_malware_is_malicious_whatever_it_is_called(
    played: tuple[Advisories, Publish],
) -> None:
    port, publish = played
    await publish(a_record("MAL-2026-1", events=[{"introduced": "0"}]))
    (hit,) = await match(port, "pkg:pypi/leftpad@latest")
    assert (hit.malicious, hit.undecided) == (True, False)


async def test_two_components_have_each_their_own_hit(played: tuple[Advisories, Publish]) -> None:
    port, publish = played
    await publish(a_record("PYSEC-1"))
    purls = ["pkg:pypi/leftpad@1.0", "pkg:pypi/leftpad@1.1", "pkg:pypi/leftpad@1.0"]
    assert [hit.purl for hit in await match(port, *purls)] == purls[:2]


async def test_a_snapshot_has_a_date(played: tuple[Advisories, Publish]) -> None:
    port, publish = played
    await publish(a_record("PYSEC-1"))
    snapshot = await port.snapshot()
    assert snapshot.taken_at is not None
    assert snapshot.id.startswith(f"{snapshot.taken_at:%Y-%m-%d}#")


async def test_what_no_advisories_cover_is_told_apart_from_what_has_none(
    played: tuple[Advisories, Publish],
) -> None:
    port, _ = played
    purls = ["pkg:pypi/sound@1", "pkg:pip/x@1", "pkg:deb/mint/x@1", "pkg:deb/debian/x@1", None]
    assert port.uncovered([component(purl) for purl in purls]) == [
        "pkg:pip/x@1",
        "pkg:deb/mint/x@1",
    ]

"""Goal: a record is taken as OSV means it, or refused with its cause; nothing else happens."""

import json
from itertools import pairwise
from typing import Any

import pytest

from infra.supply_chain.advisories.groups import group_by_alias
from infra.supply_chain.advisories.records import BadRecordError, read_record
from infra.supply_chain.advisories.scores import base_score, highest
from infra.supply_chain.advisories.stored import StoredAdvisory
from tests.support.osv import CRITICAL, HIGH, a_record


def read(record: Any) -> StoredAdvisory:
    return read_record(json.dumps(record).encode(), source="PyPI")


def test_a_record_is_kept_with_what_matching_needs() -> None:
    found = read(a_record("PYSEC-1", "Left_Pad", versions=["1.0.0", "1.0"], vector=HIGH))
    (package,) = found.packages
    assert (package.ecosystem, package.release, package.name) == ("PyPI", "", "left-pad")
    assert package.versions == ("1",)
    assert package.ranges[0].events == (("introduced", "0"), ("fixed", "2.0"))
    assert (found.score, found.vector, found.malicious) == (7.5, HIGH, False)


def test_ranges_of_commits_are_left_out_and_counted() -> None:
    found = read(a_record("PYSEC-1", range_type="GIT"))
    assert (found.git_ranges, found.packages) == (1, ())


def test_a_release_is_kept_apart_from_its_ecosystem() -> None:
    (package,) = read(a_record("DSA-1", ecosystem="Debian:12")).packages
    assert (package.ecosystem, package.release) == ("Debian", "12")


def test_a_stray_comma_does_not_lose_an_alias_and_what_is_none_loses_no_record() -> None:
    found = read(a_record("PYSEC-1", aliases=["GHSA-a,", " CVE-1 ", "not an id", "PYSEC-1"]))
    assert found.aliases == ("CVE-1", "GHSA-a")


def test_a_malicious_package_is_known_by_its_id() -> None:
    assert read(a_record("MAL-2026-1")).malicious


def test_a_malformed_vector_leaves_the_others() -> None:
    record = a_record("X-1", vector=HIGH)
    record["severity"].append({"type": "CVSS_V3", "score": "CVSS:3.1/AV:N"})
    record["severity"].append({"type": "CVSS_V9", "score": "high"})
    record["affected"][0]["severity"] = [{"type": "CVSS_V3", "score": CRITICAL}]
    assert read(record).score == 9.8


@pytest.mark.parametrize(
    ("kind", "vector", "score"),
    [
        ("CVSS_V2", "AV:N/AC:L/Au:N/C:N/I:N/A:C", 7.8),
        ("CVSS_V3", "CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:N/A:N", 8.6),
        ("CVSS_V4", "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", 9.3),
        ("CVSS_V3", "AV:N/AC:L/Au:N/C:N/I:N/A:C", None),
        ("CVSS_V3", "", None),
        ("CVSS_V4", "CVSS:4.0/AV:N", None),
        ("Ubuntu", "high", None),
    ],
)
def test_vectors_are_scored_by_their_version(kind: str, vector: str, score: float | None) -> None:
    assert base_score(kind, vector) == score


def test_without_a_score_there_is_no_vector() -> None:
    assert highest([("CVSS_V3", "rubbish")]) == (None, None)


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (b"", "JSON"),
        (b"[]", "object"),
        (b"\xff\xfe", "JSON"),
        (b"[" * 100_000, "JSON"),
        (b'{"id": "X-1"}', "modified"),
        (b'{"id": "../x", "modified": "2026-01-01T00:00:00Z"}', "id"),
        (b'{"id": "X-1", "modified": "yesterday"}', "modified"),
        (b'{"id": "X-1", "modified": "2026-01-01T00:00:00"}', "modified"),
        (b'{"id": "X-1", "modified": "0001-01-01T00:00:00+14:00"}', "OverflowError"),
        (b'{"id": "X-1", "modified": "2026-01-01T00:00:00Z", "summary": "a\\u0000b"}', "U\\+0000"),
        (b'{"id": "X-1", "modified": "2026-01-01T00:00:00Z", "summary": "\\ud800"}', "JSON"),
        (b'{"id": "X-1", "modified": "2026-01-01T00:00:00Z", "affected": 7}', "affected"),
        (b" " * (9 * 1024 * 1024), "larger than"),
    ],
    ids=range(13),
)
def test_a_bad_record_is_refused_with_its_cause(content: bytes, cause: str) -> None:
    with pytest.raises(BadRecordError, match=cause):
        read_record(content, source="PyPI")


def test_aliases_join_records_that_do_not_know_each_other() -> None:
    members = [
        read(a_record("PYSEC-1", aliases=["CVE-9"])),
        read(a_record("GHSA-1", aliases=["OSV-1"], vector=HIGH)),
        read(a_record("OSV-1", aliases=["CVE-9"], summary="What it is")),
        read(a_record("PYSEC-2", vector=CRITICAL)),
    ]
    groups = {group.id: group for group in group_by_alias(members)}
    assert set(groups) == {"CVE-9", "PYSEC-2"}
    assert groups["CVE-9"].ids == ("CVE-9", "GHSA-1", "OSV-1", "PYSEC-1")
    assert groups["CVE-9"].members == ("GHSA-1", "OSV-1", "PYSEC-1")
    assert (groups["CVE-9"].score, groups["CVE-9"].summary) == (7.5, "What it is")


def test_a_group_is_the_same_in_whatever_order_its_records_come() -> None:
    names = [f"X-{number}" for number in range(50)]
    chain = [read(a_record(one, aliases=[other])) for one, other in pairwise(names)]
    assert group_by_alias(chain)[0].ids == group_by_alias(chain[::-1])[0].ids
    assert len(group_by_alias(chain)) == 1

"""Goal: each vulnerability has one clock. Method: verdicts against findings."""

from datetime import UTC, datetime

import pytest

from schema.contracts.aftercare import Finding, FindingEnd
from schema.contracts.supply_chain import Reason, Severity
from schema.supply_chain.findings import compare, refuses_otherwise
from schema.supply_chain.reasons import reason

PURL = "pkg:pypi/jinja2@2.10"


def said(
    *ids: str, severity: Severity = Severity.REFUSE, purl: str = PURL, **details: object
) -> Reason:
    return reason(
        "ADVISORY_CRITICAL",
        severity=severity,
        subject=purl,
        details={"advisory": ids[0], "aliases": list(ids[1:]), **details},
    )


def found(*ids: str, purl: str = PURL) -> Finding:
    moment = datetime(2026, 11, 25, tzinfo=UTC)
    return Finding(
        id=1,
        spell_key="com.example.resize",
        version="1.0.0",
        advisory_id=ids[0],
        aliases=list(ids[1:]),
        purl=purl,
        code="ADVISORY_CRITICAL",
        message="it has",
        snapshot="2026-11-25#1",
        opened_at=moment,
        due_at=moment,
    )


def test_what_refuses_and_was_not_found_before_is_new() -> None:
    comparison = compare([said("GHSA-1"), said("GHSA-2")], [found("GHSA-2")])
    assert [one.details["advisory"] for one in comparison.new] == ["GHSA-1"]
    assert comparison.over == []


@pytest.mark.parametrize(
    ("now", "before"),
    [
        (said("CVE-1", "GHSA-1"), found("GHSA-1")),
        (said("GHSA-1"), found("CVE-1", "GHSA-1")),
        (said("A", "B"), found("C", "B")),
    ],
)
def test_the_same_vulnerability_by_another_name_is_the_same(now: Reason, before: Finding) -> None:
    comparison = compare([now], [before])
    assert (comparison.new, comparison.over) == ([], [])


def test_the_same_vulnerability_in_another_component_is_another() -> None:
    comparison = compare([said("GHSA-1", purl="pkg:pypi/other@1")], [found("GHSA-1")])
    assert len(comparison.new) == len(comparison.over) == 1


@pytest.mark.parametrize(
    ("reasons", "end"),
    [
        ([], FindingEnd.FIXED),
        ([said("GHSA-1", severity=Severity.WARN)], FindingEnd.FIXED),
        ([said("GHSA-1", severity=Severity.NOTE, exception={})], FindingEnd.EXCEPTED),
        ([said("GHSA-9", severity=Severity.NOTE, exception={})], FindingEnd.FIXED),
    ],
)
def test_a_finding_is_over_when_nothing_refuses_it(reasons: list[Reason], end: FindingEnd) -> None:
    finding = found("GHSA-1")
    assert compare(reasons, [finding]).over == [(finding, end)]


@pytest.mark.parametrize("code", ["ADVISORIES_MORE", "ADVISORIES_STALE", "SBOM_UNSUPPORTED"])
def test_a_verdict_that_could_not_look_clears_nothing(code: str) -> None:
    blind = reason(code, severity=Severity.REFUSE)
    assert compare([blind], [found("GHSA-1")]).over == []


def test_a_refusal_that_hides_no_component_keeps_no_finding_open() -> None:
    finding = found("GHSA-1")
    assert compare([reason("UNSIGNED")], [finding]).over == [(finding, FindingEnd.FIXED)]


def test_only_vulnerabilities_of_components_are_findings() -> None:
    others = [reason("UNSIGNED"), reason("LICENSE_DENIED")]
    assert compare(others, []).new == []
    assert refuses_otherwise(others)
    assert not refuses_otherwise([said("GHSA-1")])

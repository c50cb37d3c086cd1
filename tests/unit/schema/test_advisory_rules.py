"""Goal: policy and exceptions turn hits into reasons, in one way only."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from schema.contracts.advisories import AdvisoryPolicy, evidence_changed
from schema.contracts.supply_chain import (
    AdvisoryException,
    AdvisoryHit,
    Justification,
    Severity,
    Snapshot,
)
from schema.supply_chain.advisory_rules import advisory_reasons, covers, snapshot_reasons

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
POLICY = AdvisoryPolicy()
PURL = "pkg:pypi/requests@2.19.0"


def a_hit(**changes: Any) -> AdvisoryHit:
    plain = {
        "purl": PURL,
        "advisory_id": "CVE-2018-18074",
        "aliases": ["GHSA-x84v-xcm2-53pg", "PYSEC-2018-28"],
        "score": 7.5,
        "vector": "CVSS:3.1/…",
        "summary": "Leaks credentials.",
        "fixed_in": ["2.20.0"],
    }
    return AdvisoryHit(**(plain | changes))


def an_exception(**changes: Any) -> AdvisoryException:
    plain = {
        "advisory_id": "PYSEC-2018-28",
        "justification": Justification.CODE_NOT_IN_EXECUTE_PATH,
        "statement": "No redirects are followed.",
        "added_by": "acct_aaaaaaaaaaaaaaaa",
        "expires_at": NOW + timedelta(days=30),
    }
    return AdvisoryException(**(plain | changes))


@pytest.mark.parametrize(
    ("changes", "code", "severity"),
    [
        ({"score": 10.0}, "ADVISORY_CRITICAL", Severity.REFUSE),
        ({"score": 7.0}, "ADVISORY_CRITICAL", Severity.REFUSE),
        ({"score": 6.9}, "ADVISORY_MODERATE", Severity.WARN),
        ({"score": 5.0}, "ADVISORY_MODERATE", Severity.WARN),
        ({"score": 4.9}, "ADVISORY_LOW", Severity.NOTE),
        ({"score": 0.0}, "ADVISORY_LOW", Severity.NOTE),
        ({"score": None}, "ADVISORY_UNSCORED", Severity.WARN),
        ({"score": None, "malicious": True}, "MALICIOUS_PACKAGE", Severity.REFUSE),
        ({"score": 3.0, "malicious": True}, "MALICIOUS_PACKAGE", Severity.REFUSE),
        ({"score": 9.8, "undecided": True}, "UNPARSEABLE_VERSION", Severity.WARN),
        ({"malicious": True, "undecided": True}, "UNPARSEABLE_VERSION", Severity.REFUSE),
    ],
)
def test_a_score_decides_by_policy(changes: dict[str, Any], code: str, severity: Severity) -> None:
    (found,) = advisory_reasons([a_hit(**changes)], [], NOW, POLICY)
    assert (found.code, found.severity, found.subject) == (code, severity, PURL)


def test_thresholds_are_the_policys_and_its_version_says_so() -> None:
    strict = AdvisoryPolicy(refuse_score=4.0, warn_score=1.0, unscored=Severity.REFUSE)
    hits = [a_hit(score=4.5), a_hit(score=None, advisory_id="X-1")]
    found = advisory_reasons(hits, [], NOW, strict)
    assert [one.severity for one in found] == [Severity.REFUSE, Severity.REFUSE]
    assert strict.version != POLICY.version
    assert "refuse>=4" in strict.version
    assert POLICY.version == AdvisoryPolicy().version


def test_a_policy_that_warns_above_what_it_refuses_is_none() -> None:
    with pytest.raises(ValidationError, match="above"):
        AdvisoryPolicy(refuse_score=5.0, warn_score=7.0)


def test_a_reason_says_what_to_do() -> None:
    (found,) = advisory_reasons([a_hit()], [], NOW, POLICY)
    assert found.message == (
        "pkg:pypi/requests@2.19.0 has CVE-2018-18074, GHSA-x84v-xcm2-53pg, PYSEC-2018-28"
        " (CVSS 7.5): Leaks credentials. Upgrade to 2.20.0."
    )
    assert found.details["fixed_in"] == ["2.20.0"]
    assert found.details["aliases"] == ["GHSA-x84v-xcm2-53pg", "PYSEC-2018-28"]
    assert (found.details["score"], found.details["vector"]) == (7.5, "CVSS:3.1/…")


def test_the_worst_comes_first() -> None:
    hits = [a_hit(score=s, advisory_id=f"X-{i}") for i, s in enumerate([5.0, None, 9.8, 1.0, 7.0])]
    found = advisory_reasons(hits, [], NOW, POLICY)
    assert [one.details["score"] for one in found] == [9.8, 7.0, None, 5.0, 1.0]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"advisory_id": "CVE-2018-18074"},
        {"advisory_id": "GHSA-x84v-xcm2-53pg"},
        {"purl": PURL},
        {"purl": "pkg:pypi/requests"},
        {"spell_key": "com.acme.fetch"},
    ],
)
def test_an_exception_makes_a_note_that_names_who_why_and_until_when(
    changes: dict[str, Any],
) -> None:
    excepted = an_exception(**changes)
    (found,) = advisory_reasons([a_hit()], [excepted], NOW, POLICY, spell_key="com.acme.fetch")
    assert (found.code, found.severity) == ("ADVISORY_CRITICAL", Severity.NOTE)
    for said in ("acct_aaaaaaaaaaaaaaaa", "2026-12-25", "not_in_execute_path", "No redirects"):
        assert said in found.message
    assert found.details["exception"]["advisory_id"] == excepted.advisory_id


@pytest.mark.parametrize(
    "changes",
    [
        {"expires_at": NOW},
        {"expires_at": NOW - timedelta(seconds=1)},
        {"advisory_id": "CVE-2018-1807"},
        {"purl": "pkg:pypi/requests@2.19.1"},
        {"purl": "pkg:pypi/request"},
        {"purl": "pkg:npm/requests"},
        {"spell_key": "com.acme.other"},
    ],
)
def test_what_is_expired_or_about_something_else_excepts_nothing(changes: dict[str, Any]) -> None:
    excepted = an_exception(**changes)
    (found,) = advisory_reasons([a_hit()], [excepted], NOW, POLICY, spell_key="com.acme.fetch")
    assert found.severity is Severity.REFUSE
    assert "exception" not in found.details


def test_an_exception_of_one_spell_counts_for_no_unnamed_one() -> None:
    excepted = an_exception(spell_key="com.acme.fetch")
    (found,) = advisory_reasons([a_hit()], [excepted], NOW, POLICY)
    assert found.severity is Severity.REFUSE


@pytest.mark.parametrize(
    ("named", "purl", "fits"),
    [
        ("pkg:npm/%40acme/lib", "pkg:npm/%40acme/lib@1.0.0", True),
        ("pkg:npm/@acme/lib", "pkg:npm/@acme/lib@1.0.0", True),
        ("pkg:npm/@acme", "pkg:npm/@acme/lib@1.0.0", False),
        ("pkg:deb/debian/curl", "pkg:deb/debian/curl@7-1?distro=debian-12", True),
        ("pkg:pypi/six@1.0", "pkg:pypi/six@1.0.1", False),
    ],
)
def test_a_purl_without_version_means_every_version(named: str, purl: str, fits: bool) -> None:
    assert covers(named, purl) is fits


@pytest.mark.parametrize(
    "changes",
    [
        {"statement": ""},
        {"statement": "  "},
        {"statement": "two\nlines"},
        {"statement": "x" * 1001},
        {"justification": "because"},
        {"advisory_id": "' OR 1=1"},
        {"purl": "six"},
        {"expires_at": datetime(2026, 12, 1)},  # noqa: DTZ001
    ],
)
def test_an_exception_needs_a_word_of_vex_a_reason_and_an_end(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        an_exception(**changes)


def test_without_advisories_there_is_a_warning() -> None:
    (found,) = snapshot_reasons(Snapshot(id="none"), NOW, POLICY)
    assert (found.code, found.severity) == ("NO_ADVISORIES", Severity.WARN)


@pytest.mark.parametrize(("days", "codes"), [(0, []), (6, []), (8, ["ADVISORIES_STALE"])])
def test_old_advisories_warn_however_long_ago_they_changed(days: int, codes: list[str]) -> None:
    snapshot = Snapshot(
        id="2026-01-01#1",
        taken_at=datetime(2026, 1, 1, tzinfo=UTC),
        checked_at=NOW - timedelta(days=days),
    )
    assert [one.code for one in snapshot_reasons(snapshot, NOW, POLICY)] == codes


def test_only_another_snapshot_changes_the_evidence() -> None:
    one = Snapshot(id="2026-01-01#1")
    assert not evidence_changed(one, one.model_copy(update={"checked_at": NOW}))
    assert evidence_changed(one, Snapshot(id="2026-01-01#2"))

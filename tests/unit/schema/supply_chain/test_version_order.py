"""Goal: the newest version is the highest by semver.org, section 11."""

import itertools

import pytest

from schema.contracts.supply_chain import Reason, Severity
from schema.supply_chain.casting_rules import in_grace
from schema.supply_chain.reasons import reason
from schema.supply_chain.version_order import precedence

# The examples of the specification, and numbers that text would put in another order.
ASCENDING = [
    "0.9.0",
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-alpha.beta",
    "1.0.0-beta",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0-rc.1",
    "1.0.0",
    "1.2.0",
    "1.10.0",
    "2.0.0",
    "10.0.0",
]


@pytest.mark.parametrize(("lower", "higher"), list(itertools.combinations(ASCENDING, 2)))
def test_versions_are_in_the_order_of_the_specification(lower: str, higher: str) -> None:
    assert precedence(lower) < precedence(higher)


CRITICAL = reason("ADVISORY_CRITICAL")


@pytest.mark.parametrize(
    ("reasons", "castable"),
    [
        ([CRITICAL], True),
        ([CRITICAL, reason("LICENSE_MISSING", severity=Severity.WARN)], True),
        ([CRITICAL, reason("MALICIOUS_PACKAGE")], False),
        ([CRITICAL, reason("UNSIGNED")], False),
        ([], False),
    ],
    ids=["vulnerable", "with a warning", "malware", "unsigned", "no reason"],
)
def test_only_vulnerabilities_have_their_time_to_be_mended(
    reasons: list[Reason], castable: bool
) -> None:
    assert in_grace(reasons) is castable

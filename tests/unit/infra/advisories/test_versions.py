"""Goal: each ecosystem's versions are in the order its own tools put them. Method: tables."""

from itertools import combinations

import pytest

from infra.supply_chain.advisories.versions import (
    SCHEMES,
    UnreadableVersionError,
    canonical_version,
    read_version,
)

# By each ecosystem's own rules: PEP 440, semver.org, Maven's ComparableVersion, RubyGems'
# Gem::Version, NuGet's and Debian's policy, apk's and rpm's comparison, PHP's version_compare.
ORDERED = {
    "PyPI": "1.0.dev1 1.0a1 1.0a10 1.0b1 1.0rc1 1.0 1.0+local 1.0.post1 1.0.1 1.1 1.10 1!0.1",
    "npm": "1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta 1.0.0-beta.2 1.0.0-beta.11"
    " 1.0.0-rc.1 1.0.0 1.0.1 1.10.0 2.0.0",
    "crates.io": "0.0.0-0 0.0.0 0.1.0-alpha 0.1.0 0.1.10 0.2.0 1.0.0",
    "Go": "v0.0.0-20190101000000-abcdefabcdef v0.0.0-20200101000000-abcdefabcdef v0.1.0"
    " v1.0.0-rc.1 v1.0.0 v1.20.1 v2.0.0+incompatible",
    "Maven": "1.0-alpha-1 1.0-alpha-10 1.0-beta-1 1.0-milestone-1 1.0-rc-1 1.0-SNAPSHOT 1.0 1.0-sp"
    " 1.0.1 1.1 1.10 2.9.10 2.9.10.1 2.9.10.8 2.10.0",
    "RubyGems": "1.0.a9 1.0.a10 1.0.b1 1.0 1.0.1 1.10 5.0.0.1 5.0.1.rc1 5.0.1",
    "NuGet": "1.0.0-alpha 1.0.0-alpha.2 1.0.0-alpha.10 1.0.0-beta 1.0.0 1.0.0.1 1.0.1 1.10.0"
    " 1.10.0.2 1.10.0.10",
    "Packagist": "1.0.0-dev 1.0.0-alpha1 1.0.0-beta2 1.0.0-RC2 1.0.0-RC10 1.0.0 1.0.0-p1 1.0.0.9"
    " 1.0.0.10 1.0.1 v1.10.0",
    "Debian": "1.0~rc1-1 1.0-1~bpo1 1.0-1 1.0-1+deb9u1 1.0-2 1.0-10 1.0a-1 1.1-1 1:0.1-1",
    "Alpine": "1.0_alpha 1.0_beta 1.0_rc1 1.0-r0 1.0-r1 1.0-r10 1.0_p1-r0 1.0a-r0 1.0.1-r0 1.9-r0"
    " 1.10-r0",
    "Red Hat": "1.0~rc1-1 1.0-1 1.0-1.el8 1.0-2 1.0-10 1.0a-1 1.1-1 1:0.1-1",
}
PAIRS = [
    (ecosystem, older, newer)
    for ecosystem, versions in ORDERED.items()
    for older, newer in combinations(versions.split(), 2)
]


@pytest.mark.parametrize(("ecosystem", "older", "newer"), PAIRS)
def test_an_older_version_is_below_a_newer_one(ecosystem: str, older: str, newer: str) -> None:
    scheme = SCHEMES[ecosystem]
    one, other = read_version(scheme, older), read_version(scheme, newer)
    assert one < other
    assert not other < one


def test_every_ecosystem_has_an_order_that_was_tried_or_shares_one() -> None:
    tried = {SCHEMES[ecosystem].name for ecosystem in ORDERED}
    assert {scheme.name for scheme in SCHEMES.values()} == tried


@pytest.mark.parametrize("ecosystem", ORDERED)
@pytest.mark.parametrize(
    "text",
    ["", "latest", "${project.version}", "1.0\n", "1.0 ", "\0", "①", "9" * 300, "*", ">=1.0"],
)
def test_what_is_no_version_is_refused_and_not_guessed(ecosystem: str, text: str) -> None:
    with pytest.raises(UnreadableVersionError):
        read_version(SCHEMES[ecosystem], text)


@pytest.mark.parametrize(
    ("ecosystem", "one", "other"),
    [
        ("PyPI", "1.0", "1.0.0"),
        ("PyPI", "0.12.01", "0.12.1"),
        ("PyPI", "1.0RC1", "1.0.0rc1"),
        ("Go", "v1.2.3", "1.2.3"),
        ("npm", "1.2.3+build", "1.2.3"),
        ("crates.io", "1.2", "1.2.0"),
    ],
)
def test_spellings_of_one_version_are_one_in_a_list(ecosystem: str, one: str, other: str) -> None:
    assert canonical_version(ecosystem, one) == canonical_version(ecosystem, other)


@pytest.mark.parametrize(
    ("ecosystem", "one", "other"),
    [("PyPI", "1.0", "1.0.1"), ("Maven", "1.0", "1.0.0"), ("PyPI", "1.0", "1!1.0")],
)
def test_different_versions_stay_different_in_a_list(ecosystem: str, one: str, other: str) -> None:
    assert canonical_version(ecosystem, one) != canonical_version(ecosystem, other)


def test_what_cannot_be_read_stands_for_itself_in_a_list() -> None:
    assert canonical_version("PyPI", "2004d-legacy!") == "2004d-legacy!"

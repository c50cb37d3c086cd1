"""Goal: a purl finds the package that advisories speak of, however either writes its name."""

import pytest

from infra.supply_chain.advisories.packages import normalised_name, package_of
from infra.supply_chain.advisories.releases import same_release


@pytest.mark.parametrize(
    ("purl", "ecosystem", "name", "version", "release"),
    [
        ("pkg:pypi/Zope.Interface_x@5.0", "PyPI", "zope-interface-x", "5.0", None),
        ("pkg:npm/%40angular/core@1.0.0", "npm", "@angular/core", "1.0.0", None),
        ("pkg:cargo/Foo_bar@1.0.0", "crates.io", "foo-bar", "1.0.0", None),
        ("pkg:golang/github.com/Acme/Lib@v1.2.3", "Go", "github.com/acme/lib", "v1.2.3", None),
        ("pkg:maven/org.acme/Lib@1.0", "Maven", "org.acme:Lib", "1.0", None),
        ("pkg:gem/rails@5.0", "RubyGems", "rails", "5.0", None),
        ("pkg:nuget/Newtonsoft.Json@13.0.1", "NuGet", "newtonsoft.json", "13.0.1", None),
        ("pkg:composer/Acme/Lib@1.0", "Packagist", "acme/lib", "1.0", None),
        ("pkg:deb/debian/curl@7.5-3?arch=i386&distro=jessie", "Debian", "curl", "7.5-3", "8"),
        ("pkg:deb/debian/libc@7-3?distro=debian-12&upstream=curl", "Debian", "curl", "7-3", "12"),
        ("pkg:deb/ubuntu/curl@7.5-3?distro=ubuntu-22.04", "Ubuntu", "curl", "7.5-3", "22.04"),
        ("pkg:deb/debian/curl@7.5-3", "Debian", "curl", "7.5-3", None),
        ("pkg:apk/alpine/curl@8-r0?distro=alpine-3.18.2", "Alpine", "curl", "8-r0", "3.18"),
        ("pkg:rpm/redhat/curl@7-1?epoch=2&distro=rhel-9.4", "Red Hat", "curl", "2:7-1", "9"),
        ("pkg:pypi/six", "PyPI", "six", None, None),
    ],
)  # fmt: skip
def test_a_purl_names_a_package(
    purl: str, ecosystem: str, name: str, version: str | None, release: str | None
) -> None:
    found = package_of(purl)
    assert found is not None
    assert (found.ecosystem, found.name) == (ecosystem, name)
    assert (found.version, found.release, found.purl) == (version, release, purl)


@pytest.mark.parametrize(
    "purl",
    ["", "six", "pkg:", "pkg:pypi", "pkg:generic/zlib@1", "pkg:deb/acme/x@1", "pkg:npm/a%00b@1",
     "pkg:pypi/a\ud800@1", "pkg:oci/x@1", "pkg:pypi/a@1%00"],
)  # fmt: skip
def test_what_no_advisory_speaks_of_names_none(purl: str) -> None:
    assert package_of(purl) is None


@pytest.mark.parametrize(
    ("ecosystem", "names"),
    [
        ("PyPI", ["Jinja2", "jinja2"]),
        ("PyPI", ["zope.interface", "Zope_Interface", "zope---interface"]),
        ("crates.io", ["foo_bar", "foo-bar"]),
        ("NuGet", ["Newtonsoft.Json", "NEWTONSOFT.JSON"]),
    ],
)
def test_two_spellings_are_one_name(ecosystem: str, names: list[str]) -> None:
    assert len({normalised_name(ecosystem, name) for name in names}) == 1


@pytest.mark.parametrize(
    ("wanted", "release", "same"),
    [
        ("12", "12", True),
        ("12", "11", False),
        ("1", "12", False),
        ("22.04", "22.04:LTS", True),
        ("18.04", "Pro:18.04:LTS", True),
        ("3.18", "v3.18", True),
        ("3.18", "v3.1", False),
        ("9", "9.4", True),
        (None, "12", True),
        ("12", "", True),
    ],
)
def test_releases_are_told_apart(wanted: str | None, release: str, same: bool) -> None:
    assert same_release(wanted, release) is same

"""From a purl to the package that advisories speak of: ecosystem, name, version, release.

Names are written as their ecosystem compares them: PEP 503 for PyPI, `-` for `_` on crates.io,
small letters where an index or the purl specification knows no others.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from packageurl import PackageURL

from infra.supply_chain.advisories.releases import release_of

_NAMES: Mapping[str, Callable[[str], str]] = {
    "PyPI": lambda name: re.sub(r"[-_.]+", "-", name).lower(),
    "crates.io": lambda name: name.replace("_", "-").lower(),
    **dict.fromkeys(
        ("npm", "Go", "NuGet", "Packagist", "Hex", "Pub", "GitHub Actions", "SwiftURL", "Bitnami"),
        str.lower,
    ),
}
_SEPARATORS = {"maven": ":"}
_ECOSYSTEMS = {
    "pypi": "PyPI",
    "npm": "npm",
    "cargo": "crates.io",
    "golang": "Go",
    "maven": "Maven",
    "gem": "RubyGems",
    "nuget": "NuGet",
    "composer": "Packagist",
    "hex": "Hex",
    "pub": "Pub",
    "swift": "SwiftURL",
    "github": "GitHub Actions",
    "githubactions": "GitHub Actions",
    "hackage": "Hackage",
    "cran": "CRAN",
    "bitnami": "Bitnami",
}
_DISTRIBUTIONS = {
    ("deb", "debian"): "Debian",
    ("deb", "ubuntu"): "Ubuntu",
    ("apk", "alpine"): "Alpine",
    ("apk", "wolfi"): "Wolfi",
    ("apk", "chainguard"): "Chainguard",
    ("rpm", "redhat"): "Red Hat",
    ("rpm", "rocky"): "Rocky Linux",
    ("rpm", "rocky-linux"): "Rocky Linux",
    ("rpm", "almalinux"): "AlmaLinux",
    ("rpm", "suse"): "SUSE",
    ("rpm", "opensuse"): "openSUSE",
    ("rpm", "mageia"): "Mageia",
    ("rpm", "openeuler"): "openEuler",
}


@dataclass(frozen=True)
class Package:
    """What a component is to its ecosystem."""

    purl: str
    ecosystem: str
    """OSV's name, without a release."""
    name: str
    version: str | None
    release: str | None = None
    """The distribution's release, when the purl says it; without one every release counts."""


def package_of(purl: str) -> Package | None:
    """The package behind a purl; None when it is no purl, or of a type that OSV does not cover."""
    try:
        parts = PackageURL.from_string(purl)
        # What no database can keep was never imported either.
        if "\0" in f"{parts}{parts.name}{parts.namespace}{parts.version}":
            return None
        purl.encode()
    except ValueError:
        return None
    qualifiers = parts.qualifiers if isinstance(parts.qualifiers, dict) else {}
    ecosystem = _ecosystem(parts)
    if ecosystem is None:
        return None
    if parts.type in {"deb", "apk", "rpm"}:
        return Package(
            purl,
            ecosystem,
            _source_name(parts.name, qualifiers),
            _with_epoch(parts.version, qualifiers),
            release_of(ecosystem, qualifiers.get("distro")),
        )
    separator = _SEPARATORS.get(parts.type, "/")
    name = f"{parts.namespace}{separator}{parts.name}" if parts.namespace else parts.name
    version = public_version(ecosystem, parts.version) if parts.version else None
    return Package(purl, ecosystem, normalised_name(ecosystem, name), version)


def public_version(ecosystem: str, version: str) -> str:
    """The version that advisories speak of: PEP 440's `2.0.0+cu118` is somebody's build of 2.0.0.

    In the order of versions it is above 2.0.0, and so above what is affected last.
    """
    return version.partition("+")[0] if ecosystem == "PyPI" else version


def normalised_name(ecosystem: str, name: str) -> str:
    """The name as the ecosystem compares names."""
    return _NAMES.get(ecosystem, str)(name)


def split_ecosystem(ecosystem: str) -> tuple[str, str]:
    """`Debian:12` is ("Debian", "12"); `PyPI` has no release, ("PyPI", "")."""
    base, _, release = ecosystem.partition(":")
    return base, release


def _ecosystem(parts: PackageURL) -> str | None:
    if parts.type in {"deb", "apk", "rpm"}:
        return _DISTRIBUTIONS.get((parts.type, (parts.namespace or "").lower()))
    return _ECOSYSTEMS.get(parts.type)


def _source_name(name: str, qualifiers: Mapping[str, str]) -> str:
    """Advisories of distributions name source packages; scanners write those as `upstream`."""
    source = qualifiers.get("upstream") or qualifiers.get("source") or name
    return source.partition("@")[0]


def _with_epoch(version: str | None, qualifiers: Mapping[str, str]) -> str | None:
    epoch = qualifiers.get("epoch")
    if version and epoch and ":" not in version:
        return f"{epoch}:{version}"
    return version or None

"""The order of versions, per ecosystem, by univers.

What univers would take for a version but nobody can order (`${project.version}`, `latest`) is
refused before it gets there: a guess about a version is a vulnerability that passes in silence.

Compare with `<` and `==` only: univers' classes for Alpine define no `<=` of their own, and inherit
one that compares texts.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from packaging.utils import canonicalize_version
from univers import versions as univers

from infra.supply_chain.advisories.composer import ComposerVersion

VERSION_CHARACTERS_MAX = 256

_SEMVER = re.compile(
    r"[vV]?(?P<numbers>[0-9]{1,20}(?:\.[0-9]{1,20}){0,2})(?P<pre>-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?"
)
_WORDS = re.compile(r"[0-9A-Za-z][0-9A-Za-z._+-]*")
_DEBIAN = re.compile(r"(?:[0-9]+:)?[0-9][0-9A-Za-z.+~:-]*")
_RPM = re.compile(r"(?:[0-9]+:)?[0-9A-Za-z][0-9A-Za-z._+~^-]*")
_DIGIT = re.compile(r"[0-9]")


class UnreadableVersionError(ValueError):
    """This text is no version that its ecosystem could order."""


@dataclass(frozen=True)
class Scheme:
    """How one kind of ecosystem writes and orders its versions."""

    name: str
    build: Callable[[str], Any]
    form: re.Pattern[str]


def _semantic(text: str) -> Any:
    """Semantic versions (semver.org 2.0.0): `v`, missing zeros and build metadata do not order."""
    parts = _SEMVER.fullmatch(text)
    assert parts is not None
    numbers = [str(int(number)) for number in parts["numbers"].split(".")]
    numbers += ["0"] * (3 - len(numbers))
    return univers.SemverVersion(".".join(numbers) + (parts["pre"] or ""))


SEMVER = Scheme("semver", _semantic, _SEMVER)
_PYPI = Scheme("pypi", univers.PypiVersion, re.compile(r"[^\s]+"))
_MAVEN = Scheme("maven", univers.MavenVersion, _WORDS)
_GEM = Scheme("gem", univers.RubygemsVersion, _WORDS)
_NUGET = Scheme("nuget", univers.NugetVersion, _WORDS)
_COMPOSER = Scheme("composer", ComposerVersion, _WORDS)
_DEB = Scheme("deb", univers.DebianVersion, _DEBIAN)
_APK = Scheme("apk", univers.AlpineLinuxVersion, _WORDS)
_RED_HAT = Scheme("rpm", univers.RpmVersion, _RPM)

SCHEMES: Mapping[str, Scheme] = {
    "PyPI": _PYPI,
    **dict.fromkeys(
        ("npm", "crates.io", "Go", "Hex", "Pub", "SwiftURL", "GitHub Actions", "Bitnami", "Julia"),
        SEMVER,
    ),
    "Maven": _MAVEN,
    "RubyGems": _GEM,
    "NuGet": _NUGET,
    **dict.fromkeys(("Packagist", "Hackage", "CRAN"), _COMPOSER),
    **dict.fromkeys(("Debian", "Ubuntu"), _DEB),
    **dict.fromkeys(("Alpine", "Wolfi", "Chainguard"), _APK),
    **dict.fromkeys(
        ("Red Hat", "Rocky Linux", "AlmaLinux", "SUSE", "openSUSE", "Mageia", "openEuler"), _RED_HAT
    ),
}
"""By OSV's name of the ecosystem, without its release. What is not here has no order."""


def scheme_of(ecosystem: str, range_type: str = "ECOSYSTEM") -> Scheme | None:
    """The scheme of a range: that of its ecosystem, unless it says that it is SEMVER's."""
    return SEMVER if range_type == "SEMVER" else SCHEMES.get(ecosystem)


@lru_cache(maxsize=100_000)
def read_version(scheme: Scheme, text: str) -> Any:
    """A version that can be compared with others of its scheme.

    Raises:
        UnreadableVersionError: it is none.
    """
    if len(text) > VERSION_CHARACTERS_MAX or not scheme.form.fullmatch(text):
        raise UnreadableVersionError(text)
    if not _DIGIT.search(text):
        raise UnreadableVersionError(text)
    try:
        return scheme.build(text)
    # Whatever the library raises about a text, the text is what is wrong with it.
    except Exception as error:
        raise UnreadableVersionError(text) from error


def canonical_version(ecosystem: str, text: str) -> str:
    """The spelling by which two versions of an explicit list are the same one.

    PyPI's `1.0` and `1.0.0`, and semantic versions with and without `v` or build metadata, are the
    same version; elsewhere the text counts.
    """
    scheme = SCHEMES.get(ecosystem)
    try:
        if scheme is SEMVER:
            return str(read_version(SEMVER, text))
        if scheme is _PYPI:
            return _canonical_python(text)
    except UnreadableVersionError:
        pass
    return text


def _canonical_python(text: str) -> str:
    parts = text.split(".")
    if not all(part.isascii() and part.isdigit() for part in parts):
        return canonicalize_version(text)
    # Nearly all of them, and a hundred thousand at an import.
    numbers = [part.lstrip("0") or "0" for part in parts]
    while len(numbers) > 1 and numbers[-1] == "0":
        numbers.pop()
    return ".".join(numbers)

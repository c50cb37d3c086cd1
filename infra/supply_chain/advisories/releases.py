"""Releases of distributions: what a purl's `distro` says, and what OSV's ecosystems are called."""

import re

_DEBIAN = {
    "wheezy": "7",
    "jessie": "8",
    "stretch": "9",
    "buster": "10",
    "bullseye": "11",
    "bookworm": "12",
    "trixie": "13",
    "forky": "14",
}
_UBUNTU = {
    "trusty": "14.04",
    "xenial": "16.04",
    "bionic": "18.04",
    "focal": "20.04",
    "jammy": "22.04",
    "noble": "24.04",
}
_NUMBERS = re.compile(r"(?<![0-9])([0-9]+(?:\.[0-9]+)*)")
_NUMBERS_KEPT = {"Debian": 1, "Ubuntu": 2, "Alpine": 2}


def release_of(ecosystem: str, distro: str | None) -> str | None:
    """The release in a `distro` such as `debian-12`, `jammy` or `alpine-3.18.2`; or None."""
    if not distro:
        return None
    codename = distro.lower().rpartition("-")[2]
    named = {"Debian": _DEBIAN, "Ubuntu": _UBUNTU}.get(ecosystem, {}).get(codename)
    if named is not None:
        return named
    numbers = _NUMBERS.search(distro)
    if numbers is None:
        return None
    return ".".join(numbers[1].split(".")[: _NUMBERS_KEPT.get(ecosystem, 1)])


def same_release(wanted: str | None, release: str) -> bool:
    """Whether `12` is the release of `Debian:12`, or `22.04` that of `Ubuntu:Pro:22.04:LTS`.

    Without a release on either side nobody can say, and the advisory counts.
    """
    if not wanted or not release:
        return True
    numbers = [found for part in release.split(":") for found in _NUMBERS.findall(part)]
    return not numbers or any(
        number == wanted or number.startswith(f"{wanted}.") for number in numbers
    )

"""From the text of a URL to the one host that it means, and whether a run may ask it.

A URL is read once, here, and the request is built from the parts found. So no second reader, with
another idea of backslashes or `@`, can find another host in it.
"""

import re
from dataclasses import dataclass

import httpx

from runner.egress.messages import SUBJECT_CHARS_MAX
from runner.egress.refused import RefusedError

URL_CHARS_MAX = 8 * 1024
HTTPS_PORT = 443

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
# Parsers take a name whose last label is a number for an address: 127.1, 0x7f000001, 017700000001.
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_UNFIT = re.compile(r"[\x00-\x20\x7f-\xa0\\\u2028\u2029]")


@dataclass(frozen=True)
class Target:
    """Where a request goes: always https, always port 443."""

    host: str
    """Lower-case ASCII name without a trailing dot; never an address."""
    path: str
    """Path and query, ASCII."""

    @property
    def url(self) -> str:
        """The URL, in its only spelling."""
        return f"https://{self.host}{self.path}"


def target_of(url: str, net_allow: list[str]) -> Target:
    """Read a URL and check it against the hosts that a run may ask.

    Raises:
        RefusedError: `invalid` or `denied`.
    """
    parsed = _parse(url)
    host = _host_of(parsed)
    if parsed.scheme != "https" or parsed.port not in {None, HTTPS_PORT}:
        raise RefusedError("denied", host)
    if parsed.userinfo:
        # RFC 9110, 4.2.4: only good for passing one host off as another.
        raise RefusedError("invalid", host)
    if not is_allowed(host, net_allow):
        raise RefusedError("denied", host)
    target = Target(host, parsed.raw_path.decode("ascii"))
    if len(target.url) > URL_CHARS_MAX:  # now that it is escaped
        raise RefusedError("invalid", host)
    return target


def redirected(target: Target, location: str, net_allow: list[str]) -> Target:
    """Where a response's Location leads, checked like a guest's own URL.

    Raises:
        RefusedError: `denied`; `unreachable` where a guest's URL would be `invalid`.
    """
    try:
        return target_of(_joined(target, location), net_allow)
    except RefusedError as refused:
        if refused.refusal == "invalid":
            raise RefusedError("unreachable", refused.host) from refused
        raise


def is_allowed(host: str, net_allow: list[str]) -> bool:
    """Whether a host is listed, or is below a listed `*.` name."""
    return any(
        host.endswith(entry[1:]) and len(host) >= len(entry) if entry[:2] == "*." else host == entry
        for entry in map(str.lower, net_allow)
    )


def subject_of(url: str) -> str:
    """The host in a URL, for a record; empty where there is none to be found."""
    try:
        return _host_of(_parse(url))
    except RefusedError as refused:
        return refused.host


def _joined(target: Target, location: str) -> str:
    _check_characters(location)
    try:
        return str(httpx.URL(target.url).join(location))
    except (httpx.InvalidURL, ValueError) as error:
        raise RefusedError("invalid") from error


def _check_characters(url: str) -> None:
    if len(url) > URL_CHARS_MAX or _UNFIT.search(url):
        raise RefusedError("invalid")


def _parse(url: str) -> httpx.URL:
    _check_characters(url)
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, ValueError) as error:
        raise RefusedError("invalid") from error
    if not parsed.scheme or not parsed.raw_host:
        raise RefusedError("invalid")
    return parsed


def _host_of(parsed: httpx.URL) -> str:
    host = parsed.raw_host.decode("ascii").lower()
    # One trailing dot means "from the root", and changes nothing: names are always looked up so.
    name = host.removesuffix(".")
    if len(host) > SUBJECT_CHARS_MAX:
        raise RefusedError("invalid")
    if ":" in name or _NUMBER.fullmatch(name.rpartition(".")[2]):
        raise RefusedError("denied", host)
    if not _NAME.fullmatch(name):
        raise RefusedError("invalid")
    return name

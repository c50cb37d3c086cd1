"""What a guest may put into a request, besides its URL."""

import re
from dataclasses import dataclass

from runner.egress.messages import FetchRequest, Headers
from runner.egress.refused import RefusedError
from runner.egress.targets import Target

HEADERS_MAX = 64
HEADERS_BYTES_MAX = 16 * 1024

_METHODS_WITHOUT_BODY = {"GET", "HEAD"}
_METHODS_WITH_BODY = {"POST", "PUT", "PATCH"}
_METHODS = _METHODS_WITHOUT_BODY | _METHODS_WITH_BODY | {"DELETE"}
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e]*")
# They frame the message, choose its receiver, or speak to the next hop only: ours to set.
_OURS = {
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
}
_DEFAULTS = {
    # A guest that asks for compression gets the bytes as they come: nothing is unpacked here.
    "Accept-Encoding": "identity",
    "User-Agent": "spell-platform",
}
_FOR_ONE_HOST = {"authorization", "cookie"}
_ABOUT_THE_BODY = {"content-encoding", "content-language", "content-location", "content-type"}
_REDIRECTS = {301, 302, 303, 307, 308}
_SEE_OTHER = 303
_MOVED = {301, 302}


@dataclass(frozen=True)
class Hop:
    """One request of a chain of redirects, checked: method, headers and body."""

    method: str
    headers: Headers
    body: bytes

    @property
    def content(self) -> bytes | None:
        """The body; None where a request has not even an empty one."""
        return self.body if self.body or self.method in _METHODS_WITH_BODY else None

    def redirected(self, status: int, *, to_another_host: bool) -> "Hop":
        """The request that follows a redirect (RFC 9110, 15.4)."""
        method, body, headers = self.method, self.body, self.headers
        is_post = method == "POST" and status in _MOVED
        if is_post or (status == _SEE_OTHER and method != "HEAD"):
            method, body, headers = "GET", b"", _without(headers, _ABOUT_THE_BODY)
        if to_another_host:
            headers = _without(headers, _FOR_ONE_HOST)
        return Hop(method, headers, body)


def is_redirect(status: int) -> bool:
    """Whether a response of this status, with a Location, is followed."""
    return status in _REDIRECTS


def first_hop(request: FetchRequest) -> Hop:
    """Check what a guest wrote.

    Raises:
        RefusedError: `invalid`.
    """
    if request.method not in _METHODS or (request.body and request.method in _METHODS_WITHOUT_BODY):
        raise RefusedError("invalid")
    if len(request.headers) > HEADERS_MAX or _size(request.headers) > HEADERS_BYTES_MAX:
        raise RefusedError("invalid")
    if not all(_is_settable(name, value) for name, value in request.headers):
        raise RefusedError("invalid")
    named = {name.lower() for name, _ in request.headers}
    defaults = [item for item in _DEFAULTS.items() if item[0].lower() not in named]
    headers = [(name, value.strip(" \t")) for name, value in request.headers]
    return Hop(request.method, headers + defaults, request.body)


def headers_of(hop: Hop, target: Target) -> Headers:
    """All headers as they are sent."""
    ours = [("Host", target.host), ("Connection", "close")]
    if hop.content is not None:
        ours.append(("Content-Length", str(len(hop.content))))
    return ours + hop.headers


def size_of(hop: Hop, target: Target) -> int:
    """The bytes that sending it takes, to know beforehand whether they are there."""
    line = len(f"{hop.method} {target.path} HTTP/1.1\r\n")
    return line + _size(headers_of(hop, target)) + len("\r\n") + len(hop.body)


def _without(headers: Headers, names: set[str]) -> Headers:
    return [header for header in headers if header[0].lower() not in names]


def _size(headers: Headers) -> int:
    return sum(len(f"{name}: {value}\r\n") for name, value in headers)


def _is_settable(name: str, value: str) -> bool:
    is_ours = name.lower() in _OURS or name.lower().startswith("proxy-")
    return not is_ours and bool(_TOKEN.fullmatch(name)) and bool(_VALUE.fullmatch(value))

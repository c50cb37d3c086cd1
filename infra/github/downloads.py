"""Fetching what GitHub keeps elsewhere: its answer is an address, good for a minute."""

import hashlib
import ipaddress
import time
from urllib.parse import urlsplit

import requests

from infra.github.replies import away
from schema.errors import SpellError

_OK = 200
_CONNECT_SECONDS_MAX, _IDLE_SECONDS_MAX, _SECONDS_MAX = 5, 20, 240
_CHUNK_BYTES = 256 * 1024


def fetch(location: str, api_url: str, *, bytes_max: int, digest: str | None = None) -> bytes:
    """The bytes at an address that GitHub named; our token does not go there.

    Args:
        location: the address: https, or plain http on loopback where the API itself is there.
        api_url: where the API is.
        bytes_max: more than this is not read.
        digest: `sha256:<hex>`, where GitHub says one.

    Raises:
        SpellError: OUTPUT_TOO_LARGE; OUTPUT_INVALID, it is not what GitHub says;
            SERVICE_UNAVAILABLE. The address, which is a key, is in no message.
    """
    if not _may_fetch(location, api_url):
        raise away("GitHub named an address that is not asked.")
    try:
        content = _streamed(location, bytes_max)
    except requests.RequestException as error:
        raise away(f"A download broke off ({type(error).__name__}).") from None
    found = f"sha256:{hashlib.sha256(content).hexdigest()}"
    if digest is not None and found != digest.lower():
        message = "An artifact is not what GitHub says it is."
        raise SpellError("OUTPUT_INVALID", message, details={"digest": digest, "found": found})
    return content


def _may_fetch(location: str, api_url: str) -> bool:
    place, api = urlsplit(location), urlsplit(api_url)
    if place.scheme == "https":
        return bool(place.hostname)
    local = _is_loopback(place.hostname) and _is_loopback(api.hostname)
    return place.scheme == "http" and api.scheme == "http" and local


def _is_loopback(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def _streamed(location: str, bytes_max: int) -> bytes:
    content = bytearray()
    ends_at = time.monotonic() + _SECONDS_MAX
    with requests.Session() as session:
        # Anything but None keeps the session from taking a login out of .netrc.
        session.auth = lambda request: request
        with session.get(
            location,
            headers={"Accept-Encoding": "identity"},
            timeout=(_CONNECT_SECONDS_MAX, _IDLE_SECONDS_MAX),
            allow_redirects=False,
            stream=True,
        ) as response:
            if response.status_code != _OK:
                raise away(f"A download was answered {response.status_code}.")
            for chunk in response.iter_content(_CHUNK_BYTES):
                content += chunk
                if len(content) > bytes_max:
                    raise _too_large(bytes_max)
                if time.monotonic() > ends_at:
                    raise away("A download took too long.")
    return bytes(content)


def _too_large(bytes_max: int) -> SpellError:
    return SpellError("OUTPUT_TOO_LARGE", details={"limit_bytes": bytes_max})

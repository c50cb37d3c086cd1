"""Addresses of logs that need no token, on another host name, and expire."""

import hashlib
import hmac
import time
from urllib.parse import urlencode, urlsplit

from starlette.requests import Request

from infra.embedded.github.actions.refusal import RefusedError

_LIFE_SECONDS = 60
_OTHER_NAME = {"127.0.0.1": "localhost", "localhost": "127.0.0.1"}


def other_origin(base_url: str) -> str:
    """The same server under another host name: a client that keeps its token is found out."""
    there = urlsplit(base_url)
    host = _OTHER_NAME.get(there.hostname or "", "localhost")
    return f"{there.scheme}://{host}:{there.port}"


class SignedAddresses:
    """Makes and checks them."""

    def __init__(self, base_url: str, key: bytes) -> None:
        self._origin = other_origin(base_url)
        self._key = key

    def address(self, what: str) -> str:
        """An address of `runs/<id>` or `jobs/<id>`."""
        until = int(time.time()) + _LIFE_SECONDS
        query = urlencode({"se": until, "sig": self._sign(what, str(until))})
        return f"{self._origin}/_local/logs/{what}?{query}"

    def check(self, request: Request, what: str) -> None:
        """Raises RefusedError: 400 with a token, 403 with another signature or too late."""
        if "authorization" in request.headers:
            raise RefusedError(400, "AuthenticationFailed")
        until, said = request.query_params.get("se", ""), request.query_params.get("sig", "")
        good = hmac.compare_digest(self._sign(what, until), said)
        if not good or int(until) < time.time():
            raise RefusedError(403, "AuthenticationFailed")

    def _sign(self, what: str, until: str) -> str:
        return hmac.new(self._key, f"log:{what}:{until}".encode(), hashlib.sha256).hexdigest()

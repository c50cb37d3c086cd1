"""What GitHub asks of every request to its API, and says with every answer."""

import hashlib
import uuid
from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from infra.embedded.github.actions.refusal import RefusedError, refusal
from infra.embedded.github.addresses import is_api
from infra.embedded.github.callers import Callers
from infra.embedded.github.rate_limits import Allowance, RateLimits

# https://docs.github.com/rest/about-the-rest-api/api-versions
_VERSIONS = ("2022-11-28", "2026-03-10")
_BODY_BYTES_MAX = 1024 * 1024
# Of files in base64: GitHub takes no file of more than 100 MB.
_FILE_BODY_BYTES_MAX = 140 * 1024 * 1024
_NO_AGENT = (
    "Request forbidden by administrative rules. Please make sure your request has a User-Agent "
    "header (https://docs.github.com/rest/overview/resources-in-the-rest-api#user-agent-required)."
)


class FrontMiddleware:
    """Refuses what GitHub refuses anywhere, counts requests, and adds headers.

    Args:
        app: what it is around.
        callers: who asks.
        limits: counts.
    """

    def __init__(self, app: ASGIApp, callers: Callers, limits: RateLimits) -> None:
        self._app = app
        self._callers = callers
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or not is_api(scope["path"]):
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        who = await run_in_threadpool(name_of, self._callers, request)
        # Asking how much is left costs nothing.
        is_free = scope["path"] == "/rate_limit"
        allowance = self._limits.look(who) if is_free else self._limits.take(who)
        refused = _refusal(request) if allowance else _used_up(self._limits.look(who))
        answer = _Answer(request, send, allowance or self._limits.look(who))
        answer.unchanged = lambda: self._limits.give_back(who)
        if refused is not None:
            await refused(scope, receive, answer.send)
        else:
            await self._app(scope, _limited(receive, _bytes_max(request)), answer.send)


class _Answer:
    """An answer on its way out: headers are added, and what the caller has is not sent again."""

    def __init__(self, request: Request, send: Send, allowance: Allowance) -> None:
        self._request = request
        self._send = send
        self._allowance = allowance
        self._start: Message | None = None
        self._body = b""
        self.unchanged: Callable[[], Allowance] = lambda: allowance

    async def send(self, message: Message) -> None:
        """Hold back the beginning until the whole body is there."""
        if message["type"] == "http.response.start":
            self._start = message
            return
        self._body += message.get("body", b"")
        if message.get("more_body") or self._start is None:
            return
        headers = MutableHeaders(raw=list(self._start["headers"]))
        self._add(headers)
        status = self._start["status"]
        if self._is_read(status):
            status = self._compared(headers)
        await self._send({**self._start, "status": status, "headers": headers.raw})
        await self._send({"type": "http.response.body", "body": self._body})

    def _is_read(self, status: int) -> bool:
        return self._request.method == "GET" and status == 200  # noqa: PLR2004  (OK)

    def _compared(self, headers: MutableHeaders) -> int:
        """The status of a read, which is 304 where the caller has the same already."""
        etag = f'W/"{hashlib.sha256(self._body).hexdigest()}"'
        headers["etag"] = etag
        headers["cache-control"] = "private, max-age=60, s-maxage=60"
        known = self._request.headers.get("if-none-match", "")
        if etag.removeprefix("W/") not in {
            each.strip().removeprefix("W/") for each in known.split(",")
        }:
            return 200
        self._body = b""
        for name in ("content-length", "content-type"):
            del headers[name]
        headers.update(self.unchanged().headers)
        return 304

    def _add(self, headers: MutableHeaders) -> None:
        if "x-ratelimit-limit" not in headers:
            headers.update(self._allowance.headers)
        headers["x-github-request-id"] = uuid.uuid4().hex.upper()
        headers["x-github-media-type"] = "github.v3; format=json"
        headers["x-github-api-version-selected"] = self._request.headers.get(
            "x-github-api-version", _VERSIONS[0]
        )


def name_of(callers: Callers, request: Request) -> str:
    """Under which name a request is counted: GitHub counts by user, by installation, by address."""
    try:
        caller = callers.caller(request)
    except RefusedError:
        return "#app"
    if caller is None:
        return "#nobody"
    return caller.login if caller.installation is None else f"#{caller.installation['id']}"


def _refusal(request: Request) -> JSONResponse | None:
    headers = request.headers
    if not headers.get("user-agent", "").strip():
        return refusal(403, _NO_AGENT)
    version = headers.get("x-github-api-version", _VERSIONS[0])
    if version not in _VERSIONS:
        return refusal(400, f"{version!r:.40} is not a supported API version.")
    length = headers.get("content-length", "0")
    if not length.isdigit() or int(length) > _bytes_max(request):
        return refusal(413, "Payload too big")
    return None


def _used_up(allowance: Allowance) -> JSONResponse:
    message = "API rate limit exceeded for this caller."
    return refusal(403, message, allowance.headers)


def _bytes_max(request: Request) -> int:
    holds_file = "/contents/" in request.url.path or "/git/" in request.url.path
    return _FILE_BODY_BYTES_MAX if holds_file else _BODY_BYTES_MAX


def _limited(receive: Receive, bytes_max: int) -> Receive:
    """The same request, cut short with 413 where it sends more than it may without saying so."""
    got = 0

    async def counted() -> Message:
        nonlocal got
        message = await receive()
        got += len(message.get("body", b""))
        if got > bytes_max:
            raise RefusedError(413, "Payload too big")
        return message

    return counted

"""Lets ordered faults happen to requests, around everything else."""

import asyncio
import re
import time
from dataclasses import dataclass
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from infra.embedded.github.actions.faults import Fault, FaultKind, Faults
from infra.embedded.github.actions.refusal import refusal
from infra.embedded.github.addresses import is_api

_REPOSITORY = re.compile(r"^/repos/([^/]+/[^/]+)(?:/|$)")
_DISPATCH = re.compile(r"^/repos/[^/]+/[^/]+/(?:actions/workflows/[^/]+/)?dispatches$")
_READS = {"GET", "HEAD", "OPTIONS"}


@dataclass(frozen=True)
class _Asked:
    """What is asked for, as far as faults know it."""

    path: str
    repository: str
    """Empty where it is of none."""
    words: frozenset[str | None]
    """What a rate limit may be meant for."""
    dispatch_words: frozenset[str | None]
    """What an error or a drop may be meant for."""


class FaultMiddleware:
    """Answers instead of the app, later than the app, or not at all.

    Args:
        app: what it is around.
        faults: what is ordered.
    """

    def __init__(self, app: ASGIApp, faults: Faults) -> None:
        self._app = app
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        asked = _asked(scope) if scope["type"] == "http" else None
        if asked is None:
            await self._app(scope, receive, send)
            return
        if slow := await self._take(FaultKind.SLOW_ANSWER, asked, asked.words):
            send = _later(send, slow.seconds)
        refused = await self._refusal(asked)
        if refused is not None:
            await refused(scope, receive, send)
        elif await self._take(FaultKind.DROP_BEFORE, asked, asked.dispatch_words):
            _hang_up(receive)
        else:
            await self._accepted(asked, scope, receive, send)

    async def _take(
        self, kind: FaultKind, asked: _Asked, words: frozenset[str | None]
    ) -> Fault | None:
        if not words:
            return None
        where = (asked.repository, words, asked.path)
        return await run_in_threadpool(self._faults.take, kind, *where)

    async def _refusal(self, asked: _Asked) -> JSONResponse | None:
        if fault := await self._take(FaultKind.SECONDARY_RATE_LIMIT, asked, asked.words):
            message = "You have exceeded a secondary rate limit. Please wait a few minutes."
            return _refused(fault, 403, message, {"retry-after": str(int(fault.seconds))})
        if fault := await self._take(FaultKind.PRIMARY_RATE_LIMIT, asked, asked.words):
            return _refused(fault, 403, "API rate limit exceeded.", _used_up(fault))
        if fault := await self._take(FaultKind.ERROR_BEFORE, asked, asked.dispatch_words):
            return _refused(fault, 502, "Server Error", {})
        return None

    async def _accepted(self, asked: _Asked, scope: Scope, receive: Receive, send: Send) -> None:
        error = await self._take(FaultKind.ERROR_AFTER, asked, asked.dispatch_words)
        drop = None
        if error is None:
            drop = await self._take(FaultKind.DROP_AFTER, asked, asked.dispatch_words)
        if error is None and drop is None:
            await self._app(scope, receive, send)
            return
        await self._app(scope, receive, _nowhere)
        if error is not None:
            await _refused(error, 502, "Server Error", {})(scope, receive, send)
        else:
            _hang_up(receive)


def _asked(scope: Scope) -> _Asked | None:
    """What a request is; None where no fault can be meant for it."""
    path, is_read = scope["path"], scope["method"] in _READS
    found = _REPOSITORY.match(path)
    if not is_api(path) or (found is None and is_read):
        return None
    named: frozenset[str | None] = frozenset() if is_read else frozenset(path.split("/")) - {""}
    anything: frozenset[str | None] = frozenset({None})
    is_dispatch = not is_read and _DISPATCH.match(path) is not None
    return _Asked(
        path,
        found[1] if found else "",
        named | anything if found else named,
        named | anything if is_dispatch else named,
    )


def _later(send: Send, seconds: float) -> Send:
    """Hold the answer back; what was asked for is done."""

    async def send_later(message: Message) -> None:
        if message["type"] == "http.response.start":
            await asyncio.sleep(seconds)
        await send(message)

    return send_later


async def _nowhere(message: Message) -> None:
    del message


def _hang_up(receive: Receive) -> None:
    """Close the socket under uvicorn, which has no other way to answer nothing."""
    connection: Any = getattr(receive, "__self__", None)
    connection.transport.abort()


def _used_up(fault: Fault) -> dict[str, str]:
    return {
        "x-ratelimit-limit": "5000",
        "x-ratelimit-remaining": "0",
        "x-ratelimit-used": "5000",
        "x-ratelimit-reset": str(int(time.time() + fault.seconds)),
        "x-ratelimit-resource": "core",
    }


def _refused(fault: Fault, status: int, message: str, headers: dict[str, str]) -> JSONResponse:
    return refusal(fault.status or status, message, headers)

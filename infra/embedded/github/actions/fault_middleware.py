"""Lets ordered faults happen to requests, around everything else."""

import asyncio
import re
import time
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from infra.embedded.github.actions.faults import Fault, FaultKind, Faults
from infra.embedded.github.actions.refusal import DOCUMENTATION

_REPOSITORY = re.compile(r"^/repos/([^/]+/[^/]+)(?:/|$)")
_DISPATCH = re.compile(r"^/repos/[^/]+/[^/]+/(?:actions/workflows/[^/]+/)?dispatches$")


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
        found = _REPOSITORY.match(scope["path"]) if scope["type"] == "http" else None
        if found is None:
            await self._app(scope, receive, send)
            return
        repository = found[1]
        if slow := await self._take(FaultKind.SLOW_ANSWER, repository):
            await asyncio.sleep(slow.seconds)
        refusal = await self._refusal(scope, repository)
        if refusal is not None:
            await refusal(scope, receive, send)
        elif _is_dispatch(scope):
            await self._dispatch(repository, scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _take(self, kind: FaultKind, repository: str) -> Fault | None:
        return await run_in_threadpool(self._faults.take, kind, repository)

    async def _refusal(self, scope: Scope, repository: str) -> JSONResponse | None:
        if fault := await self._take(FaultKind.SECONDARY_RATE_LIMIT, repository):
            message = "You have exceeded a secondary rate limit. Please wait a few minutes."
            return _refused(fault, 403, message, {"retry-after": str(int(fault.seconds))})
        if fault := await self._take(FaultKind.PRIMARY_RATE_LIMIT, repository):
            return _refused(fault, 403, "API rate limit exceeded.", _used_up(fault))
        if _is_dispatch(scope) and (fault := await self._take(FaultKind.ERROR_BEFORE, repository)):
            return _refused(fault, 502, "Server Error", {})
        return None

    async def _dispatch(self, repository: str, scope: Scope, receive: Receive, send: Send) -> None:
        error = await self._take(FaultKind.ERROR_AFTER, repository)
        drop = None if error else await self._take(FaultKind.DROP_AFTER, repository)
        if error is None and drop is None:
            await self._app(scope, receive, send)
            return
        await self._app(scope, receive, _nowhere)
        if error is not None:
            await _refused(error, 502, "Server Error", {})(scope, receive, send)
        else:
            _hang_up(receive)


async def _nowhere(message: Message) -> None:
    del message


def _hang_up(receive: Receive) -> None:
    """Close the socket under uvicorn, which has no other way to answer nothing."""
    connection: Any = getattr(receive, "__self__", None)
    connection.transport.abort()


def _is_dispatch(scope: Scope) -> bool:
    return scope["method"] == "POST" and _DISPATCH.match(scope["path"]) is not None


def _used_up(fault: Fault) -> dict[str, str]:
    return {
        "x-ratelimit-limit": "5000",
        "x-ratelimit-remaining": "0",
        "x-ratelimit-used": "5000",
        "x-ratelimit-reset": str(int(time.time() + fault.seconds)),
        "x-ratelimit-resource": "core",
    }


def _refused(fault: Fault, status: int, message: str, headers: dict[str, str]) -> JSONResponse:
    body = {"message": message, "documentation_url": DOCUMENTATION}
    return JSONResponse(body, fault.status or status, headers)

"""What every request to the API goes through: its key, its size, faults, Idempotency-Keys."""

import hmac
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from infra.embedded.stripe.calls import Call, Document, Endpoint, shown
from infra.embedded.stripe.faults import Faults
from infra.embedded.stripe.forms import read_form
from infra.embedded.stripe.idempotency import Answer, Idempotency
from infra.embedded.stripe.refusal import RefusedError
from infra.embedded.stripe.store import Store

_BODY_BYTES_MAX = 64 * 1024
Handler = Callable[[Request], Awaitable[Response]]


class Gateway:
    """Turns endpoints into routes.

    Args:
        store: what a request changes is committed together.
        faults: strike requests.
        key: the secret key of the one account.
    """

    def __init__(self, store: Store, faults: Faults, key: str) -> None:
        self._store = store
        self._faults = faults
        self._key = key
        self._idempotency = Idempotency(store)

    def route(self, endpoint: Endpoint) -> Route:
        """The route of an endpoint."""
        handler = self._post(endpoint) if endpoint.method == "POST" else self._get(endpoint)
        return Route(endpoint.path, handler, methods=[endpoint.method])

    def check_key(self, request: Request) -> None:
        """Raises RefusedError: somebody else's key, or none."""
        given = request.headers.get("authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {self._key}".encode()):
            raise RefusedError("Invalid API Key provided.", status=401)

    def _get(self, endpoint: Endpoint) -> Handler:
        async def handler(request: Request) -> Response:
            self.check_key(request)
            self._faults.strike_before(request.url.path)
            call = Call(request.path_params.get("id", ""), {}, request.query_params)
            # A look may find that a page's time is up.
            with self._store:
                return JSONResponse(shown(endpoint.work(call)))

        return handler

    def _post(self, endpoint: Endpoint) -> Handler:
        async def handler(request: Request) -> Response:
            self.check_key(request)
            path = request.url.path
            text = (await body_of(request)).decode("utf-8", "replace")
            self._faults.strike_before(path)
            self._faults.strike_lock(path)

            def work() -> Document:
                if self._faults.strikes(path, "500"):
                    raise RefusedError("An error occurred.", status=500, kind="api_error")
                call = Call(request.path_params.get("id", ""), read_form(text))
                document = shown(endpoint.work(call))
                if self._faults.strikes(path, "500_after"):
                    raise RefusedError("An error occurred.", status=500, kind="api_error")
                return document

            key = request.headers.get("idempotency-key", "")
            answer = self._idempotency.once(key, path, text, work)
            return _Dropped() if self._faults.strikes(path, "drop") else _response(answer)

        return handler


async def body_of(request: Request) -> bytes:
    """The body of a request. Raises RefusedError: it is too large."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _BODY_BYTES_MAX:
            raise RefusedError("The body is too large.", status=413)
    return body


async def refused(_request: Request, error: Any) -> Response:
    """The answer for a RefusedError."""
    return JSONResponse(error.document, error.status)


def _response(answer: Answer) -> Response:
    headers = {"Idempotent-Replayed": "true"} if answer.replayed else {}
    return Response(answer.body, answer.status, headers, "application/json")


class _Dropped(Response):
    """An answer that breaks off: the client learns nothing of what was done."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        del scope, receive
        headers = [(b"content-length", b"1000")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        raise ConnectionResetError

"""The local Stripe over HTTP: Stripe's routes, the hosted page, and `/_local` for tests."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from infra.embedded.stripe.deliveries import deliver
from infra.embedded.stripe.faults import KINDS, Faults
from infra.embedded.stripe.forms import read_form
from infra.embedded.stripe.lists import page_of
from infra.embedded.stripe.page import page_for
from infra.embedded.stripe.refunds import Refunds
from infra.embedded.stripe.refusal import RefusedError, missing
from infra.embedded.stripe.sessions import Sessions, shown
from infra.embedded.stripe.store import Document, Store

_BODY_BYTES_MAX = 64 * 1024
Work = Callable[[Document], Document]
Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class StripeOptions:
    """What the server is told when it starts."""

    url: str
    key: str
    webhook_url: str
    webhook_secret: str


class LocalStripe:
    """The requests of one account."""

    def __init__(self, store: Store, options: StripeOptions) -> None:
        self._store, self._options = store, options
        self.faults = Faults()
        self._sessions = Sessions(store, self.faults, options.url)
        self._refunds = Refunds(store, self.faults)

    def app(self) -> Starlette:
        """The ASGI application, with the deliveries beside it."""

        @asynccontextmanager
        async def lifespan(_app: Starlette) -> AsyncIterator[None]:
            options = self._options
            delivering = asyncio.create_task(
                deliver(self._store, options.webhook_url, options.webhook_secret)
            )
            yield
            delivering.cancel()

        return Starlette(
            routes=[*self._resources(), *self._pages(), *self._control()],
            exception_handlers={RefusedError: _refused},
            lifespan=lifespan,
        )

    def _resources(self) -> list[Route]:
        sessions, refunds, store = self._sessions, self._refunds, self._store

        def one(kind: str) -> Callable[[str], Document]:
            def get(identifier: str) -> Document:
                found = store.get(kind, identifier)
                if found is None:
                    raise missing(kind, identifier)
                return found

            return get

        at = "/v1/checkout/sessions"
        return [
            Route(at, self._post(lambda _id: sessions.create), methods=["POST"]),
            Route(at, self._list(sessions.newest)),
            Route(f"{at}/{{id}}", self._get(sessions.get)),
            Route(
                f"{at}/{{id}}/expire",
                self._post(lambda found: lambda _form: sessions.expire(found)),
                methods=["POST"],
            ),
            Route("/v1/refunds", self._post(lambda _id: refunds.create), methods=["POST"]),
            Route("/v1/refunds", self._list(refunds.newest)),
            Route("/v1/refunds/{id}", self._get(refunds.get)),
            Route("/v1/payment_intents/{id}", self._get(one("payment_intent"))),
            Route("/v1/charges/{id}", self._get(one("charge"))),
            Route("/v1/events/{id}", self._get(one("event"))),
            Route("/v1/events", self._list(self._events)),
        ]

    def _pages(self) -> list[Route]:
        async def show(request: Request) -> Response:
            session = self._sessions.get(request.path_params["id"])
            if session["status"] != "open":
                return HTMLResponse("<p>This page is closed.</p>", 410)
            return HTMLResponse(page_for(session))

        async def act(request: Request) -> Response:
            form = read_form((await _body(request)).decode("utf-8", "replace"))
            with self._store:
                session = self._sessions.get(request.path_params["id"])
                if form.get("action") != "pay":
                    return RedirectResponse(session["cancel_url"], 303)
                session = self._sessions.pay(session["id"])
            return RedirectResponse(session["success_url"], 303)

        return [Route("/pay/{id}", show), Route("/pay/{id}", act, methods=["POST"])]

    def _control(self) -> list[Route]:
        async def health(_request: Request) -> Response:
            return JSONResponse({"status": "ok"})

        async def pay(request: Request) -> Response:
            self._check_key(request)
            with self._store:
                return JSONResponse(shown(self._sessions.pay(request.path_params["id"])))

        async def fault(request: Request) -> Response:
            self._check_key(request)
            asked = json.loads(await _body(request))
            if asked["kind"] not in KINDS:
                raise RefusedError(f"A fault is one of {sorted(KINDS)}.")
            self.faults.order(asked["place"], asked["kind"], int(asked.get("times", 1)))
            return JSONResponse({})

        return [
            Route("/health", health),
            Route("/_local/sessions/{id}/pay", pay, methods=["POST"]),
            Route("/_local/faults", fault, methods=["POST"]),
        ]

    def _events(self, query: Any) -> Document:
        return page_of("/v1/events", self._store.newest("event"), query)

    def _get(self, get: Callable[[str], Document]) -> Handler:
        async def handler(request: Request) -> Response:
            self._check_key(request)
            self._strike_before(request)
            with self._store:
                return JSONResponse(shown(get(request.path_params["id"])))

        return handler

    def _list(self, newest: Callable[[Any], Document]) -> Handler:
        async def handler(request: Request) -> Response:
            self._check_key(request)
            self._strike_before(request)
            return JSONResponse(newest(request.query_params))

        return handler

    def _post(self, work_on: Callable[[str], Work]) -> Handler:
        async def handler(request: Request) -> Response:
            self._check_key(request)
            self._strike_before(request)
            text = (await _body(request)).decode("utf-8", "replace")
            work = work_on(request.path_params.get("id", ""))
            status, body = self._once(request, text, work)
            if self.faults.strikes(request.url.path, "drop"):
                return _Dropped()
            return Response(body, status, media_type="application/json")

        return handler

    def _once(self, request: Request, text: str, work: Work) -> tuple[int, str]:
        """Do it, or answer as this Idempotency-Key was answered before; refusals are kept too."""
        key = request.headers.get("idempotency-key", "")
        fingerprint = hashlib.sha256(f"{request.url.path}\n{text}".encode()).hexdigest()
        with self._store as store:
            known = store.answer(key) if key else None
            if known is not None:
                if known[0] != fingerprint:
                    message = "Keys for idempotent requests can only be used with the same"
                    raise RefusedError(f"{message} parameters.", kind="idempotency_error")
                return known[1], known[2]
            try:
                status, document = 200, shown(work(read_form(text)))
            except RefusedError as error:
                status, document = error.status, error.document
            body = json.dumps(document)
            if key:
                store.keep_answer(key, fingerprint, status, body)
            return status, body

    def _check_key(self, request: Request) -> None:
        given = request.headers.get("authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {self._options.key}".encode()):
            raise RefusedError("Invalid API Key provided", status=401)

    def _strike_before(self, request: Request) -> None:
        if self.faults.strikes(request.url.path, "500"):
            raise RefusedError("An error occurred.", status=500, kind="api_error")
        if self.faults.strikes(request.url.path, "429"):
            raise RefusedError("Too many requests.", status=429, code="rate_limit")


class _Dropped(Response):
    """An answer that breaks off: the client learns nothing of what was done."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        del scope, receive
        headers = [(b"content-length", b"1000")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        raise ConnectionResetError


async def _body(request: Request) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _BODY_BYTES_MAX:
            raise RefusedError("The body is too large.", status=413)
    return body


async def _refused(_request: Request, error: Any) -> Response:
    return JSONResponse(error.document, error.status)

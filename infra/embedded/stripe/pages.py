"""The addresses of hosted pages: shown to a browser, and what its buttons do."""

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from infra.embedded.stripe.calls import Document
from infra.embedded.stripe.cards import DEFAULT, card_of
from infra.embedded.stripe.checkout_sessions import CheckoutSessions
from infra.embedded.stripe.forms import read_form
from infra.embedded.stripe.gateway import body_of
from infra.embedded.stripe.page import (
    HEADERS,
    closed_page,
    page_of_session,
    page_to_authenticate,
)
from infra.embedded.stripe.store import Store

_AUTHENTICATED = {"authenticate": True, "fail": False}


class Pages:
    """What buyers see. The id in an address is long and random: whoever has it may pay."""

    def __init__(self, store: Store, sessions: CheckoutSessions) -> None:
        self._store = store
        self._sessions = sessions

    def routes(self) -> list[Route]:
        """The routes."""
        return [
            Route("/pay/{id}", self._show),
            Route("/pay/{id}", self._act, methods=["POST"]),
        ]

    async def _show(self, request: Request) -> Response:
        with self._store:
            session = self._sessions.one(request.path_params["id"])
        if session["status"] != "open":
            return _html(closed_page(), 410)
        return _html(page_of_session(session))

    async def _act(self, request: Request) -> Response:
        form = read_form((await body_of(request)).decode("utf-8", "replace"))
        with self._store:
            session = self._sessions.one(request.path_params["id"])
            if session["status"] != "open":
                return _html(closed_page(), 410)
            if form.get("action") == "cancel" and session["cancel_url"]:
                return RedirectResponse(session["cancel_url"], 303)
            return self._pay(session, form)

    def _pay(self, session: Document, form: Document) -> Response:
        number = str(form.get("card", DEFAULT.number))
        authenticated = _AUTHENTICATED.get(str(form.get("action")))
        intent = self._sessions.pay(session["id"], card_of(number), authenticated=authenticated)
        if intent["status"] == "succeeded":
            return RedirectResponse(session["success_url"], 303)
        if intent["status"] == "requires_action":
            return _html(page_to_authenticate(session, number))
        return _html(page_of_session(session, intent["last_payment_error"]["message"]), 402)


def _html(text: str, status: int = 200) -> Response:
    return HTMLResponse(text, status, HEADERS)

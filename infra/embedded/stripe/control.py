"""`/_local`: what tests do that a browser or a bad day does elsewhere."""

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from infra.embedded.stripe.cards import DEFAULT, card_of
from infra.embedded.stripe.checkout_sessions import CheckoutSessions
from infra.embedded.stripe.faults import Faults
from infra.embedded.stripe.gateway import Gateway, body_of
from infra.embedded.stripe.refusal import RefusedError
from infra.embedded.stripe.store import Store


class Control:
    """Pays on a page, and orders faults; with the account's key."""

    def __init__(
        self, store: Store, gateway: Gateway, sessions: CheckoutSessions, faults: Faults
    ) -> None:
        self._store = store
        self._gateway = gateway
        self._sessions = sessions
        self._faults = faults

    def routes(self) -> list[Route]:
        """The routes."""
        return [
            Route("/health", self._health),
            Route("/_local/sessions/{id}/pay", self._pay, methods=["POST"]),
            Route("/_local/faults", self._fault, methods=["POST"]),
        ]

    async def _health(self, _request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def _pay(self, request: Request) -> Response:
        """Pay as the buyer does; `card` is a number, `authenticated` what its holder does."""
        self._gateway.check_key(request)
        asked = await _object(request)
        card, authenticated = (
            card_of(str(asked.get("card", DEFAULT.number))),
            asked.get("authenticated"),
        )
        with self._store:
            intent = self._sessions.pay(
                request.path_params["id"], card, authenticated=authenticated
            )
        return JSONResponse({"status": intent["status"], "error": intent["last_payment_error"]})

    async def _fault(self, request: Request) -> Response:
        self._gateway.check_key(request)
        asked = await _object(request)
        times = asked.get("times", 1)
        if not isinstance(times, int):
            raise RefusedError("Invalid integer: times", parameter="times")
        self._faults.order(str(asked.get("place")), str(asked.get("kind")), times)
        return JSONResponse({})


async def _object(request: Request) -> dict[str, Any]:
    """The JSON object of a body. Raises RefusedError: it is none."""
    try:
        asked = json.loads(await body_of(request))
    except ValueError:
        asked = None
    if not isinstance(asked, dict):
        raise RefusedError("The body is no JSON object.")
    return asked

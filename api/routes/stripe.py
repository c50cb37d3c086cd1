"""Stripe's ways in: what it delivers, and where buyers come back to."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse

from api.bodies import read_body
from api.deps import ServicesDep
from schema.limits import STRIPE_EVENT_BYTES_MAX

router = APIRouter(tags=["stripe"])


@router.post("/v1/webhooks/stripe", status_code=202, response_class=Response)
async def take_stripe_delivery(request: Request, services: ServicesDep) -> Response:
    """Take a delivery of Stripe's webhook, signed by `Stripe-Signature`.

    202 also for what is known already, and for what is about nothing of ours.
    """
    body = await read_body(
        request, limit_bytes=STRIPE_EVENT_BYTES_MAX, media_type="application/json"
    )
    await services.stripe_inbox.take(body, request.headers.get("stripe-signature", ""))
    return Response(status_code=202)


@router.get("/v1/checkout/paid", response_class=PlainTextResponse)
async def after_payment() -> str:
    """Where a buyer's browser comes back to who has paid. It says nothing of any purchase."""
    return "Paid. Your repository is being made: see `spell purchases list`.\n"


@router.get("/v1/checkout/cancelled", response_class=PlainTextResponse)
async def after_leaving() -> str:
    """Where a buyer's browser comes back to who has left the page. It can still be paid."""
    return "Not paid. The page stays open for a while: see `spell purchases list`.\n"

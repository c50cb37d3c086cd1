"""Webhooks in tests: deliveries, what checks their signatures, a sender that does as it is told."""

import base64
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks import Webhook

from schema.contracts.webhooks import (
    AttemptResult,
    WebhookDelivery,
    WebhookDestination,
    WebhookMessage,
)
from schema.webhook_targets import webhook_secret
from tests.support.tls_servers import Received

KEY = b"k" * 32
SECRET = webhook_secret(KEY)
ACCOUNT = "acct_" + "a" * 16
MESSAGE = WebhookMessage(
    id="msg_" + "a" * 26,
    event="delisting.near",
    data={"spell": "com.example.resize", "version": "1.0.0", "days_left": 7},
    created_at=datetime(2026, 11, 25, tzinfo=UTC),
)


def a_delivery(url: str, *secrets: str, message: WebhookMessage = MESSAGE) -> WebhookDelivery:
    destination = WebhookDestination(account_id=ACCOUNT, url=url, secrets=list(secrets) or [SECRET])
    return WebhookDelivery(message=message, destination=destination)


def verified(request: Received, secret: str) -> object:
    """The body, once the official library has checked it. Raises its own error."""
    return Webhook(secret).verify(request.body, request.headers)


def verify_asymmetric(request: Received, public_key: str) -> None:
    """Check the `v1a` signature as docs/webhooks.md says. Raises InvalidSignature."""
    (signature,) = [
        one.removeprefix("v1a,")
        for one in request.headers["webhook-signature"].split(" ")
        if one.startswith("v1a,")
    ]
    signed = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.".encode()
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key.removeprefix("whpk_")))
    key.verify(base64.b64decode(signature), signed + request.body)


class ScriptedSender:
    """A way out that answers what the test says, then 200; None is a receiver that is away."""

    def __init__(self) -> None:
        self.answers: list[int | None] = []
        self.sent: list[WebhookDelivery] = []

    async def send(self, delivery: WebhookDelivery) -> AttemptResult:
        self.sent.append(delivery)
        status = self.answers.pop(0) if self.answers else 200
        error = None if status == 200 else "not now"
        return AttemptResult(status_code=status, milliseconds=3, error=error)

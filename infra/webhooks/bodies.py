"""What a webhook says: Standard Webhooks' `type`, `timestamp` and `data`, thin and below 20 kB."""

import json
from typing import Any

from schema import limits
from schema.contracts.webhooks import WebhookMessage


def body_of(message: WebhookMessage, public_url: str) -> dict[str, Any]:
    """The body as a document; what tells of a cast has links to fetch the rest by.

    Args:
        message: what is told.
        public_url: where the api is reached from outside.
    """
    data = dict(message.data)
    if message.cast_id is not None:
        cast = f"{public_url.rstrip('/')}/v1/casts/{message.cast_id}"
        data["links"] = {"cast": cast, "receipt": f"{cast}/receipt"}
    return {"type": message.event, "timestamp": message.created_at.isoformat(), "data": data}


def body_bytes(message: WebhookMessage, public_url: str) -> bytes:
    """The body as it is sent and signed; of what would be too large, only the single values."""
    document = body_of(message, public_url)
    encoded = _encoded(document)
    if len(encoded) < limits.WEBHOOK_BODY_BYTES_MAX:
        return encoded
    single = {
        name: value[:200] if isinstance(value, str) else value
        for name, value in document["data"].items()
        if not isinstance(value, dict | list)
    }
    return _encoded({**document, "data": {**single, "shortened": True}})


def _encoded(document: dict[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()

"""The headers of Standard Webhooks (https://www.standardwebhooks.com)."""

import base64
import hashlib
import hmac
from collections.abc import Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from schema.webhook_targets import secret_bytes


def signed_headers(
    message_id: str, timestamp: int, body: bytes, secrets: Sequence[str], key: Ed25519PrivateKey
) -> dict[str, str]:
    """The three headers: `v1` signatures by each secret, and a `v1a` signature by the key.

    Args:
        message_id: the same at every attempt.
        timestamp: of this attempt, in seconds since 1970.
        body: as it is sent.
        secrets: `whsec_` and base64, the newest first.
        key: the account's.
    """
    content = f"{message_id}.{timestamp}.".encode() + body
    macs = [hmac.new(secret_bytes(one), content, hashlib.sha256).digest() for one in secrets]
    signatures = [f"v1,{_text(mac)}" for mac in macs]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join([*signatures, f"v1a,{_text(key.sign(content))}"]),
    }


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")

"""What signs an account's webhooks, derived from the platform's master key where it can be.

Each account has its own Ed25519 key: a message that the platform sent to somebody else does not
check out at this account's receivers.
"""

import base64

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from infra.vault import PlatformVault
from schema.webhook_targets import PUBLIC_KEY_PREFIX, SECRET_BYTES, webhook_secret


def signing_key(vault: PlatformVault, account_id: str) -> Ed25519PrivateKey:
    """What makes the `v1a` signatures of an account's webhooks."""
    return Ed25519PrivateKey.from_private_bytes(vault.derive(account_id, "webhook-signing", 32))


def public_key(vault: PlatformVault, account_id: str) -> str:
    """What checks them: `whpk_…`."""
    raw = signing_key(vault, account_id).public_key().public_bytes_raw()
    return PUBLIC_KEY_PREFIX + base64.b64encode(raw).decode("ascii")


def callback_secret(vault: PlatformVault, account_id: str, generation: int) -> str:
    """What makes the `v1` signatures of an account's callbacks, after so many rotations."""
    purpose = f"callback-secret:{generation}"
    return webhook_secret(vault.derive(account_id, purpose, SECRET_BYTES))

"""API keys: made once, shown once, kept as a keyed hash.

A key reads `sk_<prefix, 12>_<secret, 32>`. The prefix finds the row and is safe to show; the
secret has 160 random bits, so a keyed SHA-256 (no slow hash) is enough: there is nothing to guess.
"""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass

from schema.scopes import API_KEY_TAG

_PREFIX_CHARS = 12
_SECRET_CHARS = 32


@dataclass(frozen=True)
class NewApiKey:
    """A fresh key: the text for its owner, and what is kept of it."""

    text: str
    prefix: str
    key_hash: bytes


def new_api_key(pepper: bytes) -> NewApiKey:
    """Make a key. `text` must reach its owner now: it cannot be had again."""
    prefix, secret = _random(_PREFIX_CHARS), _random(_SECRET_CHARS)
    text = f"{API_KEY_TAG}_{prefix}_{secret}"
    return NewApiKey(text, prefix, hash_api_key(pepper, text))


def prefix_of(text: str) -> str | None:
    """The prefix of a well-formed key, or None."""
    parts = text.split("_")
    well_formed = (
        len(parts) == 3  # noqa: PLR2004
        and parts[0] == API_KEY_TAG
        and len(parts[1]) == _PREFIX_CHARS
        and len(parts[2]) == _SECRET_CHARS
    )
    return parts[1] if well_formed else None


def hash_api_key(pepper: bytes, text: str) -> bytes:
    """What is kept of a key."""
    return hmac.new(pepper, text.encode("utf-8"), hashlib.sha256).digest()


def _random(chars: int) -> str:
    return base64.b32encode(secrets.token_bytes(chars)).decode("ascii").lower()[:chars]

"""What an API key may do, and how keys look. A key without a scope may only name itself."""

from enum import StrEnum


class Scope(StrEnum):
    """One permission of an API key (product.md 2)."""

    PUBLISH = "spell:publish"
    """Publish and yank spells of the account."""
    CAST = "cast:invoke"
    """Cast spells, read and cancel the account's casts."""
    ACCOUNT = "account:manage"
    """Make and revoke keys, set caps, read the account's money."""
    DEPLOY = "ops:deploy"
    """Operate the platform."""
    AUDIT = "audit:read"
    """Read what happened: decoded histories, the audit trail."""


API_KEY_TAG = "sk"

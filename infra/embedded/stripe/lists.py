"""Lists as Stripe pages them."""

from collections.abc import Iterable, Mapping
from typing import Any

from infra.embedded.stripe.store import Document

_LIMIT_MAX = 100


def page_of(url: str, found: Iterable[Document], query: Mapping[str, str]) -> Document:
    """One page, newest first: `limit`, `starting_after`, `created[gte]`."""
    since = int(query.get("created[gte]", "0"))
    kept = [each for each in found if each["created"] >= since]
    after = query.get("starting_after")
    if after is not None:
        ids = [each["id"] for each in kept]
        kept = kept[ids.index(after) + 1 :] if after in ids else []
    limit = min(int(query.get("limit", "10")), _LIMIT_MAX)
    page: dict[str, Any] = {"object": "list", "url": url, "has_more": len(kept) > limit}
    return {**page, "data": kept[:limit]}

"""Lists as Stripe pages them."""

from collections.abc import Mapping, Sequence

from infra.embedded.stripe.calls import Document, shown
from infra.embedded.stripe.refusal import RefusedError, missing

_LIMIT_MAX = 100


def page_of(url: str, found: Sequence[Document], query: Mapping[str, str]) -> Document:
    """One page, newest first: `limit`, `starting_after`, `created[gte]`, `created[lte]`.

    Raises:
        RefusedError: a number is none, or nothing has the id to start after.
    """
    since, until = _number(query, "created[gte]", 0), _number(query, "created[lte]", 2**63)
    kept = [each for each in found if since <= each["created"] <= until]
    after = query.get("starting_after")
    if after is not None:
        ids = [each["id"] for each in kept]
        if after not in ids:
            raise missing("object", after)
        kept = kept[ids.index(after) + 1 :]
    limit = _number(query, "limit", 10)
    if not 1 <= limit <= _LIMIT_MAX:
        message = f"This value must be between 1 and {_LIMIT_MAX}: limit"
        raise RefusedError(message, error_code="parameter_invalid_integer", parameter="limit")
    data = [shown(each) for each in kept[:limit]]
    return {"object": "list", "url": url, "has_more": len(kept) > limit, "data": data}


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    value = query.get(name, str(default))
    if not value.isascii() or not value.isdigit() or len(value) > 19:  # noqa: PLR2004
        message = f"Invalid integer: {name}"
        raise RefusedError(message, error_code="parameter_invalid_integer", parameter=name)
    return int(value)

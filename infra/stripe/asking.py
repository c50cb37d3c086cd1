"""Asking Stripe: its errors as ours, its lists whole, and a thing done once.

Stripe keeps the first answer to an Idempotency-Key, 500s included: asking again under it is safe
and tells nothing. So what may have been done is looked for by our own id, and only when it is not
there is it asked for under the next key. The keys are counted, not drawn, so that whoever repeats
this after a crash walks the same way and finds the same answers.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

import stripe

from schema.errors import SpellError

_KEYS_MAX = 5
_FAILED = 500
Answer = TypeVar("Answer")
Resource = TypeVar("Resource", bound=stripe.StripeObject)


async def asked(asking: Awaitable[Answer]) -> Answer:
    """Stripe's answer. InvalidRequestError is the caller's; all else is Stripe being away.

    Raises:
        SpellError: SERVICE_UNAVAILABLE.
        stripe.InvalidRequestError: what was asked for cannot be.
    """
    try:
        return await asking
    except stripe.InvalidRequestError:
        raise
    except stripe.StripeError as error:
        raise away(error) from error


async def once(
    key: str,
    create: Callable[[str], Awaitable[Answer]],
    find: Callable[[], Awaitable[Answer | None]],
) -> Answer:
    """Create something, or find it.

    Args:
        key: derives from a business id.
        create: asks under a key, and lets Stripe's errors through.
        find: looks for what an earlier key may have made.

    Raises:
        SpellError: SERVICE_UNAVAILABLE; try again.
        stripe.InvalidRequestError: what was asked for cannot be.
    """
    for number in range(1, _KEYS_MAX + 1):
        try:
            return await create(key if number == 1 else f"{key}:{number}")
        except stripe.InvalidRequestError:
            raise
        except stripe.StripeError as error:
            if not _has_failed_for_good(error):
                raise away(error) from error
        found = await find()
        if found is not None:
            return found
    raise SpellError("SERVICE_UNAVAILABLE", "Stripe fails again and again.", retry_after=60)


async def every(page: stripe.ListObject[Resource]) -> AsyncIterator[Resource]:
    """Every object of a list, page after page. Raises SpellError: SERVICE_UNAVAILABLE."""
    try:
        async for each in page.auto_paging_iter():
            yield each
    except stripe.StripeError as error:
        raise away(error) from error


def away(error: stripe.StripeError) -> SpellError:
    """Stripe is of no help now. No text of its goes further: it may name the key."""
    message = f"Stripe cannot be asked now ({type(error).__name__})."
    return SpellError("SERVICE_UNAVAILABLE", message, retry_after=5)


def _has_failed_for_good(error: stripe.StripeError) -> bool:
    """Whether a key is of no use any more: 500, or it stands for other parameters."""
    return error.http_status == _FAILED or isinstance(error, stripe.IdempotencyError)

"""Idempotency-Keys: the first answer to a key is the answer to it for a day.

Source: Stripe's documentation, "Idempotent requests" and "Advanced error handling". Status and
body are kept once an endpoint has begun, 500s included. What is refused before (a bad key of the
API, a rate limit, a lock) is not kept.
"""

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass

from infra.embedded.stripe.calls import Document
from infra.embedded.stripe.refusal import RefusedError
from infra.embedded.stripe.store import Store

_KEPT_SECONDS = 24 * 3600
_KEY_MAX = 255


@dataclass(frozen=True)
class Answer:
    """What goes back for a request."""

    status: int
    body: str
    replayed: bool = False
    """It was given to an earlier request with this key."""


class Idempotency:
    """Does what a key asks for once."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def once(self, key: str, path: str, text: str, work: Callable[[], Document]) -> Answer:
        """Do the work, or answer as this key was answered before; a refusal is an answer too.

        Raises:
            RefusedError: the key is too long, or was used for something else.
        """
        if len(key) > _KEY_MAX:
            raise RefusedError(f"Idempotency keys have {_KEY_MAX} characters at most.")
        fingerprint = hashlib.sha256(f"{path}\n{text}".encode()).hexdigest()
        with self._store as store:
            store.forget_answers(before=time.time() - _KEPT_SECONDS)
            known = store.answer(key) if key else None
            if known is not None:
                return _known(key, fingerprint, *known)
            status, body = _answered(work)
            if key:
                store.keep_answer(key, fingerprint, status, body)
            return Answer(status, body)


def _known(key: str, fingerprint: str, used_for: str, status: int, body: str) -> Answer:
    if used_for != fingerprint:
        message = (
            "Keys for idempotent requests can only be used with the same parameters they were "
            f"first used with. Try using a key other than '{key}' if you meant to execute a "
            "different request."
        )
        raise RefusedError(message, kind="idempotency_error")
    return Answer(status, body, replayed=True)


def _answered(work: Callable[[], Document]) -> tuple[int, str]:
    try:
        return 200, json.dumps(work())
    except RefusedError as error:
        return error.status, json.dumps(error.document)

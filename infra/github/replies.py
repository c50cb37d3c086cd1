"""What GitHub answered, and which failure of ours that is.

The one question that counts for a dispatch is whether GitHub may have taken it. A status below 500
is GitHub's word that it did not; a 5xx, silence or a broken connection is nobody's word.
No text of an exception goes further: an address may hold a token.
"""

import email.utils
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests
import urllib3.exceptions

from schema.errors import SpellError

OK = range(200, 300)
NOT_FOUND, GONE, CONFLICT, UNPROCESSABLE, FOUND = 404, 410, 409, 422, 302
_UNAUTHORIZED, _FORBIDDEN, _TOO_MANY = 401, 403, 429
_SERVER_FAULT = 500
# GitHub asks for a minute where it names no time (secondary limits).
_PAUSE_SECONDS = 60
_PAUSE_SECONDS_MAX = 3600
_WORDS_CHARS_MAX = 300


@dataclass(frozen=True)
class Reply:
    """One answer."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    text: str

    @property
    def document(self) -> Any:
        """The body as JSON; None when it is none."""
        try:
            return json.loads(self.text) if self.text else None
        except ValueError:
            return None

    @property
    def words(self) -> str:
        """What GitHub says is wrong, cut."""
        document = self.document
        message = document.get("message") if isinstance(document, dict) else None
        return str(message or f"status {self.status}")[:_WORDS_CHARS_MAX]

    @property
    def has_failed_there(self) -> bool:
        """Whether GitHub failed, so that nobody knows what it did before."""
        return self.status >= _SERVER_FAULT

    @property
    def is_stale_login(self) -> bool:
        """Whether GitHub does not take our token (any more)."""
        return self.status == _UNAUTHORIZED

    @property
    def pause_seconds(self) -> int | None:
        """How long to leave GitHub alone; None when this is no rate limit.

        Primary limits say when they are over by GitHub's own clock, which is in `date`.
        """
        if self.status not in (_FORBIDDEN, _TOO_MANY):
            return None
        if (after := self.headers.get("retry-after", "")).isdigit():
            return _bounded(int(after))
        reset = self.headers.get("x-ratelimit-reset", "")
        if self.headers.get("x-ratelimit-remaining") == "0" and reset.isdigit():
            return _bounded(int(reset) - self._now())
        limited = self.status == _TOO_MANY or "rate limit" in self.words.lower()
        return _PAUSE_SECONDS if limited else None

    def _now(self) -> int:
        told = email.utils.parsedate_tz(self.headers.get("date", ""))
        return int(email.utils.mktime_tz(told) if told else time.time())


def _bounded(seconds: int) -> int:
    return min(max(seconds, 1), _PAUSE_SECONDS_MAX)


def failure_of(reply: Reply) -> SpellError | None:
    """The failure that any call may meet; None when the reply is the caller's to judge.

    A 5xx counts as nothing having happened: for calls that may be repeated.
    """
    pause = reply.pause_seconds
    if pause is not None:
        message = "GitHub's rate limit is reached."
        return SpellError("RATE_LIMITED", message, retry_after=pause)
    if reply.has_failed_there or reply.is_stale_login:
        return away(f"GitHub answered {reply.status}.")
    return None


def away(message: str) -> SpellError:
    """GitHub cannot be asked now."""
    return SpellError("SERVICE_UNAVAILABLE", message, retry_after=5)


def was_never_sent(error: requests.RequestException) -> bool:
    """Whether the connection failed before any byte of the request was on it.

    Clients here open a connection for each request, so none can break as a stale one.
    """
    if isinstance(error, requests.exceptions.ConnectTimeout | requests.exceptions.SSLError):
        return True
    reason: Any = error.args[0] if error.args else None
    return isinstance(
        getattr(reason, "reason", None),
        urllib3.exceptions.NewConnectionError | urllib3.exceptions.ConnectTimeoutError,
    )

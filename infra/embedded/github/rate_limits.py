"""How many requests each caller may make in an hour, and has made."""

import time
from dataclasses import dataclass
from threading import Lock

# What GitHub gives an App's installation at best; here everybody has it, nameless callers too.
REQUESTS_PER_HOUR = 15_000
_WINDOW_SECONDS = 3600
_CALLERS_MAX = 10_000


@dataclass(frozen=True)
class Allowance:
    """What a caller has used of its hour."""

    limit: int
    used: int
    reset: int
    """When the hour ends, in seconds since 1970."""

    @property
    def remaining(self) -> int:
        """How many requests are left."""
        return max(0, self.limit - self.used)

    @property
    def headers(self) -> dict[str, str]:
        """As every answer tells it."""
        return {
            "x-ratelimit-limit": str(self.limit),
            "x-ratelimit-remaining": str(self.remaining),
            "x-ratelimit-used": str(self.used),
            "x-ratelimit-reset": str(self.reset),
            "x-ratelimit-resource": "core",
        }


class RateLimits:
    """Counts by caller, in memory: a restarted server begins anew."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._used: dict[str, tuple[float, int]] = {}
        self.limit = REQUESTS_PER_HOUR

    def take(self, caller: str) -> Allowance | None:
        """Count a request; None when it is one too many."""
        with self._lock:
            began, used = self._window(caller)
            if used >= self.limit:
                return None
            self._used[caller] = (began, used + 1)
        return self.look(caller)

    def look(self, caller: str) -> Allowance:
        """What a caller has used, without using more."""
        with self._lock:
            began, used = self._window(caller)
        return Allowance(self.limit, min(used, self.limit), int(began + _WINDOW_SECONDS))

    def give_back(self, caller: str) -> Allowance:
        """Do not count a request: what has not changed is free."""
        with self._lock:
            began, used = self._window(caller)
            self._used[caller] = (began, max(0, used - 1))
        return self.look(caller)

    def set(self, limit: int) -> None:
        """Another limit, for everybody, from now on."""
        with self._lock:
            self.limit = limit
            self._used.clear()

    def _window(self, caller: str) -> tuple[float, int]:
        if len(self._used) > _CALLERS_MAX:
            self._used.clear()
        now = time.time()
        began, used = self._used.get(caller, (now, 0))
        return (began, used) if now - began < _WINDOW_SECONDS else (now, 0)

"""Which installations GitHub wants to be left alone about, as this process knows it.

GitHub counts by installation, so by the owner of repositories, and bans Apps that go on asking
while they are limited. Hundreds of casts may wait for runs of one owner: the first that is told
keeps the others from asking. Owners are apart: one maker's limit is not another's.
"""

import math
import threading
import time

from infra.github.replies import Reply
from schema.errors import SpellError

_OWNERS_MAX = 1_000


class RateLimits:
    """Remembers limits until they are over. Any thread may ask."""

    def __init__(self) -> None:
        self._over_at: dict[str, float] = {}
        self._lock = threading.Lock()

    def check(self, repo: str) -> None:
        """Raise SpellError(RATE_LIMITED) while the repository's owner is limited."""
        now = time.monotonic()
        with self._lock:
            left = self._over_at.get(_owner(repo), now) - now
        if left > 0:
            message = "GitHub's rate limit is reached."
            raise SpellError("RATE_LIMITED", message, retry_after=math.ceil(left))

    def note(self, repo: str, reply: Reply) -> None:
        """Remember the limit that an answer tells of, if it does."""
        pause = reply.pause_seconds
        if pause is None:
            return
        now = time.monotonic()
        with self._lock:
            if len(self._over_at) >= _OWNERS_MAX:
                self._over_at = {who: at for who, at in self._over_at.items() if at > now}
            self._over_at[_owner(repo)] = now + pause


def _owner(repo: str) -> str:
    return repo.partition("/")[0].lower()

"""What the cache of compiled code did: where code was found, and what it cost."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from typing import Literal

Event = Literal[
    "hits_child",
    "hits_memory",
    "hits_disk",
    "hits_fetched",
    "misses",
    "stale",
    "corrupt",
    "evicted_child",
    "evicted_memory",
    "evicted_disk",
]

REPORT_SECONDS = 60.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CacheNumbers:
    """The counters at one moment. Counts are since the start of the process, sizes are now."""

    hits_child: int = 0
    """Runs whose sandbox process had the module warm."""
    hits_memory: int = 0
    """Code handed to a sandbox process from this process's memory."""
    hits_disk: int = 0
    """Code read from this machine's disk."""
    hits_fetched: int = 0
    """Code that the platform compiled and signed, fetched from the bucket."""
    misses: int = 0
    """Modules compiled here, since nobody had code that fits."""
    stale: int = 0
    """Code that a sandbox process refused: made by another processor or engine."""
    corrupt: int = 0
    """Entries on disk or in the bucket that were not what was written or signed."""
    evicted_child: int = 0
    evicted_memory: int = 0
    evicted_disk: int = 0
    memory_bytes: int = 0
    disk_bytes: int = 0
    """As of the last time that this runner wrote to its disk."""
    fetched_bytes: int = 0
    compiled_bytes: int = 0


@dataclass
class CacheCounters:
    """Counts, from any thread. `numbers` is what a log line or a meter reads."""

    memory_bytes: int = 0
    disk_bytes: int = 0
    _counts: dict[str, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, event: Event) -> None:
        """One more of these."""
        self._add(event, 1)

    def count_fetched(self, size_bytes: int) -> None:
        """Code came from the platform."""
        self._add("hits_fetched", 1)
        self._add("fetched_bytes", size_bytes)

    def count_compiled(self, size_bytes: int) -> None:
        """Code had to be made here."""
        self._add("misses", 1)
        self._add("compiled_bytes", size_bytes)

    def numbers(self) -> CacheNumbers:
        """All of them, as they are now."""
        with self._lock:
            return CacheNumbers(
                **self._counts, memory_bytes=self.memory_bytes, disk_bytes=self.disk_bytes
            )

    def _add(self, name: str, number: int) -> None:
        with self._lock:
            self._counts[name] = self._counts.get(name, 0) + number


def log_numbers(counters: CacheCounters) -> None:
    """Write one line with all numbers."""
    _log.info("compiled code", extra={"code_cache": asdict(counters.numbers())})


@asynccontextmanager
async def reporting(
    counters: CacheCounters, interval_seconds: float = REPORT_SECONDS
) -> AsyncIterator[None]:
    """Write a line from time to time while the context is open, and a last one at its end."""
    task = asyncio.create_task(_log_for_ever(counters, interval_seconds))
    try:
        yield
    finally:
        task.cancel()
        log_numbers(counters)


async def _log_for_ever(counters: CacheCounters, interval_seconds: float) -> None:
    while True:
        await asyncio.sleep(interval_seconds)
        log_numbers(counters)

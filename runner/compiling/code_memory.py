"""The code that was used last, kept in memory for all sandbox processes together."""

from collections import OrderedDict

from runner.compiling.cache_counters import CacheCounters
from runner.compiling.frozen_code import FrozenCode

# Each holds a descriptor, of which a process has 1,024 by default.
_ENTRIES_MAX = 256


class CodeMemory:
    """A bounded memory of code by engine and module; the longest unused goes first.

    What is forgotten lives on for as long as somebody loads or maps it.

    Args:
        bytes_max: what the entries may hold together. One entry may be larger; it is alone then.
        counters: where evictions and sizes are counted.
    """

    def __init__(self, bytes_max: int, counters: CacheCounters) -> None:
        self._bytes_max = bytes_max
        self._counters = counters
        self._entries: OrderedDict[tuple[str, str], FrozenCode] = OrderedDict()
        self._held_bytes = 0

    def get(self, engine: str, digest: str) -> FrozenCode | None:
        """The code, which is now the last used."""
        code = self._entries.get((engine, digest))
        if code is not None:
            self._entries.move_to_end((engine, digest))
        return code

    def put(self, engine: str, digest: str, code: FrozenCode) -> None:
        """Keep the code, in place of what was kept for the same module."""
        self.remove(engine, digest)
        self._entries[engine, digest] = code
        self._held_bytes += code.size_bytes
        while len(self._entries) > 1 and self._is_too_much():
            _, evicted = self._entries.popitem(last=False)
            self._held_bytes -= evicted.size_bytes
            self._counters.count("evicted_memory")
        self._counters.memory_bytes = self._held_bytes

    def remove(self, engine: str, digest: str) -> None:
        """Forget the code; nothing happens when it is not there."""
        code = self._entries.pop((engine, digest), None)
        if code is not None:
            self._held_bytes -= code.size_bytes
            self._counters.memory_bytes = self._held_bytes

    def _is_too_much(self) -> bool:
        return self._held_bytes > self._bytes_max or len(self._entries) > _ENTRIES_MAX

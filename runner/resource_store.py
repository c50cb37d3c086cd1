"""Keeps archives of resources that runs have asked for, and gives them to sandbox processes."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable

from runner.processes.sandbox_process import SandboxProcess
from schema import limits

_KEPT_BYTES_MAX = 4 * limits.RESOURCES_BYTES_MAX


class ResourceStore:
    """Archives by digest, the last fetched ones in memory.

    Args:
        fetch: answers the verified bytes of an object of the bucket.
    """

    def __init__(self, fetch: Callable[[str], Awaitable[bytes]]) -> None:
        self._fetch = fetch
        self._archives: OrderedDict[str, bytes] = OrderedDict()

    async def provide(self, process: SandboxProcess, digest: str | None) -> None:
        """Make sure that a process has these resources.

        Raises:
            SpellError: SERVICE_UNAVAILABLE, they cannot be fetched.
            SandboxDiedError: the process ended.
        """
        if digest is None or digest in process.resources:
            return
        if digest not in self._archives:
            self._archives[digest] = await self._fetch(digest)
            while sum(map(len, self._archives.values())) > _KEPT_BYTES_MAX:
                self._archives.popitem(last=False)
        await process.provide(digest, self._archives[digest])

"""Finds compiled code for a module: in memory, on disk, from the platform; or has it compiled.

Code is compiled when a spell is published, and comes signed from the bucket. It is compiled here
only when that code is for another engine or processor: during a rolling upgrade, or in a fleet of
unlike machines.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from runner.compiling.cache_counters import CacheCounters
from runner.compiling.code_memory import CodeMemory
from runner.compiling.compiled_cache import CompiledCache
from runner.compiling.frozen_code import FrozenCode
from runner.compiling.local_compiler import compile_locally
from runner.compiling.signed_code import ForgedCodeError, SignedCode

FetchObject = Callable[[str], Awaitable[bytes]]

_COMPILERS_MAX = 2

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CacheSizes:
    """What may be kept of compiled code, in bytes; the longest unused goes first."""

    disk_bytes_max: int
    memory_bytes_max: int


class CodeStore:
    """Compiled code by engine and module digest.

    Args:
        disk: where it is kept between runs of this process.
        memory: where it is kept for the sandbox processes of this one.
        fetch_object: answers a module's verified bytes.
        signed: the platform's code; without it, all code is compiled here.
        counters: what is counted is told by `CacheNumbers`.
    """

    def __init__(
        self,
        disk: CompiledCache,
        memory: CodeMemory,
        fetch_object: FetchObject,
        signed: SignedCode | None,
        counters: CacheCounters,
    ) -> None:
        self._disk = disk
        self._memory = memory
        self._fetch_object = fetch_object
        self._signed = signed
        self.counters = counters
        # Many casts of a new module arrive together; one of them finds or makes its code.
        self._under_way: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._compilers = asyncio.Semaphore(_COMPILERS_MAX)

    @classmethod
    def open(
        cls,
        folder: Path,
        sizes: CacheSizes,
        fetch_object: FetchObject,
        signed: SignedCode | None = None,
    ) -> "CodeStore":
        """A store on this machine's disk.

        Args:
            folder: made when it is not there. Several runners may share it.
            sizes: bounds of disk and memory.
            fetch_object: answers a module's verified bytes.
            signed: the platform's code; without it, all code is compiled here.

        Raises:
            ValueError: the key in the folder is none.
        """
        counters = CacheCounters()
        return cls(
            CompiledCache(folder, sizes.disk_bytes_max, counters),
            CodeMemory(sizes.memory_bytes_max, counters),
            fetch_object,
            signed,
            counters,
        )

    def is_in_memory(self, engine: str, digest: str) -> bool:
        """Whether `compiled` answers without reading, fetching or compiling anything."""
        return self._memory.get(engine, digest) is not None

    async def compiled(self, engine: str, digest: str) -> FrozenCode:
        """The module's code for this engine.

        Raises:
            ModuleRefusedError: the engine does not accept the module.
            CompilerDiedError: it could not be compiled this time.
            SpellError: SERVICE_UNAVAILABLE, the module cannot be fetched.
        """
        async with self._under_way[digest]:
            try:
                return await self._find_or_make(engine, digest)
            finally:
                self._under_way.pop(digest, None)

    async def compiled_anew(self, engine: str, digest: str, stale: FrozenCode) -> FrozenCode:
        """Code made on this machine, in place of code that its sandbox processes refused.

        Args:
            engine: the engine's name.
            digest: the module's.
            stale: the refused code. When somebody replaced it meanwhile, that one is the answer.

        Raises:
            ModuleRefusedError, CompilerDiedError, SpellError: as `compiled`.
        """
        async with self._under_way[digest]:
            try:
                code = self._memory.get(engine, digest)
                if code is None or code is stale:
                    self.counters.count("stale")
                    code = await self._make(engine, digest)
                return code
            finally:
                self._under_way.pop(digest, None)

    async def _find_or_make(self, engine: str, digest: str) -> FrozenCode:
        if (code := self._memory.get(engine, digest)) is not None:
            self.counters.count("hits_memory")
            return code
        code = await self._read(engine, digest) or await self._fetch(engine, digest)
        if code is None:
            return await self._make(engine, digest)
        self._memory.put(engine, digest, code)
        return code

    async def _read(self, engine: str, digest: str) -> FrozenCode | None:
        content = await asyncio.to_thread(self._disk.read, engine, digest)
        if content is None:
            return None
        self.counters.count("hits_disk")
        return await asyncio.to_thread(FrozenCode.of, content)

    async def _fetch(self, engine: str, digest: str) -> FrozenCode | None:
        if self._signed is None:
            return None
        try:
            content = await self._signed.fetch(engine, digest)
        except ForgedCodeError as forgery:
            self.counters.count("corrupt")
            _log.error("%s", forgery)
            return None
        if content is None:
            return None
        self.counters.count_fetched(len(content))
        _log.info("fetched the code of %s: %d bytes", digest, len(content))
        await self._write(engine, digest, content)
        return await asyncio.to_thread(FrozenCode.of, content)

    async def _make(self, engine: str, digest: str) -> FrozenCode:
        module = await self._fetch_object(digest)
        async with self._compilers:
            code = await compile_locally(module)
        self.counters.count_compiled(code.size_bytes)
        _log.warning(
            "compiled %s here: %d bytes of code", digest, code.size_bytes, extra={"engine": engine}
        )
        await self._write(engine, digest, code.content())
        self._memory.put(engine, digest, code)
        return code

    async def _write(self, engine: str, digest: str, content: bytes) -> None:
        try:
            await asyncio.to_thread(self._disk.write, engine, digest, content)
        except OSError as error:
            # A full disk costs time later; the run need not wait for it.
            _log.error("cannot keep compiled code on disk: %s", error)

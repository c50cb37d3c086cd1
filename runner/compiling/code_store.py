"""Finds compiled code for a module: on disk, else fetched from the bus and compiled."""

import asyncio
import logging
import sys
from collections import defaultdict
from collections.abc import Awaitable, Callable
from pathlib import Path

from runner.compiling.compiled_cache import CompiledCache
from runner.refusals import ModuleRefusedError
from schema import limits

_ROOT = Path(__file__).resolve().parents[2]
# Exit status of runner/compiling/compile.py, which loads wasmtime and so is not imported here.
_REFUSED_STATUS = 2
_COMPILERS_MAX = 2

_log = logging.getLogger(__name__)


class CompilerDiedError(Exception):
    """The compiler was killed or took too long. The module has passed the same check at publish."""


class CodeStore:
    """Compiled code by module digest.

    Args:
        cache: where it is kept between runs of this process.
        fetch_module: answers the module's verified bytes.
    """

    def __init__(
        self, cache: CompiledCache, fetch_module: Callable[[str], Awaitable[bytes]]
    ) -> None:
        self._cache = cache
        self._fetch_module = fetch_module
        # Many casts of a new module arrive together; one of them compiles.
        self._under_way: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._compilers = asyncio.Semaphore(_COMPILERS_MAX)

    async def compiled(self, engine: str, digest: str) -> bytes:
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

    async def forget(self, engine: str, digest: str) -> None:
        """Compile the module anew next time: what is kept does not fit this machine."""
        await asyncio.to_thread(self._cache.remove, engine, digest)

    async def _find_or_make(self, engine: str, digest: str) -> bytes:
        code = await asyncio.to_thread(self._cache.read, engine, digest)
        if code is None:
            module = await self._fetch_module(digest)
            async with self._compilers:
                code = await _compile(module)
            await asyncio.to_thread(self._cache.write, engine, digest, code)
            _log.info("compiled %s: %d bytes of code", digest, len(code))
        return code


async def _compile(module: bytes) -> bytes:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-s", "-B", "-m", "runner.compiling.compile"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        cwd=_ROOT,
        env={},
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(limits.MODULE_CHECK_SECONDS_MAX):
            code, _ = await process.communicate(module)
    except TimeoutError as error:
        raise CompilerDiedError("the compiler took too long") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode == _REFUSED_STATUS:
        raise ModuleRefusedError(code.decode(errors="replace"))
    if process.returncode != 0:
        raise CompilerDiedError(f"the compiler ended with status {process.returncode}")
    return code

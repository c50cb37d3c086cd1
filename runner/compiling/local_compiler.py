"""Compiles a module on this machine, in a limited process of its own, when nobody else has."""

import asyncio
import os
import sys
from pathlib import Path

from runner.compiling.frozen_code import FrozenCode, unfrozen_file
from runner.refusals import ModuleRefusedError
from schema import limits

_ROOT = Path(__file__).resolve().parents[2]
# Exit status of runner/compiling/compile.py, which loads wasmtime and so is not imported here.
_REFUSED_STATUS = 2
_REASON_BYTES_MAX = 2000


class CompilerDiedError(Exception):
    """The compiler was killed or took too long. The module has passed the same check at publish."""


async def compile_locally(module: bytes) -> FrozenCode:
    """The module's code, made by `runner.compiling.compile`.

    The compiler writes into a file in memory, whose size its own limits bound, and which is frozen
    once it has ended.

    Raises:
        ModuleRefusedError: the engine does not accept the module.
        CompilerDiedError: it could not be compiled this time.
    """
    descriptor = unfrozen_file()
    try:
        status = await _run_compiler(module, descriptor)
    except BaseException:
        os.close(descriptor)
        raise
    code = FrozenCode(descriptor)
    if status == _REFUSED_STATUS:
        raise ModuleRefusedError(code.content()[:_REASON_BYTES_MAX].decode(errors="replace"))
    if status != 0:
        raise CompilerDiedError(f"the compiler ended with status {status}")
    return code


async def _run_compiler(module: bytes, output: int) -> int:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-s", "-B", "-m", "runner.compiling.compile"),
        stdin=asyncio.subprocess.PIPE,
        stdout=output,
        stderr=asyncio.subprocess.DEVNULL,
        cwd=_ROOT,
        env={},
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(limits.MODULE_CHECK_SECONDS_MAX):
            await process.communicate(module)
    except TimeoutError as error:
        raise CompilerDiedError("the compiler took too long") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0

"""Inspects modules by the runner's own command, in a process that can be killed.

It spawns the command and does not import it: the platform never loads a compiler of untrusted code.
"""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from schema import limits
from schema.compiled_code import CompiledCode, is_engine_name
from schema.contracts.publish import ModuleFacts
from schema.errors import SpellError

_ROOT = Path(__file__).resolve().parent.parent
_LINE_BYTES_MAX = limits.MIB


class SubprocessModuleInspector:
    """Validation and compilation of untrusted modules in limited processes (port ModuleInspector).

    Args:
        timeout_seconds: for one inspection; the process is killed then.
        work_bytes_max: the memory of one inspection.
        concurrent_max: inspections at a time; more wait, since each may take all its memory.
    """

    def __init__(
        self,
        timeout_seconds: float = limits.MODULE_CHECK_SECONDS_MAX,
        work_bytes_max: int = limits.MODULE_CHECK_MEMORY_BYTES_MAX,
        concurrent_max: int = 2,
    ) -> None:
        self._timeout_seconds = timeout_seconds
        self._work_bytes_max = work_bytes_max
        self._slots = asyncio.Semaphore(concurrent_max)

    async def inspect(
        self, module: bytes, entry: str, memory_bytes_max: int
    ) -> tuple[ModuleFacts, CompiledCode]:
        """What the module imports and exports, and what the engine made of it.

        Raises:
            SpellError: MODULE_INVALID, with what is wrong, or the limit it hit, in `details`.
        """
        if len(module) > limits.COMPONENT_BYTES_MAX:
            raise SpellError(
                "MODULE_INVALID",
                "The module is too large.",
                details={"bytes_max": limits.COMPONENT_BYTES_MAX},
            )
        async with self._slots:
            status, answer = await self._run(
                "inspect", entry, str(memory_bytes_max), str(self._work_bytes_max), stdin=module
            )
        self._check_status(status)
        return _read(answer)

    async def engine_name(self) -> str:
        """The name of the engine that compiles here.

        Raises:
            SpellError: INTERNAL, this installation cannot compile.
        """
        status, answer = await self._run("name_engine", stdin=b"")
        name = answer[:_LINE_BYTES_MAX].decode(errors="replace")
        if status != 0 or not is_engine_name(name):
            raise _broken()
        return name

    async def _run(self, command: str, *arguments: str, stdin: bytes) -> tuple[int, bytes]:
        """Exit status and output of one of the runner's commands, whose own limits bound both."""
        output = os.memfd_create("inspection", os.MFD_CLOEXEC)
        try:
            status = await self._spawn(command, arguments, stdin, output)
            return status, await asyncio.to_thread(_content, output)
        finally:
            os.close(output)

    async def _spawn(
        self, command: str, arguments: tuple[str, ...], stdin: bytes, output: int
    ) -> int:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-s", "-B", "-m", f"runner.compiling.{command}", *arguments),
            stdin=asyncio.subprocess.PIPE,
            stdout=output,
            stderr=asyncio.subprocess.DEVNULL,
            cwd=_ROOT,
            env={},
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(self._timeout_seconds):
                await process.communicate(stdin)
        except TimeoutError as error:
            raise SpellError(
                "MODULE_INVALID",
                "The module takes too long to compile.",
                details={"seconds_max": self._timeout_seconds},
            ) from error
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return process.returncode or 0

    def _check_status(self, status: int) -> None:
        """Tell what the module did to its inspection from what is wrong with this machine."""
        if status == 0:
            return
        if status == -signal.SIGABRT:
            raise SpellError(
                "MODULE_INVALID",
                "The module takes too much memory to compile.",
                details={"compile_bytes_max": self._work_bytes_max},
            )
        if status < 0 and status != -signal.SIGKILL:
            raise SpellError(
                "MODULE_INVALID",
                "The module ends its own inspection.",
                details={"signal": signal.Signals(-status).name},
            )
        # Killed from outside, or it never came to work.
        raise _broken()


def _content(output: int) -> bytes:
    return os.pread(output, limits.COMPILED_BYTES_MAX + _LINE_BYTES_MAX, 0)


def _read(answer: bytes) -> tuple[ModuleFacts, CompiledCode]:
    line, _, code = answer.partition(b"\n")
    head = _parse(line[:_LINE_BYTES_MAX])
    if "error" in head:
        error = head["error"]
        raise SpellError("MODULE_INVALID", error["message"], details=error["details"])
    engine = head.get("engine")
    if "ok" not in head or not code or not isinstance(engine, str) or not is_engine_name(engine):
        raise _broken()
    return ModuleFacts.model_validate(head["ok"]), CompiledCode(engine, code)


def _parse(text: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(text)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _broken() -> SpellError:
    return SpellError("INTERNAL", "The inspection of modules does not work.")

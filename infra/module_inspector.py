"""Inspects modules by the runner's own command, in a process that can be killed.

It spawns the command and does not import it: the platform never loads a compiler of untrusted code.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from schema import limits
from schema.contracts.publish import ModuleFacts
from schema.errors import SpellError

_ROOT = Path(__file__).resolve().parent.parent


class SubprocessModuleInspector:
    """Validation and compilation of untrusted modules in limited processes (port ModuleInspector).

    Args:
        timeout_seconds: for one inspection; the process is killed then.
        concurrent_max: inspections at a time; more wait, since each may take all its memory.
    """

    def __init__(
        self,
        timeout_seconds: float = limits.MODULE_CHECK_SECONDS_MAX,
        concurrent_max: int = 2,
    ) -> None:
        self._timeout_seconds = timeout_seconds
        self._slots = asyncio.Semaphore(concurrent_max)

    async def inspect(self, module: bytes, entry: str, memory_bytes_max: int) -> ModuleFacts:
        """What the module imports and exports.

        Raises:
            SpellError: MODULE_INVALID, with what is wrong in `details`.
        """
        if len(module) > limits.COMPONENT_BYTES_MAX:
            raise SpellError(
                "MODULE_INVALID",
                "The module is too large.",
                details={"bytes_max": limits.COMPONENT_BYTES_MAX},
            )
        async with self._slots:
            status, text = await self._run(module, entry, memory_bytes_max)
        if status > 0:
            raise SpellError("INTERNAL", "The inspection of modules does not work.")
        answer = _parse(text)
        if "ok" in answer:
            return ModuleFacts.model_validate(answer["ok"])
        if "error" in answer:
            error = answer["error"]
            raise SpellError("MODULE_INVALID", error["message"], details=error["details"])
        # A signal ended it, most likely its own: out of memory.
        raise SpellError(
            "MODULE_INVALID",
            "The module cannot be compiled within the limits of its inspection.",
            details={"memory_bytes_max": limits.MODULE_CHECK_MEMORY_BYTES_MAX},
        )

    async def _run(self, module: bytes, entry: str, memory_bytes_max: int) -> tuple[int, bytes]:
        process = await asyncio.create_subprocess_exec(
            *(
                sys.executable,
                "-s",
                "-B",
                "-m",
                "runner.compiling.inspect",
                entry,
                str(memory_bytes_max),
            ),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            cwd=_ROOT,
            env={},
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(self._timeout_seconds):
                text, _ = await process.communicate(module)
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
        return process.returncode or 0, text


def _parse(text: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(text)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}

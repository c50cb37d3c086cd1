"""JSON Schema checks of untrusted schemas and values, in processes that can be killed.

Plays the role `SchemaChecker`. A check that is stuck, hungry for memory or crashing costs one
child process and its own caller, nobody else.
"""

import asyncio
from typing import Any, Self

from infra.schema_checking.process import (
    CheckProcess,
    CheckProcessLostError,
    CheckTimeoutError,
)
from infra.schema_checking.wire import SIDES, Fault
from schema.errors import SpellError
from schema.limits import SCHEMA_CHECK_SECONDS_MAX

# A process may be lost to somebody else's kill or to memory that an earlier check left behind;
# only what also kills a fresh one is the schema's or the value's own fault.
ATTEMPTS_MAX = 2


class KillableSchemaChecker:
    """Checks against Draft 2020-12 in a few warm child processes, started when first needed.

    Args:
        children: how many checks may run at once.
        seconds_max: wall time of one check, after which its process is killed.
    """

    def __init__(self, *, children: int = 2, seconds_max: float = SCHEMA_CHECK_SECONDS_MAX) -> None:
        self._children = children
        self._seconds_max = seconds_max
        self._closed = False
        # Last in, first out: the busiest child has the most schemas compiled. None is a slot
        # whose child is not running.
        self._slots: asyncio.LifoQueue[CheckProcess | None] = asyncio.LifoQueue()
        for _ in range(children):
            self._slots.put_nowait(None)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def check_schemas(self, schema_json: bytes) -> None:
        """Check a package's schema.json. Raises SpellError(SCHEMA_INVALID)."""
        try:
            answer = await self._ask("", schema_json, b"")
        except (CheckTimeoutError, CheckProcessLostError) as error:
            message = f"the schemas are too expensive to check: {self._reason(error)}"
            raise _schema_invalid([{"path": "", "message": message}]) from error
        _refuse_schema_faults(answer)

    async def violations(self, schema_json: bytes, side: str, value_json: bytes) -> list[Fault]:
        """Where the value breaks the `input` or `output` schema; at most ten places.

        Raises:
            SpellError: VALIDATION_ERROR when the check needs too much time or memory;
                SCHEMA_INVALID when schema.json itself cannot be used.
        """
        if side not in SIDES:
            raise ValueError(f"a schema.json has the sides {SIDES}, not {side!r}")
        try:
            answer = await self._ask(side, schema_json, value_json)
        except (CheckTimeoutError, CheckProcessLostError) as error:
            raise SpellError(
                "VALIDATION_ERROR",
                f"The {side} is too expensive to check against the spell's schema: "
                f"{self._reason(error)}. Send less, or ask the maker for a simpler schema.",
                details={"side": side},
            ) from error
        _refuse_schema_faults(answer)
        return [Fault(**fault) for fault in answer["violations"]]

    async def close(self) -> None:
        """Wait for the checks that run, then end every child; whoever still queues is refused."""
        self._closed = True
        children = [await self._slots.get() for _ in range(self._children)]
        for child in children:
            if child is not None:
                await child.stop()
            self._slots.put_nowait(None)

    async def _ask(self, side: str, schema_json: bytes, value_json: bytes) -> dict[str, Any]:
        child = await self._slots.get()
        try:
            if self._closed:
                raise RuntimeError("the schema checker is closed")
            for _ in range(ATTEMPTS_MAX):
                if child is None or not child.alive:
                    child = await CheckProcess.start(self._seconds_max)
                try:
                    return await child.ask(side, schema_json, value_json)
                except CheckProcessLostError as error:
                    lost = error
            raise lost
        finally:
            self._slots.put_nowait(child if child is not None and child.alive else None)

    def _reason(self, error: Exception) -> str:
        if isinstance(error, CheckTimeoutError):
            return f"it takes longer than {self._seconds_max:g} seconds"
        return "its process ran out of memory or stack"


def _refuse_schema_faults(answer: dict[str, Any]) -> None:
    if answer.get("schema_faults"):
        raise _schema_invalid(answer["schema_faults"])


def _schema_invalid(errors: list[dict[str, str]]) -> SpellError:
    return SpellError("SCHEMA_INVALID", details={"errors": errors})

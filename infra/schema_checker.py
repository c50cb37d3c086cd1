"""JSON Schema checks of untrusted schemas and values, in processes that can be killed.

Plays the role `SchemaChecker`. A check that is stuck, hungry for memory or crashing costs one
child process and its own caller, nobody else.
"""

from typing import Any, Self

from infra.killable.pool import KillablePool
from infra.killable.process import ChildLostError, ChildTimeoutError
from infra.schema_checking.faults import SIDES, Fault
from schema.errors import SpellError
from schema.limits import SCHEMA_CHECK_SECONDS_MAX


class KillableSchemaChecker:
    """Checks against Draft 2020-12 in a few warm child processes, started when first needed.

    Args:
        children: how many checks may run at once.
        seconds_max: wall time of one check, after which its process is killed.
    """

    def __init__(self, *, children: int = 2, seconds_max: float = SCHEMA_CHECK_SECONDS_MAX) -> None:
        self._seconds_max = seconds_max
        self._pool = KillablePool(
            "infra.schema_checking.child", children=children, seconds_max=seconds_max
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def check_schemas(self, schema_json: bytes) -> None:
        """Check a package's schema.json. Raises SpellError(SCHEMA_INVALID)."""
        try:
            answer = await self._pool.ask(("", schema_json, b""))
        except (ChildTimeoutError, ChildLostError) as error:
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
            answer = await self._pool.ask((side, schema_json, value_json))
        except (ChildTimeoutError, ChildLostError) as error:
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
        await self._pool.close()

    def _reason(self, error: Exception) -> str:
        if isinstance(error, ChildTimeoutError):
            return f"it takes longer than {self._seconds_max:g} seconds"
        return "its process ran out of memory or stack"


def _refuse_schema_faults(answer: dict[str, Any]) -> None:
    if answer.get("schema_faults"):
        raise _schema_invalid(answer["schema_faults"])


def _schema_invalid(errors: list[dict[str, str]]) -> SpellError:
    return SpellError("SCHEMA_INVALID", details={"errors": errors})

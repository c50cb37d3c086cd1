"""Whether an output is what its spell promises, in whatever mode it came about."""

from collections import OrderedDict
from typing import Any

from activities.ports import CastStore, SchemaChecker
from schema.canonical import JsonRefusedError, parse_json
from schema.contracts.plans import CastPlan
from schema.errors import SpellError

_SCHEMAS_KEPT_MAX = 256


class OutputJudge:
    """Judges outputs by the output schemas of their spells.

    Args:
        casts: has the schemas of versions.
        checker: judges values by schemas.
    """

    def __init__(self, casts: CastStore, checker: SchemaChecker) -> None:
        self._casts = casts
        self._checker = checker
        self._schemas: OrderedDict[str, bytes] = OrderedDict()

    async def errors(self, plan: CastPlan, output: bytes) -> list[dict[str, Any]]:
        """Where the output breaks the schema, and how; empty when it does not."""
        try:
            parse_json(output)
        except JsonRefusedError as error:
            return [{"path": "", "message": f"the output is {error}"}]
        try:
            schemas = await self._schemas_of(plan)
            violations = await self._checker.violations(schemas, "output", output)
        except SpellError as error:
            if error.code != "VALIDATION_ERROR":
                raise
            return [{"path": "", "message": error.message}]
        return [{"path": v.path, "message": v.message} for v in violations]

    async def _schemas_of(self, plan: CastPlan) -> bytes:
        """schema.json by package digest: immutable, so a small memory of the last ones is safe."""
        if plan.package_digest not in self._schemas:
            self._schemas[plan.package_digest] = await self._casts.schemas_of(plan)
            if len(self._schemas) > _SCHEMAS_KEPT_MAX:
                self._schemas.popitem(last=False)
        return self._schemas[plan.package_digest]

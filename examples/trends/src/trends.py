"""Statistics of a table by group, with Python's standard library: the spell's entry point."""

import json
from typing import Any

import wit_world
from componentize_py_types import Err

from groups import RefusedTableError, groups_of, read_rows
from measures import summary_of, trend_of


class WitWorld(wit_world.WitWorld):
    """What the world `spell` exports."""

    def cast(self, inputs: str) -> str:
        """The answer of one cast. Raises Err: the table is not what the request says."""
        try:
            return json.dumps(_answer(json.loads(inputs)), ensure_ascii=False)
        except RefusedTableError as refusal:
            raise Err(str(refusal)) from refusal


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    value, over = request["value"], request.get("over")
    rows = read_rows(request["csv"], request.get("delimiter", ","))
    groups = groups_of(rows, request.get("group_by"), value, over)
    return {
        "rows": len(rows),
        "groups": [
            {
                "group": name,
                **summary_of([point.value for point in points]),
                "trend": trend_of(points) if over else None,
            }
            for name, points in sorted(groups.items(), key=lambda item: item[0] or "")
        ],
    }

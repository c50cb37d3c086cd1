"""The floor: a Temporal workflow with a cast's commands and nothing in them.

One update-with-start, two local activities, one activity and one search-attribute upsert, like
`CastSpell`. Apart from its worker, since the sandbox imports this file for every instance.
"""

from datetime import timedelta

from temporalio import activity, workflow
from temporalio.common import SearchAttributeKey

_COST = SearchAttributeKey.for_int("SpellCostMicros")
_STATUS = SearchAttributeKey.for_keyword("SpellStatus")


@activity.defn
async def nothing(value: str) -> str:
    """Answer at once."""
    return value


@workflow.defn
class Bare:
    """Admit, run, settle: without admitting, running or settling anything."""

    def __init__(self) -> None:
        self._admitted = False

    @workflow.run
    async def run(self, value: str) -> str:
        """The same commands as a cast, in the same order."""
        brief = timedelta(seconds=10)
        await workflow.execute_local_activity(nothing, value, start_to_close_timeout=brief)
        self._admitted = True
        await workflow.execute_activity(
            nothing, value, start_to_close_timeout=brief, heartbeat_timeout=brief
        )
        await workflow.execute_local_activity(nothing, value, start_to_close_timeout=brief)
        workflow.upsert_search_attributes([_STATUS.value_set("done"), _COST.value_set(1)])
        return value

    @workflow.update
    async def admit(self) -> str:
        """Answer once admitted."""
        await workflow.wait_condition(lambda: self._admitted)
        return "admitted"

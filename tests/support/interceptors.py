"""Faults between workflow and activities: fail before or after the effect, or do it twice."""

from collections import Counter
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
)


class StepFaults(Interceptor):
    """Applies faults by activity name and remembers what ran.

    Args:
        fail_before: activities that fail for good before their effect.
        fail_after: activities that fail for good after their effect: it happened, unknown to us.
        twice: activities that run twice each time, the second answer counting.
    """

    def __init__(
        self,
        *,
        fail_before: frozenset[str] = frozenset(),
        fail_after: frozenset[str] = frozenset(),
        twice: frozenset[str] = frozenset(),
    ) -> None:
        self.fail_before = fail_before
        self.fail_after = fail_after
        self.twice = twice
        self.ran: Counter[str] = Counter()

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002
        return _Faulty(next, self)


class _Faulty(ActivityInboundInterceptor):
    def __init__(self, following: ActivityInboundInterceptor, faults: StepFaults) -> None:
        super().__init__(following)
        self._faults = faults

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002
        name = activity.info().activity_type
        self._faults.ran[name] += 1
        if name in self._faults.fail_before:
            raise ApplicationError("injected before", type="INTERNAL", non_retryable=True)
        result = await super().execute_activity(input)
        if name in self._faults.twice:
            result = await super().execute_activity(input)
        if name in self._faults.fail_after:
            raise ApplicationError("injected after", type="INTERNAL", non_retryable=True)
        return result

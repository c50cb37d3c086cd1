"""The undo stack: each undo is registered before its step, and harmless if that never was."""

import asyncio
from collections.abc import Awaitable, Callable

from temporalio import workflow
from temporalio.exceptions import FailureError

from schema.contracts.problem import Problem

Undo = Callable[[Problem], Awaitable[object]]


class Saga:
    """Undoes steps newest first. One that fails for good does not keep the older ones from it."""

    def __init__(self) -> None:
        self._undos: list[Undo] = []

    def undo_with(self, undo: Undo) -> None:
        """Register the undo of the step that comes next."""
        self._undos.append(undo)

    async def compensate(self, problem: Problem) -> None:
        """Run every undo to its end; a second request to cancel does not interrupt them."""
        undoing = asyncio.create_task(self._undo_all(problem))
        while not undoing.done():
            try:
                await asyncio.shield(undoing)
            except asyncio.CancelledError:
                workflow.logger.warning("cancelled again while compensating: going on")

    async def _undo_all(self, problem: Problem) -> None:
        while self._undos:
            undo = self._undos.pop()
            try:
                await undo(problem)
            except FailureError:
                workflow.logger.exception("an undo gave up; the older ones still run")

"""Sealing in workflow tests: a sealer that does what the test says."""

import uuid
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any

from temporalio.client import Client, WorkflowHandle
from temporalio.worker import Worker

from activities.ledger import LedgerActivities
from schema.contracts.ledger import SealReport
from workflows.seal_ledger import SealLedger


class ScriptedSealing:
    """Finds so many rows each time, and then none; a negative number is a failure."""

    def __init__(self, found: Sequence[int], look_every: timedelta = timedelta(0)) -> None:
        self._found = list(found)
        self._ledger = LedgerActivities(self, look_every)
        self._queue = f"sealing-{uuid.uuid4()}"
        self.looks = 0

    async def seal(self) -> SealReport:
        self.looks += 1
        rows = self._found.pop(0) if self._found else 0
        if rows < 0:
            raise ConnectionError("the database is away")
        return SealReport(seals=1 if rows else 0, rows=rows)

    def worker(self, client: Client) -> AbstractAsyncContextManager[Any]:
        return Worker(
            client,
            task_queue=self._queue,
            workflows=[SealLedger],
            activities=[self._ledger.seal],
        )

    async def start(self, client: Client) -> WorkflowHandle[Any, Any]:
        return await client.start_workflow(
            SealLedger.run, id=f"seal-ledger-{uuid.uuid4()}", task_queue=self._queue
        )

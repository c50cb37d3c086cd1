"""Bills of materials that were just read: three checks look at one bill, which takes a second."""

import asyncio
from collections import OrderedDict

from activities.supply_chain.ports import BillReader
from schema.contracts.supply_chain import BillCheck
from schema.ids import sha256_digest


class RememberedBills:
    """Reads each bill once, also for those who ask at the same time. Fits the port `BillReader`.

    Args:
        reader: reads what is not remembered.
        kept_max: how many bills are kept, the last ones that were asked for.
    """

    def __init__(self, reader: BillReader, *, kept_max: int = 8) -> None:
        self._reader = reader
        self._kept_max = kept_max
        self._readings: OrderedDict[str, asyncio.Task[BillCheck]] = OrderedDict()

    async def read(self, content: bytes) -> BillCheck:
        """The bill, or why it is none."""
        digest = sha256_digest(content)
        reading = self._readings.get(digest)
        if reading is None:
            reading = asyncio.create_task(self._reader.read(content))
            self._readings[digest] = reading
            reading.add_done_callback(lambda done: self._forget_failed(digest, done))
        self._readings.move_to_end(digest)
        while len(self._readings) > self._kept_max:
            self._readings.popitem(last=False)
        # Whoever is cancelled must not take the others' bill along.
        return await asyncio.shield(reading)

    def _forget_failed(self, digest: str, done: "asyncio.Task[BillCheck]") -> None:
        if done.cancelled() or done.exception() is not None:
            self._readings.pop(digest, None)

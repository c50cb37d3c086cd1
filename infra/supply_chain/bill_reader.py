"""Bills of materials, read and converted in processes that can be killed.

Plays the role `BillReader`. A document that is stuck, hungry for memory or crashing a library
costs one child process and its own caller, nobody else.
"""

from typing import Self

from infra.killable.pool import KillablePool
from infra.killable.process import ChildLostError, ChildTimeoutError
from schema.contracts.bill import BillFamily
from schema.contracts.supply_chain import BillCheck
from schema.limits import BILL_BYTES_MAX, BILL_CHECK_SECONDS_MAX
from schema.supply_chain.reasons import reason

_READ = "read"


class KillableBillReader:
    """Reads SPDX and CycloneDX in a few warm child processes, started when first needed.

    Args:
        children: how many documents may be worked on at once.
        seconds_max: wall time of one document, after which its process is killed.
    """

    def __init__(self, *, children: int = 2, seconds_max: float = BILL_CHECK_SECONDS_MAX) -> None:
        self._seconds_max = seconds_max
        self._pool = KillablePool(
            "infra.supply_chain.bills.child", children=children, seconds_max=seconds_max
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def read(self, content: bytes) -> BillCheck:
        """The bill, or why it is none. Content never raises."""
        answer = await self._answer_to(_READ, content)
        assert isinstance(answer, BillCheck)
        return answer

    async def convert(self, content: bytes, family: BillFamily) -> bytes | BillCheck:
        """The document in the other family, or why it cannot be read. Content never raises."""
        return await self._answer_to(family.value, content)

    async def close(self) -> None:
        """Wait for the documents in work, then end every child."""
        await self._pool.close()

    async def _answer_to(self, word: str, content: bytes) -> bytes | BillCheck:
        if len(content) > BILL_BYTES_MAX:
            message = f"The file has {len(content):,} bytes; at most {BILL_BYTES_MAX:,} are read."
            return BillCheck(reasons=[reason("SBOM_TOO_LARGE", message)])
        try:
            answer = await self._pool.ask((word, content, b""))
        except ChildTimeoutError:
            message = f"Checking it takes longer than {self._seconds_max:g} seconds."
            return BillCheck(reasons=[reason("SBOM_TOO_EXPENSIVE", message)])
        except ChildLostError:
            message = "Checking it runs out of memory or stack."
            return BillCheck(reasons=[reason("SBOM_TOO_EXPENSIVE", message)])
        if "document" in answer:
            return str(answer["document"]).encode("utf-8")
        return BillCheck.model_validate(answer["check"])

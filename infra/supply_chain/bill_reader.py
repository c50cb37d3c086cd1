"""Bills of materials, read and converted in processes that can be killed.

Plays the role `BillReader`. A document that is stuck, hungry for memory or crashing a library
costs one child process and its own caller, nobody else. What a document costs is measured in
processor time and memory of its own: that a machine is too busy is never told of the document.
"""

from typing import Self

from infra.killable.pool import KillablePool
from infra.killable.process import ChildLostError, ChildSpentError, ChildTimeoutError
from schema.contracts.bill import BillFamily
from schema.contracts.supply_chain import BillCheck
from schema.errors import SpellError
from schema.limits import BILL_BYTES_MAX, BILL_CHECK_CPU_SECONDS_MAX, BILL_CHECK_SECONDS_MAX
from schema.supply_chain.reasons import reason

_READ = "read"


class KillableBillReader:
    """Reads SPDX and CycloneDX in a few warm child processes, started when first needed.

    Args:
        children: how many documents may be worked on at once.
        cpu_seconds_max: processor time of one document; one that takes more is refused.
        seconds_max: wall time of one document, after which it is given up for now.
    """

    def __init__(
        self,
        *,
        children: int = 2,
        cpu_seconds_max: float = BILL_CHECK_CPU_SECONDS_MAX,
        seconds_max: float = BILL_CHECK_SECONDS_MAX,
    ) -> None:
        self._cpu_seconds_max = cpu_seconds_max
        self._pool = KillablePool(
            "infra.supply_chain.bills.child",
            children=children,
            seconds_max=seconds_max,
            cpu_seconds_max=cpu_seconds_max,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def read(self, content: bytes) -> BillCheck:
        """The bill, or why it is none. Content never raises.

        Raises:
            SpellError: SERVICE_UNAVAILABLE, this machine is too busy, or out of memory.
        """
        answer = await self._answer_to(_READ, content)
        assert isinstance(answer, BillCheck)
        return answer

    async def convert(self, content: bytes, family: BillFamily) -> bytes | BillCheck:
        """The document in the other family, or why it cannot be read; raises as `read`."""
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
        except ChildTimeoutError as error:
            raise _too_busy() from error
        except ChildSpentError:
            message = f"Checking it takes {self._cpu_seconds_max:g} seconds of processor time."
            return BillCheck(reasons=[reason("SBOM_TOO_EXPENSIVE", message)])
        except ChildLostError as error:
            if error.killed:
                raise _too_busy() from error
            message = "Checking it runs out of memory or stack."
            return BillCheck(reasons=[reason("SBOM_TOO_EXPENSIVE", message)])
        if "document" in answer:
            return str(answer["document"]).encode("utf-8")
        return BillCheck.model_validate(answer["check"])


def _too_busy() -> SpellError:
    message = "Bills of materials cannot be read in time just now."
    return SpellError("SERVICE_UNAVAILABLE", message, retry_after=10)

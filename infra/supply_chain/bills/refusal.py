"""How a document is refused on its way through the readers."""

from schema.contracts.supply_chain import Reason
from schema.supply_chain.reasons import reason


class BillRefusedError(Exception):
    """The document is no bill that the platform takes; `reasons` say why."""

    def __init__(self, reasons: list[Reason]) -> None:
        super().__init__(reasons[0].message)
        self.reasons = reasons


def refusal(code: str, message: str = "", *, subject: str | None = None) -> BillRefusedError:
    """A refusal for one reason of the catalogue."""
    return BillRefusedError([reason(code, message, subject=subject)])

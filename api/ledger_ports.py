"""What routes need of the ledger: statements, a look through the books, proofs."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from schema.contracts.ledger import (
    LedgerBalance,
    StatementBalance,
    StatementLine,
    StatementPosition,
    TransferProof,
    VerificationPage,
    VerificationPart,
)
from schema.contracts.receipt import ReceiptKeys


class Statements(Protocol):
    """What moved on ledger accounts, and what they hold."""

    async def accounts_of(self, account_id: str) -> list[str]:
        """The ledger accounts of an account."""

    async def lines(
        self,
        accounts: list[str],
        begin: datetime,
        end: datetime,
        *,
        after: StatementPosition,
        limit: int,
        whole: bool,
    ) -> list[tuple[StatementLine, StatementPosition]]:
        """What moved in the period, oldest first, behind a position; `whole` for operators."""

    async def balances(
        self, accounts: list[str], begin: datetime, end: datetime
    ) -> list[StatementBalance]:
        """What they held at both ends of the period; those that are not there are left out."""

    async def ledger_accounts(
        self, account_id: str | None, *, after: str, limit: int
    ) -> list[LedgerBalance]:
        """Ledger accounts with what they hold, in the order of their ids."""


class LedgerVerification(Protocol):
    """A look through the books, step by step."""

    async def page(self, part: VerificationPart, cursor: str | None) -> VerificationPage:
        """The next step of a part. Raises SpellError: VALIDATION_ERROR (a cursor of ours not)."""


class LedgerProofs(Protocol):
    """Proofs that transfers are in the ledger."""

    async def proof(self, transfer_id: int, only_of: str | None) -> TransferProof:
        """The proof of an account's own transfer. Raises SpellError: TRANSFER_NOT_FOUND."""

    def keys(self) -> ReceiptKeys:
        """The public keys that check them."""


@dataclass(frozen=True)
class LedgerServices:
    """All of the ledger that routes call."""

    statements: Statements
    verification: LedgerVerification
    proofs: LedgerProofs

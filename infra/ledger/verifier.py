"""Looks through the books, page by page, part by part. Fits the port `LedgerVerification`.

Each page is one bounded step, and its cursor says where the next one begins: so a ledger of any
length is gone through in the memory of a page. What Stripe says will be one more part.
"""

import asyncio
import re
from collections import Counter
from datetime import UTC, datetime

from infra.ledger.anchors import AnchorUnreadableError, LedgerAnchors
from infra.ledger.seal_checks import SealEvidence, SealJudge
from infra.repositories.ledger_books import PostgresLedgerBooks
from infra.repositories.ledger_seals import PostgresLedgerSeals
from schema.contracts.ledger import (
    SEAL_ROWS_MAX,
    FindingKind,
    LedgerFinding,
    RowPosition,
    SignedSeal,
    VerificationPage,
    VerificationPart,
)
from schema.errors import SpellError
from schema.ids import CAST_ID_PATTERN, LEDGER_ACCOUNT_ID, PURCHASE_ID_PATTERN
from schema.ledger_checks import account_findings, cast_findings, purchase_findings

SEALS_PER_PAGE = 100
ROWS_PER_PAGE = 20_000
ACCOUNTS_PER_PAGE = 200
CASTS_PER_PAGE = 500
# Of one page: whoever has more of them needs a backup, not a list.
FINDINGS_MAX = 200
_NUMBER = re.compile(r"[0-9]{1,18}")


class LedgerVerifier:
    """Compares the ledger with its seals, and with what budgets, holds and casts say."""

    def __init__(
        self,
        seals: PostgresLedgerSeals,
        anchors: LedgerAnchors,
        books: PostgresLedgerBooks,
        judge: SealJudge,
    ) -> None:
        self._seals = seals
        self._anchors = anchors
        self._books = books
        self._judge = judge

    async def page(self, part: VerificationPart, cursor: str | None) -> VerificationPage:
        """The next step of a part; without a cursor its first. Raises SpellError for a bad one."""
        if part is VerificationPart.SEALS:
            return await self.seals(_number_in(cursor))
        if part is VerificationPart.ACCOUNTS:
            return await self.accounts(_account_in(cursor))
        if part is VerificationPart.CASTS:
            return await self.casts(_id_in(cursor, CAST_ID_PATTERN))
        return await self.purchases(_id_in(cursor, PURCHASE_ID_PATTERN))

    async def seals(self, number: int | None) -> VerificationPage:
        """Seals from this number on, with their anchors and the rows under them."""
        begin = number or 1
        recorded = await self._seals.seals(begin, SEALS_PER_PAGE)
        by_number = {signed.seal.number: signed for signed in recorded}
        newest = max(by_number, default=begin - 1)
        before = await self._trusted(begin - 1)
        findings: list[LedgerFinding] = []
        rows, at = 0, begin
        while at <= newest and rows < ROWS_PER_PAGE and len(findings) < FINDINGS_MAX:
            found, count, before = await self._check(at, by_number.get(at), before)
            findings, rows, at = findings + found, rows + count, at + 1
        page = VerificationPage(
            part=VerificationPart.SEALS,
            checked=at - begin,
            rows=rows,
            findings=findings[:FINDINGS_MAX],
        )
        if at <= newest or len(recorded) == SEALS_PER_PAGE:
            return page.model_copy(update={"next_cursor": str(at)})
        return await self._ended(page, at, before)

    async def accounts(self, cursor: tuple[int, str] | None) -> VerificationPage:
        """Ledger accounts behind a cursor: their sums, signs, and what budgets and holds say."""
        horizon, after = cursor or (await self._books.horizon(), "")
        found = await self._books.accounts(after, horizon, ACCOUNTS_PER_PAGE)
        sums: Counter[str] = Counter()
        for _, currency, over in found:
            sums[currency] += over
        more = len(found) == ACCOUNTS_PER_PAGE
        return VerificationPage(
            part=VerificationPart.ACCOUNTS,
            checked=len(found),
            findings=[one for state, _, _ in found for one in account_findings(state)],
            sums=dict(sums),
            next_cursor=f"{horizon} {found[-1][0].account}" if more else None,
        )

    async def casts(self, after: str | None) -> VerificationPage:
        """Casts behind an id: what their hold and their end say, beside their transfers."""
        found = await self._books.casts(after or "", CASTS_PER_PAGE)
        last = found[-1].cast_id if len(found) == CASTS_PER_PAGE else None
        now = datetime.now(UTC)
        findings = [one for state in found for one in cast_findings(state, now)]
        for cast_id in await self._books.strangers(after or "", last, FINDINGS_MAX):
            message = "moved money without a hold"
            findings.append(_finding(FindingKind.CAST_DIFFERS, cast_id, message))
        return VerificationPage(
            part=VerificationPart.CASTS, checked=len(found), findings=findings, next_cursor=last
        )

    async def purchases(self, after: str | None) -> VerificationPage:
        """Purchases behind an id: what their payment says, beside their transfers."""
        found = await self._books.purchases(after or "", CASTS_PER_PAGE)
        return VerificationPage(
            part=VerificationPart.PURCHASES,
            checked=len(found),
            findings=[one for state in found for one in purchase_findings(state)],
            next_cursor=found[-1].purchase_id if len(found) == CASTS_PER_PAGE else None,
        )

    async def _check(
        self, number: int, recorded: SignedSeal | None, before: SignedSeal | None
    ) -> tuple[list[LedgerFinding], int, SignedSeal | None]:
        """(findings, rows looked at, the seal to hold the next one against)."""
        evidence = await self._evidence(number, recorded)
        findings = list(self._judge.findings(evidence, before))
        trusted = self._judge.trusted(evidence)
        if trusted is None:
            return findings, 0, before
        rows = await self._seals.between(trusted.seal, SEAL_ROWS_MAX + FINDINGS_MAX)
        found = await asyncio.to_thread(self._judge.row_findings, evidence, rows)
        return findings + found, len(rows), trusted

    async def _ended(
        self, page: VerificationPage, number: int, last: SignedSeal | None
    ) -> VerificationPage:
        """The last page of seals, with what lies behind them."""
        findings = list(page.findings)
        findings += await self._lost(number)
        for row_id, reference in await self._seals.ahead(FINDINGS_MAX):
            message = f"{reference}: of a transaction that has not begun"
            findings.append(_finding(FindingKind.ROW_AHEAD, f"transfer {row_id}", message))
        behind = last.seal.last if last else RowPosition()
        if await self._seals.next_transaction() <= behind.transaction_id:
            message = "transactions begin anew below those that are sealed"
            findings.append(_finding(FindingKind.TRANSACTIONS_BEHIND, "database", message))
        tail = await self._seals.tail(behind)
        return page.model_copy(update={"findings": findings, "tail": tail, "last": last})

    async def _lost(self, number: int) -> list[LedgerFinding]:
        """Seals from this number on that are anchored, and gone from the table."""
        lost: list[LedgerFinding] = []
        # A seal is recorded before it is anchored: one of this moment is in the table by now.
        while await self._anchors.has(number) and not await self._seals.seals(number, 1):
            message = "is in object storage, and not in the table"
            lost.append(_finding(FindingKind.SEAL_MISSING, f"seal {number}", message))
            number += 1
        return lost[:FINDINGS_MAX]

    async def _trusted(self, number: int) -> SignedSeal | None:
        if number < 1:
            return None
        recorded = await self._seals.seals(number, 1)
        own = recorded[0] if recorded and recorded[0].seal.number == number else None
        return self._judge.trusted(await self._evidence(number, own))

    async def _evidence(self, number: int, recorded: SignedSeal | None) -> SealEvidence:
        try:
            anchor, readable = await self._anchors.find(number), True
        except AnchorUnreadableError:
            anchor, readable = None, False
        # Hashing is work: other requests go on meanwhile.
        return await asyncio.to_thread(
            self._judge.evidence, number, recorded, anchor, readable=readable
        )


def _finding(kind: FindingKind, subject: str, message: str) -> LedgerFinding:
    return LedgerFinding(kind=kind, subject=subject, message=message)


def _number_in(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    if not _NUMBER.fullmatch(cursor):
        raise _not_a_cursor()
    return int(cursor)


def _account_in(cursor: str | None) -> tuple[int, str] | None:
    if cursor is None:
        return None
    horizon, _, account = cursor.partition(" ")
    if not (_NUMBER.fullmatch(horizon) and LEDGER_ACCOUNT_ID.fullmatch(account)):
        raise _not_a_cursor()
    return int(horizon), account


def _id_in(cursor: str | None, form: re.Pattern[str]) -> str | None:
    if cursor is not None and not form.fullmatch(cursor):
        raise _not_a_cursor()
    return cursor


def _not_a_cursor() -> SpellError:
    return SpellError("VALIDATION_ERROR", "The cursor is not one that this platform gave out.")

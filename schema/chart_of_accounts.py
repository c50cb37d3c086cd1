"""The chart of accounts: what each kind of ledger account is for, and what may move between them.

Pure data, written out once more in the table `ledger_movements`, by which the database refuses
everything else. docs/ledger.md tells it in words.
"""

from dataclasses import dataclass
from enum import StrEnum


class AccountKind(StrEnum):
    """What an account of the ledger is about."""

    CASTER_CREDIT = "caster_credit"
    CASTER_HOLD = "caster_hold"
    MAKER_PAYABLE = "maker_payable"
    PLATFORM_REVENUE = "platform_revenue"
    TAX_PAYABLE = "tax_payable"
    PROCESSOR_CLEARING = "processor_clearing"
    REFUNDS = "refunds"
    CONVERSION = "conversion"


class Side(StrEnum):
    """The side on which an account of a kind usually has its balance."""

    DEBIT = "debit"
    CREDIT = "credit"


@dataclass(frozen=True)
class Chart:
    """One line of the chart.

    Attributes:
        purpose: what it says, as a sentence without a full stop.
        normal: its usual side; the ledger writes balances as credits minus debits.
        may_go_negative: whether it may have its balance on the other side.
        owned: by an account of the platform; the others are the platform's own.
    """

    purpose: str
    normal: Side
    may_go_negative: bool
    owned: bool


CHART = {
    AccountKind.CASTER_CREDIT: Chart(
        "what a caster has paid in and not spent: we owe it", Side.CREDIT, False, True
    ),
    AccountKind.CASTER_HOLD: Chart(
        "what is reserved for casts and purchases under way", Side.CREDIT, False, True
    ),
    AccountKind.MAKER_PAYABLE: Chart(
        "what a maker has earned and was not paid; negative when what was paid out is refunded",
        Side.CREDIT,
        True,
        True,
    ),
    AccountKind.PLATFORM_REVENUE: Chart("the platform's fees", Side.CREDIT, True, False),
    AccountKind.TAX_PAYABLE: Chart(
        "tax that was taken and not handed over", Side.CREDIT, True, False
    ),
    AccountKind.PROCESSOR_CLEARING: Chart(
        "what the payment processor took in for us and did not pay out", Side.DEBIT, True, False
    ),
    AccountKind.REFUNDS: Chart(
        "what the platform gives out of its own pocket", Side.DEBIT, False, False
    ),
    AccountKind.CONVERSION: Chart(
        "one side of every change of currency; what rounding leaves stays here",
        Side.CREDIT,
        True,
        False,
    ),
}


class TransferKind(StrEnum):
    """Why money moves."""

    CREDIT = "credit"
    HOLD = "hold"
    POST = "post"
    FEE = "fee"
    VOID = "void"
    PAYMENT = "payment"
    REFUND = "refund"
    PAYOUT = "payout"
    CONVERSION = "conversion"
    REVERSAL = "reversal"
    """Takes another transfer back: whole or in part, once. Its accounts are that one's, swapped."""


@dataclass(frozen=True)
class Movement:
    """Between which kinds of account a kind of transfer moves money.

    Attributes:
        kind: the transfer's.
        debit: where it comes from.
        credit: where it goes.
        same_owner: whether both accounts are of one owner.
        reversible: whether a `reversal` may take it back.
    """

    kind: TransferKind
    debit: AccountKind
    credit: AccountKind
    same_owner: bool = False
    reversible: bool = False


_CREDIT, _HOLD = AccountKind.CASTER_CREDIT, AccountKind.CASTER_HOLD
_MAKER, _CLEARING = AccountKind.MAKER_PAYABLE, AccountKind.PROCESSOR_CLEARING
_CONVERSION = AccountKind.CONVERSION

MOVEMENTS = frozenset(
    {
        Movement(TransferKind.CREDIT, _CLEARING, _CREDIT, reversible=True),
        Movement(TransferKind.HOLD, _CREDIT, _HOLD, same_owner=True),
        Movement(TransferKind.POST, _HOLD, _MAKER, reversible=True),
        Movement(TransferKind.FEE, _HOLD, AccountKind.PLATFORM_REVENUE, reversible=True),
        Movement(TransferKind.VOID, _HOLD, _CREDIT, same_owner=True),
        Movement(TransferKind.PAYMENT, _CLEARING, _HOLD, reversible=True),
        Movement(TransferKind.REFUND, _HOLD, _CLEARING),
        Movement(TransferKind.REFUND, _HOLD, _CREDIT, same_owner=True),
        Movement(TransferKind.PAYOUT, _MAKER, _CLEARING, reversible=True),
        *(
            Movement(TransferKind.CONVERSION, *sides)
            for own in (_CREDIT, _MAKER)
            for sides in ((own, _CONVERSION), (_CONVERSION, own))
        ),
    }
)
"""All that may move, besides reversals."""

REVERSAL_PREFIX = "reversal:"
"""A reversal's reference is this and the reference of what it takes back: so there is only one."""


def is_in_order(kind: AccountKind, balance_micros: int) -> bool:
    """Whether an account of this kind may have this balance (credits minus debits)."""
    chart = CHART[kind]
    on_its_side = balance_micros if chart.normal is Side.CREDIT else -balance_micros
    return chart.may_go_negative or on_its_side >= 0

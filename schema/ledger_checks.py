"""What must be true of an account and of a cast in the ledger: pure rules, one finding for each."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from schema.chart_of_accounts import AccountKind, is_in_order
from schema.contracts.ledger import FindingKind, LedgerFinding

HOLD_OVERDUE_AFTER = timedelta(minutes=10)
"""How long after its expiry a hold may be open: the reconciler looks every minute."""


@dataclass(frozen=True)
class AccountState:
    """A ledger account beside what else knows of it.

    Attributes:
        account: its id.
        kind: what it is about.
        balance_micros: credits minus debits.
        counted_micros: of a caster's credit, what the budget `balance` says is left.
        cast_micros: what casts moved in and out of it.
        open_micros: of a caster's hold, the sum of the account's open holds.
    """

    account: str
    kind: AccountKind
    balance_micros: int
    counted_micros: int
    cast_micros: int
    open_micros: int


@dataclass(frozen=True)
class CastState:
    """A cast's hold and end beside the sums of its transfers by kind.

    Attributes:
        cast_id: the cast's.
        ended: whether the cast is over.
        billing: as the cast has it.
        cost_micros: as the cast has it.
        hold: the state of its hold.
        amount_micros: of its hold.
        posted_micros: of its hold.
        expires_at: of its hold.
        held: what was moved into the hold account.
        charged: what was posted to maker and platform.
        voided: what went back to the caster.
        taken_back: what reversals took back of what was charged.
        refunded: what of that the caster got.
    """

    cast_id: str
    ended: bool
    billing: str
    cost_micros: int
    hold: str
    amount_micros: int
    posted_micros: int
    expires_at: datetime
    held: int
    charged: int
    voided: int
    taken_back: int
    refunded: int


@dataclass(frozen=True)
class PurchaseState:
    """A purchase's payment beside the sums of its transfers by kind.

    Attributes:
        purchase_id: the purchase's.
        provider: whom it was paid by: `checkout` or `credit`.
        state: of its payment.
        amount_micros: of its payment.
        moved: what its transfers of each kind moved; `shares` are maker's and platform's.
    """

    purchase_id: str
    provider: str
    state: str
    amount_micros: int
    moved: dict[str, int]


# In once, and out once: to maker and platform, or back.
_PURCHASE_MOVES: dict[tuple[str, str], tuple[str, ...]] = {
    ("checkout", "paid"): ("payment",),
    ("checkout", "posted"): ("payment", "shares"),
    ("checkout", "refunded"): ("payment", "refund"),
    ("credit", "paid"): ("hold",),
    ("credit", "posted"): ("hold", "shares"),
    ("credit", "refunded"): ("hold", "void"),
}


def purchase_findings(state: PurchaseState) -> Iterator[LedgerFinding]:
    """What is wrong with the money of a purchase."""
    moves = _PURCHASE_MOVES.get((state.provider, state.state), ())
    expected = {name: state.amount_micros if name in moves else 0 for name in state.moved}
    wrong = [
        f"{name} is {state.moved[name]}, not {due}"
        for name, due in expected.items()
        if state.moved[name] != due
    ]
    if wrong:
        yield _finding(FindingKind.PURCHASE_DIFFERS, state.purchase_id, "; ".join(wrong))


def account_findings(state: AccountState) -> Iterator[LedgerFinding]:
    """What is wrong with an account."""
    balance, kind = state.balance_micros, state.kind
    if not is_in_order(kind, balance):
        yield _finding(FindingKind.BALANCE_NEGATIVE, state.account, f"has {balance} micros")
    if kind is AccountKind.CASTER_CREDIT and balance != state.counted_micros:
        said = f"has {balance} micros, the budget says {state.counted_micros}"
        yield _finding(FindingKind.BALANCE_DIFFERS, state.account, said)
    if kind is AccountKind.CASTER_HOLD and state.cast_micros != state.open_micros:
        said = f"holds {state.cast_micros} micros for casts, open holds are {state.open_micros}"
        yield _finding(FindingKind.HOLD_ORPHAN, state.account, said)


def cast_findings(state: CastState, now: datetime) -> Iterator[LedgerFinding]:
    """What is wrong with the money of a cast."""
    if state.hold == "held":
        yield from _open_findings(state, now)
    expected, found = _expected(state), _found(state)
    if expected != found:
        wrong = [
            f"{name} is {found[name]}, not {expected[name]}"
            for name in expected
            if expected[name] != found[name]
        ]
        yield _finding(FindingKind.CAST_DIFFERS, state.cast_id, "; ".join(wrong))


def _open_findings(state: CastState, now: datetime) -> Iterator[LedgerFinding]:
    if state.ended:
        yield _finding(FindingKind.HOLD_ORPHAN, state.cast_id, "has ended, and its hold is open")
    elif now > state.expires_at + HOLD_OVERDUE_AFTER:
        since = state.expires_at.isoformat(timespec="seconds")
        yield _finding(FindingKind.HOLD_OVERDUE, state.cast_id, f"its hold expired at {since}")


def _expected(state: CastState) -> dict[str, int | str]:
    """By the hold: post + fee = cost and void = rest, or all void; what is taken back goes back."""
    over = state.hold != "held"
    cost = state.posted_micros if state.hold == "posted" else 0
    billing = {"held": ("held", "unknown"), "posted": ("settled", "refunded")}
    allowed = billing.get(state.hold, ("released",))
    whole = state.billing == "refunded"
    return {
        "hold": state.amount_micros,
        "charge": cost,
        "cost": cost,
        "void": state.amount_micros - cost if over else 0,
        "refund": cost if whole else min(state.taken_back, cost),
        "taken back": cost if whole else min(state.refunded, cost),
        "billing": state.billing if state.billing in allowed else allowed[0],
    }


def _found(state: CastState) -> dict[str, int | str]:
    return {
        "hold": state.held,
        "charge": state.charged,
        "cost": state.cost_micros,
        "void": state.voided,
        "refund": state.refunded,
        "taken back": state.taken_back,
        "billing": state.billing,
    }


def _finding(kind: FindingKind, subject: str, message: str) -> LedgerFinding:
    return LedgerFinding(kind=kind, subject=subject, message=message)

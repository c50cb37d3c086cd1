"""Who owes what when a cast has ended (product.md 3.5, decision 7): pure rules."""

from schema.contracts.cast import CastStatus, RunOutcome
from schema.contracts.problem import Problem
from schema.contracts.run import Outcome
from schema.error_catalogue import Charged
from schema.errors import kind_of
from schema.money import share_of
from schema.pricing import FlatPrice, OneTimePrice, Price, cost_of

_STATUS_OF_OUTCOME = {
    Outcome.SUCCEEDED: CastStatus.SUCCEEDED,
    Outcome.FAILED: CastStatus.FAILED,
    Outcome.TIMED_OUT: CastStatus.TIMED_OUT,
    Outcome.CANCELLED: CastStatus.CANCELLED,
    Outcome.LOST: CastStatus.FAILED,
}


def status_of(outcome: Outcome) -> CastStatus:
    """The cast's final status for a run's outcome."""
    return _STATUS_OF_OUTCOME[outcome]


def charge_of(price: Price, outcome: RunOutcome) -> int | None:
    """Micros due for this end of a run; None when nothing is charged and the hold is released.

    A success costs its price. A failure costs what it used if the spell is to blame, and nothing
    if the platform is. A cancelled run costs its metered use so far; a flat price buys a whole
    run, so a cancelled one costs nothing.
    """
    if outcome.usage is None:
        return None
    if outcome.outcome is Outcome.SUCCEEDED:
        return cost_of(price, outcome.usage)
    if outcome.outcome is Outcome.CANCELLED:
        whole = isinstance(price, FlatPrice | OneTimePrice)
        return None if whole else cost_of(price, outcome.usage)
    code = outcome.problem.code if outcome.problem else "INTERNAL"
    return cost_of(price, outcome.usage) if kind_of(code).charged is Charged.USAGE else None


def revoked_end(outcome: RunOutcome, problem: Problem) -> RunOutcome:
    """The end of a run whose spell was revoked before it was paid: nothing due, nothing given."""
    changed = {"outcome": Outcome.FAILED, "problem": problem, "output_key": None}
    return outcome.model_copy(update=changed)


def split(cost_micros: int, fee_basis_points: int) -> tuple[int, int]:
    """(maker's share, platform's fee): together exactly the cost."""
    fee = share_of(cost_micros, fee_basis_points)
    return cost_micros - fee, fee

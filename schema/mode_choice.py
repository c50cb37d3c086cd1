"""Which mode a cast takes: what it asks for, what is offered, allowed and available. Pure.

A caller who names a mode gets that one or a refusal. A caller who names none gets the spell's
first choice or, where that is forbidden or not to be had, the fallback that its maker declared.
"""

from collections.abc import Sequence

from schema.contracts.base import Contract
from schema.contracts.cast import FellBack, RunOutcome
from schema.contracts.modes import ModeRights
from schema.contracts.plans import CastPlan, Mode, RunPlan
from schema.contracts.problem import Problem
from schema.errors import SpellError

_CASTABLE = (Mode.SERVICE, Mode.WORKFLOW)

# What GitHub or the way to it says before it was asked to run anything.
_UNAVAILABLE = frozenset(
    {
        "MODE_UNAVAILABLE",
        "SERVICE_UNAVAILABLE",
        "RATE_LIMITED",
        "FORBIDDEN_REPO",
        "WORKFLOW_NOT_FOUND",
    }
)


class Offer(Contract):
    """The modes of one version."""

    modes: list[Mode]
    """The first choice before the others."""
    fallback: Mode | None = None

    @property
    def castable(self) -> list[Mode]:
        """Those in which a cast can run; a clone is bought."""
        return [mode for mode in self.modes if mode in _CASTABLE]


class ModePolicy(Contract):
    """What an installation says of modes."""

    allowed: tuple[Mode, ...] = tuple(Mode)
    available: tuple[Mode, ...] = tuple(Mode)
    """Those that it is set up for."""

    def within(self, account: Sequence[Mode] | None) -> "ModePolicy":
        """The same with an account's own restriction; None restricts nothing."""
        if account is None:
            return self
        allowed = tuple(mode for mode in self.allowed if mode in account)
        return self.model_copy(update={"allowed": allowed})

    @property
    def granted(self) -> list[Mode]:
        """What spells can be published with."""
        return [mode for mode in self.allowed if mode in self.available]


ALL_MODES = ModePolicy()


class Choice(Contract):
    """The mode that a cast takes, and the one it may take instead."""

    mode: Mode
    fallback: Mode | None = None
    fell_back: FellBack | None = None


def rights_of(policy: ModePolicy, account: Sequence[Mode] | None) -> list[ModeRights]:
    """What an account may do with each mode, under an installation's policy and its own."""
    own = policy.within(account)
    return [
        ModeRights(
            mode=mode,
            publish=mode in policy.granted,
            use=mode in own.granted,
            code=_refusal_code(mode, own),
        )
        for mode in Mode
    ]


def choose_mode(offer: Offer, wanted: Mode | None, policy: ModePolicy) -> Choice:
    """The mode of a cast.

    Raises:
        SpellError: VALIDATION_ERROR, the mode is not offered; MODE_FORBIDDEN; MODE_UNAVAILABLE.
    """
    if wanted is not None:
        _check_offered(offer, wanted)
    elif not offer.castable:
        raise _not_offered(offer)
    first = wanted or offer.castable[0]
    fallback = offer.fallback if wanted is None and offer.fallback in policy.granted else None
    refusal = _refusal(offer, first, policy)
    if refusal is None:
        return Choice(mode=first, fallback=fallback)
    if fallback is None:
        raise refusal
    return Choice(mode=fallback, fell_back=FellBack(first=first, mode=fallback, code=refusal.code))


def check_sold(offer: Offer, policy: ModePolicy) -> None:
    """Make sure that a copy can be bought.

    Raises:
        SpellError: SPELL_NOT_SOLD, MODE_FORBIDDEN, MODE_UNAVAILABLE.
    """
    if Mode.CLONE not in offer.modes:
        raise SpellError("SPELL_NOT_SOLD", details={"offered": list(offer.modes)})
    if Mode.CLONE not in policy.allowed:
        raise SpellError("MODE_FORBIDDEN", details={"mode": Mode.CLONE})
    if Mode.CLONE not in policy.available:
        raise SpellError("MODE_UNAVAILABLE", details={"mode": Mode.CLONE})


def is_unavailable(problem: Problem) -> bool:
    """Whether a check that failed so says that the mode is not to be had, and that nothing ran."""
    return problem.code in _UNAVAILABLE


def cannot_have_run(plan: CastPlan, outcome: RunOutcome) -> bool:
    """Whether an end proves that nothing of the plan had an effect, and that nothing will.

    `QUEUE_TIMEOUT` without usage is the one end that does. In mode service it is the platform's
    own verdict, after which no runner's counts; a guest that may use the network could have done
    something before, so it is taken to have. In mode workflow it says that GitHub had started no
    job when the run was cancelled.
    """
    in_queue = outcome.problem is not None and outcome.problem.code == "QUEUE_TIMEOUT"
    reaches_out = isinstance(plan, RunPlan) and bool(plan.policy.net_allow)
    return in_queue and outcome.usage is None and not reaches_out


def _check_offered(offer: Offer, wanted: Mode) -> None:
    if wanted not in offer.castable:
        raise _not_offered(offer)


def _not_offered(offer: Offer) -> SpellError:
    if not offer.castable:
        message, hint = "This spell is not cast, but bought.", "the spell offers only clone"
    else:
        names = " or ".join(offer.castable)
        message, hint = (
            f"This spell runs in {names} mode only.",
            "must be " + " or ".join(repr(each.value) for each in offer.castable),
        )
    details = {"errors": [{"path": "/mode", "message": hint}], "offered": list(offer.modes)}
    return SpellError("VALIDATION_ERROR", message, details=details)


def _refusal(offer: Offer, mode: Mode, policy: ModePolicy) -> SpellError | None:
    code = _refusal_code(mode, policy)
    if code is None:
        return None
    allowed = [each for each in offer.castable if each in policy.allowed]
    return SpellError(code, details={"mode": mode, "allowed": allowed})


def _refusal_code(mode: Mode, policy: ModePolicy) -> str | None:
    if mode not in policy.allowed:
        return "MODE_FORBIDDEN"
    return None if mode in policy.available else "MODE_UNAVAILABLE"

"""Which mode a cast takes, and when its fallback may stand in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.contracts.cast import RunOutcome
from schema.contracts.plans import ActionsPlan, CastPlan, Mode, RunPlan
from schema.contracts.problem import Problem
from schema.contracts.run import Outcome, RunPolicy
from schema.error_catalogue import CATALOGUE
from schema.errors import SpellError
from schema.mode_choice import (
    ModePolicy,
    Offer,
    cannot_have_run,
    choose_mode,
    is_unavailable,
    rights_of,
)
from schema.pricing import usage_of_time
from tests.support.actions import BY_TIME, TARGET
from tests.support.builders import LIMITS

SERVICE, WORKFLOW, CLONE = Mode.SERVICE, Mode.WORKFLOW, Mode.CLONE
BOTH = Offer(modes=[WORKFLOW, SERVICE], fallback=SERVICE)
MODES = st.lists(st.sampled_from(Mode), unique=True).map(tuple)
DIGEST = "sha256:" + "0" * 64
COMMON = {
    "spell_key": "com.acme.report",
    "version": "1.0.0",
    "package_digest": DIGEST,
    "price": BY_TIME,
    "maker_account_id": "acct_" + "a" * 16,
}


def in_service(**policy: object) -> RunPlan:
    return RunPlan.model_validate(
        {
            **COMMON,
            "module_digest": DIGEST,
            "entry": "_start",
            "limits": LIMITS,
            "policy": RunPolicy.model_validate(policy),
        }
    )


ON_ACTIONS = ActionsPlan.model_validate({**TARGET.model_dump(), **COMMON, "mode": WORKFLOW})


def refused(offer: Offer, wanted: Mode | None, policy: ModePolicy) -> SpellError:
    with pytest.raises(SpellError) as caught:
        choose_mode(offer, wanted, policy)
    return caught.value


def test_the_first_choice_is_taken_and_its_fallback_kept() -> None:
    choice = choose_mode(BOTH, None, ModePolicy())
    assert (choice.mode, choice.fallback, choice.fell_back) == (WORKFLOW, SERVICE, None)


@pytest.mark.parametrize(
    ("policy", "code"),
    [
        (ModePolicy(allowed=(SERVICE,)), "MODE_FORBIDDEN"),
        (ModePolicy(available=(SERVICE,)), "MODE_UNAVAILABLE"),
    ],
)
def test_what_stands_in_the_way_leads_to_the_fallback_or_is_told(
    policy: ModePolicy, code: str
) -> None:
    choice = choose_mode(BOTH, None, policy)
    assert choice.fell_back is not None
    assert (choice.mode, choice.fallback, choice.fell_back.code) == (SERVICE, None, code)
    assert refused(BOTH, WORKFLOW, policy).code == code
    without = BOTH.model_copy(update={"fallback": None})
    assert refused(without, None, policy).code == code


def test_a_forbidden_mode_is_told_with_those_that_are_allowed() -> None:
    error = refused(BOTH, WORKFLOW, ModePolicy(allowed=(SERVICE, CLONE)))
    assert error.details["allowed"] == [SERVICE]


def test_a_mode_that_is_not_offered_is_told_with_those_that_are() -> None:
    error = refused(Offer(modes=[SERVICE, CLONE]), WORKFLOW, ModePolicy())
    assert (error.code, error.details["offered"]) == ("VALIDATION_ERROR", [SERVICE, CLONE])


@pytest.mark.parametrize("wanted", [None, CLONE])
def test_a_copy_is_bought_and_never_cast(wanted: Mode | None) -> None:
    error = refused(Offer(modes=[CLONE]), wanted, ModePolicy())
    assert (error.code, error.message) == (
        "VALIDATION_ERROR",
        "This spell is not cast, but bought.",
    )


@given(
    wanted=st.none() | st.sampled_from(Mode),
    fallback=st.sampled_from([None, SERVICE]),
    account=st.none() | MODES,
    allowed=MODES,
    available=MODES,
)
def test_no_choice_is_ever_outside_of_what_is_offered_allowed_and_available(
    wanted: Mode | None,
    fallback: Mode | None,
    account: tuple[Mode, ...] | None,
    allowed: tuple[Mode, ...],
    available: tuple[Mode, ...],
) -> None:
    policy = ModePolicy(allowed=allowed, available=available).within(account)
    try:
        choice = choose_mode(Offer(modes=[WORKFLOW, SERVICE], fallback=fallback), wanted, policy)
    except SpellError:
        return
    for mode in {choice.mode, choice.fallback} - {None}:
        assert mode in allowed
        assert mode in available
        assert account is None or mode in account
    if wanted is not None:
        assert (choice.mode, choice.fallback, choice.fell_back) == (wanted, None, None)


def test_what_an_account_is_told_of_modes_is_what_its_casts_meet() -> None:
    policy = ModePolicy(allowed=(SERVICE, WORKFLOW), available=(SERVICE, CLONE))
    for own in (None, [SERVICE], [WORKFLOW]):
        for right in rights_of(policy, own):
            offer = Offer(modes=[right.mode])
            assert right.publish == (right.mode is SERVICE)
            if right.mode is CLONE:
                assert (right.use, right.code) == (False, "MODE_FORBIDDEN")
            elif right.use:
                assert choose_mode(offer, None, policy.within(own)).mode is right.mode
            else:
                assert refused(offer, None, policy.within(own)).code == right.code


@pytest.mark.parametrize("ran", [False, True], ids=["no usage", "usage"])
@pytest.mark.parametrize("plan", [in_service(), ON_ACTIONS], ids=["service", "workflow"])
def test_of_all_ends_only_a_queue_that_ran_out_proves_that_nothing_ran(
    plan: CastPlan, ran: bool
) -> None:
    proving = {
        code
        for code in CATALOGUE
        if cannot_have_run(
            plan,
            RunOutcome(
                outcome=Outcome.LOST,
                problem=Problem.of(SpellError(code)),
                usage=usage_of_time(1) if ran else None,
            ),
        )
    }
    assert proving == (set() if ran else {"QUEUE_TIMEOUT"})


def test_a_guest_with_the_network_may_have_done_something_before_it_was_lost() -> None:
    plan = in_service(deterministic=False, net_allow=["api.example.com"])
    problem = Problem.of(SpellError("QUEUE_TIMEOUT"))
    assert not cannot_have_run(plan, RunOutcome(outcome=Outcome.LOST, problem=problem))


def test_an_unknown_dispatch_is_not_unavailable() -> None:
    for code in ("DISPATCH_UNKNOWN", "ACTIONS_RUN_LOST", "RUNNER_LOST", "INTERNAL"):
        assert not is_unavailable(Problem.of(SpellError(code)))

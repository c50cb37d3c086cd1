"""How a run on GitHub Actions ends a cast (product.md 3.5): pure rules.

GitHub's words about the end decide; what the run says of itself does not count.
"""

from datetime import datetime

from schema.contracts.actions import ActionsLook, ActionsState, CollectOrder
from schema.contracts.cast import RunOutcome
from schema.contracts.problem import Problem
from schema.contracts.run import Outcome, Usage
from schema.errors import SpellError

ENGINE = "github-actions"
SUCCESS = "success"
_FAILURE, _TIMED_OUT = "failure", "timed_out"
_OUTCOME_OF_STOP = {
    "TIME_EXCEEDED": Outcome.TIMED_OUT,
    "QUEUE_TIMEOUT": Outcome.LOST,
}
_CONCLUSION_CHARS_MAX = 64


def end_of(order: CollectOrder) -> RunOutcome:
    """How the run ended, before its output is judged: a success still has that before it.

    A run that ended well although it was to be stopped counts as it ended: the stop came too late.
    """
    usage = usage_of(order)
    if order.look.conclusion == SUCCESS:
        return ended(Outcome.SUCCEEDED, None, usage)
    if order.stopped is not None:
        return _stopped(order, order.stopped, usage)
    if order.look.conclusion == _FAILURE:
        return ended(Outcome.FAILED, _problem(order, "SPELL_FAILED"), usage)
    if order.look.conclusion == _TIMED_OUT:
        return ended(Outcome.TIMED_OUT, _problem(order, "TIME_EXCEEDED"), usage)
    return ended(Outcome.LOST, _problem(order, "ACTIONS_RUN_LOST"), None)


def _stopped(order: CollectOrder, why: Problem, usage: Usage | None) -> RunOutcome:
    """The end of a run that we stopped.

    QUEUE_TIMEOUT is the proof that no job began (a fallback may run then): only of a run that
    GitHub has ended, without one. Of one that was run again, only the last attempt's are known.
    """
    look = order.look
    has_ended = look.state is ActionsState.COMPLETED
    may_have_begun = usage is not None or not has_ended or look.run_attempt > 1
    if why.code == "QUEUE_TIMEOUT" and may_have_begun:
        return ended(Outcome.LOST, _problem(order, "ACTIONS_RUN_LOST"), None)
    outcome = _OUTCOME_OF_STOP.get(why.code, Outcome.CANCELLED)
    return ended(outcome, _told(order, why), _if_used(outcome, usage))


def ended(outcome: Outcome, problem: Problem | None, usage: Usage | None) -> RunOutcome:
    """An end with nothing kept yet."""
    return RunOutcome(outcome=outcome, problem=problem, usage=usage, engine=ENGINE)


def never_ran(problem: Problem) -> RunOutcome:
    """The end of a cast that GitHub ran nothing for, or nothing that anybody knows of."""
    cancelled = problem.code == "CAST_CANCELLED"
    return ended(Outcome.CANCELLED if cancelled else Outcome.LOST, problem, None)


def usage_of(order: CollectOrder) -> Usage | None:
    """Time from the first job's start to the last job's end, by GitHub's clock; nothing else.

    None while no job had started. Never more than the plan's limit: the hold is made of that.
    """
    look = order.look
    if look.started_at is None:
        return None
    return Usage(
        fuel=0,
        wall_ms=min(_wall_ms(look, order.seconds_so_far), order.plan.limits.timeout_ms),
        cpu_ms=0,
        memory_bytes_peak=0,
        input_bytes=0,
        output_bytes=0,
        stderr_bytes=0,
    )


def _wall_ms(look: ActionsLook, seconds_so_far: int) -> int:
    if look.started_at is None or look.ended_at is None:
        return seconds_so_far * 1000
    return wall_ms_between(look.started_at, look.ended_at)


def wall_ms_between(started_at: datetime, ended_at: datetime) -> int:
    """The time of a run's jobs, from the start of the first to the end of the last."""
    return max(0, round((ended_at - started_at).total_seconds() * 1000))


def _if_used(outcome: Outcome, usage: Usage | None) -> Usage | None:
    return None if outcome is Outcome.LOST else usage


def _problem(order: CollectOrder, code: str) -> Problem:
    return _told(order, Problem.of(SpellError(code)))


def _told(order: CollectOrder, problem: Problem) -> Problem:
    """The problem with where to look, and GitHub's word for the end."""
    conclusion = str(order.look.conclusion or order.look.state)[:_CONCLUSION_CHARS_MAX]
    more = {"run_url": order.run.html_url, "conclusion": conclusion}
    return problem.model_copy(update={"details": {**problem.details, **more}})

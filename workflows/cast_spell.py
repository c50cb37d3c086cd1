"""The life of one cast, as a durable process."""

import asyncio

from temporalio import workflow
from temporalio.common import SearchAttributeKey
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    from activities.billing import BillingActivities
    from activities.casting import CastingActivities
    from schema.contracts.cast import (
        Admission,
        AdmitRequest,
        Billing,
        CancelResult,
        CastInput,
        CastProgress,
        CastResult,
        CastStatus,
        CheckedCast,
        FallBackOrder,
        PlannedCast,
        ReleaseOrder,
        RunOutcome,
        SettleOrder,
    )
    from schema.contracts.plans import ActionsPlan, CastPlan
    from schema.contracts.problem import Problem
    from schema.contracts.run import Outcome
    from schema.errors import SpellError
    from schema.mode_choice import cannot_have_run
    from schema.money import format_micros
    from schema.names import SEARCH_COST, SEARCH_MODE, SEARCH_STATUS
    from schema.settlement import revoked_end
    from workflows import _policies as policies
    from workflows._executing import check_actions, execution_of
    from workflows._failures import problem_of, to_failure
    from workflows._saga import Saga

_STATUS = SearchAttributeKey.for_keyword(SEARCH_STATUS)
_COST = SearchAttributeKey.for_int(SEARCH_COST)
_MODE = SearchAttributeKey.for_keyword(SEARCH_MODE)


@workflow.defn(name="cast_spell")
class CastSpell:
    """Run one published spell once and charge for what it used.

    Id: `cast:<cast_id>`; a second start with the same id joins the first.
    Messages: `admit` (update: the decision), `cancel` (update: the end), `revoke` (signal: stop,
        uncharged), `status` (query).
    Undo: a run is stopped, a hold is released, newest first.
    Never: charges more than the hold; charges for a platform failure or for what is revoked;
        leaves a hold behind; takes the fallback after the first mode may have run.
    See docs/workflows/cast_spell.md.
    """

    @workflow.init
    def __init__(self, request: CastInput) -> None:
        self._request = request
        self._saga = Saga()
        self._stage = "admitting"
        self._admission: Admission | None = None
        self._failed_with: Problem | None = None
        self._cancel_requested = False
        self._revoked: Problem | None = None
        self._settling = False
        self._result: CastResult | None = None

    @workflow.run
    async def run(self, request: CastInput) -> CastResult:
        """Admit, execute, settle; undo it all when the platform fails or an operator cancels."""
        try:
            admission = await self._admit(request)
            if admission.plan is None:
                result = self._refused(admission)
            else:
                outcome = await self._execute(request, admission)
                result = await self._settle(request, admission.plan, outcome)
        except (asyncio.CancelledError, FailureError) as error:
            await self._fail(error)
            raise
        self._finish(result)
        await workflow.wait_condition(workflow.all_handlers_finished)
        return result

    async def _admit(self, request: CastInput) -> Admission:
        self._saga.undo_with(self._release)
        admission: Admission = await workflow.execute_local_activity_method(
            CastingActivities.admit, request, **policies.ADMIT
        )
        if admission.pending is not None:
            admission = await self._hold_checked(request, admission.pending)
        self._admission = admission
        self._show_mode(admission)
        return admission

    async def _hold_checked(self, request: CastInput, planned: PlannedCast) -> Admission:
        """Ask GitHub before money is held: what it cannot run is refused, or falls back."""
        assert isinstance(planned.plan, ActionsPlan)
        problem = await check_actions(planned.plan)
        decision: Admission = await workflow.execute_local_activity_method(
            CastingActivities.hold_checked,
            CheckedCast(request=request, planned=planned, problem=problem),
            **policies.ADMIT,
        )
        return decision

    def _show_mode(self, admission: Admission) -> None:
        """Searches find a cast by the mode that it took; at its start only the wish is known."""
        if isinstance(admission.plan, ActionsPlan) or admission.fell_back is not None:
            assert admission.plan is not None
            workflow.upsert_search_attributes([_MODE.value_set(admission.plan.mode.value)])

    async def _execute(self, request: CastInput, admission: Admission) -> RunOutcome:
        """Run the plan, or its fallback when it turns out that it cannot have run."""
        assert admission.plan is not None
        planned = PlannedCast(plan=admission.plan, fallback=admission.fallback)
        outcome = await self._run(request, planned.plan)
        if outcome.problem is None or not cannot_have_run(planned.plan, outcome):
            return outcome
        instead = planned.instead(outcome.problem)
        if instead is None or self._is_to_stop() or not await self._fall_back(request, instead):
            return outcome
        return await self._run(request, instead.plan)

    async def _fall_back(self, request: CastInput, instead: PlannedCast) -> bool:
        """Whether the cast's mode is changed: the fallback is there, and nothing has begun."""
        if isinstance(instead.plan, ActionsPlan) and await check_actions(instead.plan) is not None:
            return False
        assert instead.fell_back is not None
        changed: bool = await workflow.execute_local_activity_method(
            CastingActivities.fall_back,
            FallBackOrder(cast_id=request.cast_id, fell_back=instead.fell_back),
            **policies.FALL_BACK,
        )
        if changed:
            workflow.upsert_search_attributes([_MODE.value_set(instead.plan.mode.value)])
        return changed

    async def _run(self, request: CastInput, plan: CastPlan) -> RunOutcome:
        if self._revoked is not None:
            return revoked_end(_not_started(), self._revoked)
        if self._cancel_requested:
            return _not_started()
        self._move_to("running")
        execution = execution_of(request, plan)
        self._saga.undo_with(execution.stop)
        await execution.start()
        await workflow.wait_condition(lambda: execution.done() or self._is_to_stop())
        if not execution.done():
            await execution.stop(self._revoked or Problem.of(SpellError("CAST_CANCELLED")))
        outcome = await execution.outcome()
        return revoked_end(outcome, self._revoked) if self._revoked else outcome

    def _is_to_stop(self) -> bool:
        return self._cancel_requested or self._revoked is not None

    async def _settle(self, request: CastInput, plan: CastPlan, outcome: RunOutcome) -> CastResult:
        self._settling = True
        self._move_to("settling")
        return await workflow.execute_local_activity_method(
            BillingActivities.settle,
            SettleOrder(cast_id=request.cast_id, price=plan.price, outcome=outcome),
            **policies.SETTLE,
        )

    def _refused(self, admission: Admission) -> CastResult:
        return CastResult(
            cast_id=admission.cast_id,
            status=CastStatus.FAILED,
            billing=Billing.RELEASED,
            currency=admission.currency,
            problem=admission.problem,
        )

    async def _fail(self, error: BaseException) -> None:
        """Undo all steps, then let the update handlers answer before the failure goes on."""
        problem = self._problem_of(error)
        self._move_to("compensating")
        await self._saga.compensate(problem)
        ended = "cancelled" if problem.code == "CAST_CANCELLED" else "failed"
        workflow.upsert_search_attributes([_STATUS.value_set(ended), _COST.value_set(0)])
        self._failed_with = problem
        await workflow.wait_condition(workflow.all_handlers_finished)
        if isinstance(error, FailureError):
            raise to_failure(problem) from error

    def _problem_of(self, error: BaseException) -> Problem:
        """What the failure is to the caller. One before the decision ends this key for good."""
        problem = problem_of(error)
        if self._revoked is not None and self._admission is not None:
            return self._revoked
        if self._admission is None and problem.code != "CAST_CANCELLED":
            return Problem.of(SpellError("ADMISSION_FAILED", details={"cause": problem.code}))
        return problem

    def _finish(self, result: CastResult) -> None:
        self._result = result
        self._move_to(result.status.value)
        workflow.upsert_search_attributes(
            [_STATUS.value_set(result.status.value), _COST.value_set(result.cost_micros)]
        )

    def _move_to(self, stage: str) -> None:
        """Say in the Temporal UI where the cast is and what it costs."""
        self._stage = stage
        lines = [f"**{self._request.spell_key}** is **{stage}**"]
        if self._admission is not None and self._admission.plan is not None:
            held = format_micros(self._admission.estimated_cost_micros, self._admission.currency)
            lines.append(f"held: {held}")
        if self._result is not None:
            cost = format_micros(self._result.cost_micros, self._result.currency)
            lines.append(f"{self._result.billing.value}: {cost}")
            if self._result.problem is not None:
                lines.append(f"`{self._result.problem.code}` {self._result.problem.message}")
        workflow.set_current_details("\n\n".join(lines))

    async def _release(self, problem: Problem) -> None:
        """Undo of the admission."""
        await workflow.execute_activity_method(
            BillingActivities.release,
            ReleaseOrder(
                cast_id=self._request.cast_id,
                account_id=self._request.account_id,
                fingerprint=self._request.fingerprint,
                spell_key=self._request.spell_key,
                problem=problem,
            ),
            summary=f"release the hold: {problem.code}",
            **policies.RELEASE,
        )

    @workflow.update(name="admit")
    async def admit(self, asked: AdmitRequest) -> Admission:
        """The decision on this cast, as soon as there is one; the same for whoever asks."""
        del asked
        await workflow.wait_condition(
            lambda: self._admission is not None or self._failed_with is not None
        )
        if self._admission is None:
            assert self._failed_with is not None
            raise to_failure(self._failed_with)
        return self._admission

    @admit.validator
    def _same_body(self, asked: AdmitRequest) -> None:
        if asked.fingerprint != self._request.fingerprint:
            raise to_failure(
                Problem.of(
                    SpellError("IDEMPOTENCY_CONFLICT", details={"cast_id": self._request.cast_id})
                )
            )

    @workflow.update(name="cancel")
    async def cancel(self) -> CancelResult:
        """Stop the cast if settlement has not begun, and answer with how it ended."""
        in_time = not self._settling and self._result is None
        self._cancel_requested = self._cancel_requested or in_time
        await workflow.wait_condition(
            lambda: self._result is not None or self._failed_with is not None
        )
        if self._result is None:
            assert self._failed_with is not None
            raise to_failure(self._failed_with)
        stopped = self._result.status is CastStatus.CANCELLED
        return CancelResult(accepted=in_time and stopped, result=self._result)

    @workflow.signal(name="revoke")
    def revoke(self, problem: Problem) -> None:
        """Stop the cast and charge nothing: what it runs is not trusted any more.

        One that comes when settlement has begun changes nothing: settlement looks by itself.
        """
        self._revoked = self._revoked or problem

    @workflow.query(name="status")
    def status(self) -> CastProgress:
        """Where the cast is, for operators and for a caller that asks in between."""
        return CastProgress(
            stage=self._stage, admission=self._admission, cancel_requested=self._cancel_requested
        )


def _not_started() -> RunOutcome:
    """The outcome of a cast that was cancelled before its run was asked for."""
    return RunOutcome(outcome=Outcome.CANCELLED, problem=Problem.of(SpellError("CAST_CANCELLED")))

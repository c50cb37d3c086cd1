"""Buying a copy of a template repository, as a durable process."""

import asyncio
import contextlib
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import FailureError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.paying import PayingActivities
    from activities.purchasing import PurchasingActivities
    from schema import limits
    from schema.contracts.cast import AdmitRequest
    from schema.contracts.problem import Problem
    from schema.contracts.purchases import (
        EndOrder,
        GeneratedRepository,
        OpenOrder,
        PaymentState,
        PurchaseAnswer,
        PurchaseInput,
        PurchaseOrder,
        PurchaseStatus,
        RefuseOrder,
        SetUpOrder,
    )
    from schema.errors import SpellError
    from workflows import _policies as policies
    from workflows._failures import problem_of, to_failure
    from workflows._saga import Saga

_UNPAID = {
    "PAYMENT_ABANDONED": PurchaseStatus.ABANDONED,
    "PURCHASE_CANCELLED": PurchaseStatus.CANCELLED,
}


@workflow.defn(name="purchase_clone")
class PurchaseClone:
    """Sell one copy: check, have it paid, make the repository, set it up, entitle the buyer.

    Id: `purchase:<purchase id>`; a second start joins.
    Messages: update `ready` answers once it can be paid; update `cancel` before it is; signal
        `payment_settled` has the payment looked at.
    Undo: the page is closed and what was paid goes back, whole and once. A repository that was
        made stays with the buyer.
    Never: takes a webhook's word for a payment; makes two repositories; keeps money for nothing.
    See docs/workflows/purchase_clone.md.
    """

    @workflow.init
    def __init__(self, request: PurchaseInput) -> None:
        self._request = request
        self._answer: PurchaseAnswer | None = None
        self._wants_look = False
        self._cancel_asked = False
        self._recorded = False
        self._paid = False
        self._ended = False
        self._made: GeneratedRepository | None = None

    @workflow.run
    async def run(self, request: PurchaseInput) -> PurchaseAnswer:
        """Buy it, or undo it. A refusal is a result with its problem."""
        saga = Saga()
        problem: Problem | None = None
        try:
            problem = await self._buy(request, saga)
        except (FailureError, asyncio.CancelledError) as error:
            problem = await self._undo(saga, error)
        self._answer_with(problem)
        self._ended = True
        await workflow.wait_condition(workflow.all_handlers_finished)
        return PurchaseAnswer(purchase_id=request.purchase_id, problem=problem)

    @workflow.update(name="ready")
    async def ready(self, request: AdmitRequest) -> PurchaseAnswer:
        """Wait until the purchase can be paid, is free, or is refused."""
        del request
        await workflow.wait_condition(lambda: self._answer is not None)
        assert self._answer is not None
        return self._answer

    @ready.validator
    def _check_fingerprint(self, request: AdmitRequest) -> None:
        if request.fingerprint != self._request.fingerprint:
            details = {"purchase_id": self._request.purchase_id}
            raise to_failure(Problem.of(SpellError("IDEMPOTENCY_CONFLICT", details=details)))

    @workflow.update(name="cancel")
    async def cancel(self) -> PurchaseAnswer:
        """Give the purchase up before it is paid; a payment that was faster wins."""
        self._cancel_asked = True
        await workflow.wait_condition(lambda: self._paid or self._ended)
        if self._paid:
            raise to_failure(Problem.of(SpellError("PURCHASE_FINISHED")))
        return PurchaseAnswer(purchase_id=self._request.purchase_id)

    @cancel.validator
    def _check_unpaid(self) -> None:
        if self._paid or self._ended:
            raise to_failure(Problem.of(SpellError("PURCHASE_FINISHED")))

    @workflow.signal(name="payment_settled")
    def payment_settled(self) -> None:
        """Have the payment looked at now."""
        self._wants_look = True

    async def _buy(self, request: PurchaseInput, saga: Saga) -> Problem | None:
        """The whole way; the problem of one that was refused before anything was done."""
        workflow.set_current_details("checking")
        try:
            order: PurchaseOrder = await workflow.execute_activity_method(
                PurchasingActivities.check, request, **policies.CHECK_PURCHASE
            )
        except FailureError as error:
            return await self._refuse(problem_of(error))
        # Newest first: the end is told only once the money is back.
        saga.undo_with(self._end)
        saga.undo_with(self._give_back)
        refusal = await self._open(order)
        self._recorded = True
        if refusal is not None:
            return await self._refuse(refusal)
        if order.offer.price_micros:
            await self._await_payment(order)
        self._paid = True
        self._answer_with(None)
        await self._deliver(order)
        return None

    async def _open(self, order: PurchaseOrder) -> Problem | None:
        opened: Problem | None = await workflow.execute_activity_method(
            PurchasingActivities.open,
            OpenOrder(order=order, expires_at=workflow.now() + limits.PURCHASE_PAYMENT_LIFETIME),
            **policies.ADMIT,
        )
        return opened

    async def _await_payment(self, order: PurchaseOrder) -> None:
        """Until it is paid. Raises the problem of one that nobody pays, or that is cancelled."""
        deadline = workflow.now() + limits.PURCHASE_PAYMENT_LIFETIME
        state: PaymentState | None = await workflow.execute_activity_method(
            PayingActivities.open, order, **policies.OPEN_PAYMENT
        )
        self._answer_with(None)
        workflow.set_current_details("waiting for the payment")
        pause = limits.PURCHASE_LOOK_SECONDS_MIN
        while state is not PaymentState.PAID:
            is_over = state is PaymentState.RELEASED or workflow.now() >= deadline
            if self._cancel_asked or is_over:
                state = await workflow.execute_activity_method(
                    PayingActivities.close, order, **policies.PAYMENT
                )
                if state is PaymentState.PAID:
                    return
                code = "PURCHASE_CANCELLED" if self._cancel_asked else "PAYMENT_ABANDONED"
                raise to_failure(Problem.of(SpellError(code)))
            left = (deadline - workflow.now()).total_seconds()
            await self._wait_until_worth_a_look(min(pause, left))
            pause = min(2 * pause, limits.PURCHASE_LOOK_SECONDS_MAX)
            if not self._cancel_asked:
                state = await workflow.execute_activity_method(
                    PayingActivities.look, order, **policies.PAYMENT
                )

    async def _wait_until_worth_a_look(self, pause_seconds: float) -> None:
        """For a webhook, a cancellation, or long enough that a webhook may have been lost."""
        pause = timedelta(seconds=pause_seconds)
        with contextlib.suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: self._wants_look or self._cancel_asked, timeout=pause
            )
        self._wants_look = False

    async def _deliver(self, order: PurchaseOrder) -> None:
        workflow.set_current_details("making the repository")
        self._made = await workflow.execute_activity_method(
            PurchasingActivities.generate, order, **policies.GENERATE
        )
        workflow.set_current_details("opening the first pull request")
        await self._set_up(SetUpOrder(order=order, repository=self._made))
        await workflow.execute_activity_method(PurchasingActivities.grant, order, **policies.SETTLE)
        workflow.set_current_details("completed")

    async def _set_up(self, order: SetUpOrder) -> None:
        """Open the pull request, or do without: the buyer has the copy, and may prevent this."""
        try:
            await workflow.execute_activity_method(
                PurchasingActivities.set_up, order, **policies.GENERATE
            )
        except FailureError as error:
            if is_cancelled_exception(error):
                raise
            workflow.logger.warning("a copy has no first pull request: %s", problem_of(error).code)

    async def _refuse(self, problem: Problem) -> Problem:
        await workflow.execute_activity_method(
            PurchasingActivities.refuse,
            RefuseOrder(request=self._request, problem=problem),
            **policies.CONCLUDE,
        )
        workflow.set_current_details(f"refused: `{problem.code}`")
        return problem

    async def _undo(self, saga: Saga, error: BaseException) -> Problem:
        """Give back what was paid, then end the purchase with its problem."""
        problem = self._told(error)
        await saga.compensate(problem)
        workflow.set_current_details(f"failed: `{problem.code}`")
        return problem

    def _told(self, error: BaseException) -> Problem:
        """What the buyer reads: an unpaid purchase as it is, a paid one as a failed generation."""
        if isinstance(error, asyncio.CancelledError) or is_cancelled_exception(error):
            cause = Problem.of(SpellError("PURCHASE_CANCELLED"))
        else:
            cause = problem_of(error)
        if not self._paid:
            return cause
        details = {"cause": cause.code, "message": cause.message, **cause.details}
        if self._made is not None:
            details["repository_url"] = self._made.html_url
        return Problem.of(SpellError("GENERATION_FAILED", details=details))

    async def _give_back(self, problem: Problem) -> None:
        del problem
        await workflow.execute_activity_method(
            PayingActivities.give_back, self._request.purchase_id, **policies.PAYMENT
        )

    async def _end(self, problem: Problem) -> None:
        status = _UNPAID.get(problem.code, PurchaseStatus.FAILED)
        await workflow.execute_activity_method(
            PurchasingActivities.end,
            EndOrder(purchase_id=self._request.purchase_id, status=status, problem=problem),
            **policies.CONCLUDE,
        )
        if not self._recorded:
            # It may have been all the same; then its end stands, and this changes nothing.
            await self._refuse(problem)

    def _answer_with(self, problem: Problem | None) -> None:
        """Answer whoever waits for the purchase to be ready; the first answer stays."""
        if self._answer is None:
            self._answer = PurchaseAnswer(purchase_id=self._request.purchase_id, problem=problem)

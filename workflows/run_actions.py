"""One run on GitHub Actions, as a durable process: asked for once, followed, stopped, collected."""

import asyncio
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import FailureError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.actions import ActionsActivities
    from schema import limits
    from schema.actions_ends import never_ran
    from schema.contracts.actions import (
        ActionsLook,
        ActionsOrder,
        ActionsRunRef,
        ActionsState,
        CollectOrder,
        Dispatched,
        LateRun,
        Looked,
        LookOrder,
    )
    from schema.contracts.cast import RunOutcome
    from schema.contracts.problem import Problem
    from schema.errors import SpellError
    from schema.ids import late_run_workflow_id
    from workflows import _policies as policies
    from workflows._failures import problem_of
    from workflows._saga import Saga
    from workflows.cancel_late_run import CancelLateRun

_SEARCH = timedelta(seconds=limits.DISPATCH_SEARCH_SECONDS_MAX)
_QUEUE = timedelta(seconds=limits.ACTIONS_QUEUE_SECONDS_MAX)
_SEARCH_PAUSE = timedelta(seconds=5)
# Webhooks say when to look; these are for those that are lost.
_PAUSE_MIN, _PAUSE_MAX = timedelta(seconds=5), timedelta(seconds=60)
# GitHub tells of every job: several deliveries at once are one look.
_LOOKS_APART = timedelta(seconds=1)
# GitHub cancels within seconds; whoever waits for a cancel waits no longer than a minute.
_STOP_PAUSE, _STOP_GRACE = timedelta(seconds=2), timedelta(seconds=45)
# How long GitHub may be away in the middle of a run before the run counts as lost.
_AWAY = timedelta(hours=1)
_AWAY_CODES = frozenset({"SERVICE_UNAVAILABLE", "RATE_LIMITED"})
# Runs of before waited for the dispatch first, whatever they were told.
_STOP_WHILE_ASKING = "stop-while-asking"


@workflow.defn(name="run_actions")
class RunActions:
    """Have GitHub Actions run one cast's plan, and take what comes of it.

    Id: `actions:<cast_id>`, a child of `cast:<cast_id>`.
    Messages: `run_changed` (signal: GitHub says that something happened; a hint), `stop` (signal:
        end it, and why).
    Undo: the run is cancelled on GitHub and its inputs are withdrawn, known or found.
    Never: dispatches twice; waits for ever; believes what the run says of its own use.
    See docs/workflows/run_actions.md.
    """

    @workflow.init
    def __init__(self, order: ActionsOrder) -> None:
        self._order = order
        self._saga = Saga()
        self._run: ActionsRunRef | None = None
        self._input_digest: str | None = None
        self._changed = False
        self._stop_asked: Problem | None = None
        self._stopped: Problem | None = None
        self._looked_at: datetime | None = None
        self._dispatched_at: datetime | None = None
        self._started_at: datetime | None = None
        self._stopped_at: datetime | None = None

    @workflow.run
    async def run(self, order: ActionsOrder) -> RunOutcome:
        """Dispatch, follow, collect; a failure cancels the run and ends the cast uncharged."""
        if self._stop_asked is not None:
            return never_ran(self._stop_asked)
        try:
            return await self._outcome(order)
        except asyncio.CancelledError as error:
            await self._saga.compensate(problem_of(error))
            raise
        except FailureError as error:
            problem = problem_of(error)
            await self._saga.compensate(problem)
            if is_cancelled_exception(error):
                raise
            return never_ran(problem)

    async def _outcome(self, order: ActionsOrder) -> RunOutcome:
        self._saga.undo_with(self._leave_to_cancel)
        dispatched = await self._dispatch(order)
        if dispatched is None:
            assert self._stop_asked is not None
            await self._leave_to_cancel()
            return never_ran(self._stop_asked)
        self._input_digest = dispatched.input_digest
        if dispatched.problem is not None:
            return never_ran(dispatched.problem)
        self._run = dispatched.run or await self._search(order)
        if self._run is None:
            await self._leave_to_cancel()
            return never_ran(self._stop_asked or Problem.of(SpellError("DISPATCH_UNKNOWN")))
        look = await self._follow(order, self._run)
        if look.state is not ActionsState.COMPLETED:
            await self._leave_to_cancel()
        return await self._collect(order, self._run, look)

    async def _dispatch(self, order: ActionsOrder) -> Dispatched | None:
        """What came of asking; None where it was to stop first: then it may have been asked."""
        self._dispatched_at = workflow.now()
        self._say("asking GitHub")
        asking: workflow.ActivityHandle[Dispatched] = workflow.start_activity_method(
            ActionsActivities.dispatch,
            order,
            summary=f"{order.plan.repo} {order.plan.workflow}",
            **policies.DISPATCH_ACTIONS,
        )
        try:
            await workflow.wait_condition(lambda: asking.done() or self._stop_asked is not None)
        except asyncio.CancelledError:
            asking.cancel()
            return await asking
        if asking.done() or not workflow.patched(_STOP_WHILE_ASKING):
            return await asking
        # A rate limit is waited out for minutes, and what is revoked must not begin after that.
        asking.cancel()
        try:
            return await asking
        except FailureError as error:
            if not is_cancelled_exception(error):
                raise
            return None

    async def _search(self, order: ActionsOrder) -> ActionsRunRef | None:
        """The run that nobody named, by its name; None when GitHub has none for long enough."""
        self._say("looking for the run")
        ends_at = workflow.now() + _SEARCH
        while workflow.now() < ends_at:
            found = await self._found(order)
            if found is not None:
                return found
            await self._until_changed(_SEARCH_PAUSE)
        return None

    async def _found(self, order: ActionsOrder) -> ActionsRunRef | None:
        try:
            found: Dispatched = await workflow.execute_activity_method(
                ActionsActivities.find, order, **policies.LOOK_AT_ACTIONS
            )
        except FailureError as error:
            if problem_of(error).code not in _AWAY_CODES:
                raise
            return None
        return found.run

    async def _follow(self, order: ActionsOrder, run: ActionsRunRef) -> ActionsLook:
        """Wait until the run has ended, or was told to and did not in time."""
        pause, looked = _PAUSE_MIN, Looked(look=ActionsLook(state=ActionsState.QUEUED), noted="")
        last_answer_at = workflow.now()
        while True:
            newer = await self._look(run, looked.noted, last_answer_at)
            if newer is not None:
                got_on = newer.noted != looked.noted
                pause = _PAUSE_MIN if got_on else min(pause * 3 / 2, _PAUSE_MAX)
                looked, last_answer_at = newer, workflow.now()
            if looked.look.state is ActionsState.COMPLETED or self._is_out_of_patience():
                return looked.look
            await self._stop_if_due(order, run, looked.look)
            await self._wait(order, pause)

    async def _look(
        self, run: ActionsRunRef, noted: str, last_answer_at: datetime
    ) -> Looked | None:
        """Where the run is; None while GitHub is away."""
        self._changed = False
        self._looked_at = workflow.now()
        try:
            return await workflow.execute_activity_method(
                ActionsActivities.look,
                LookOrder(cast_id=self._order.cast_id, run=run, noted=noted),
                **policies.LOOK_AT_ACTIONS,
            )
        except FailureError as error:
            for_long = workflow.now() - last_answer_at > _AWAY
            if for_long or problem_of(error).code not in _AWAY_CODES:
                raise
            return None

    def _is_out_of_patience(self) -> bool:
        return self._stopped_at is not None and workflow.now() - self._stopped_at >= _STOP_GRACE

    async def _stop_if_due(
        self, order: ActionsOrder, run: ActionsRunRef, look: ActionsLook
    ) -> None:
        if look.started_at is not None and self._started_at is None:
            # Our clock from here: GitHub's may be another; what is charged goes by GitHub's.
            self._started_at = workflow.now()
            self._say("running")
        why = self._stop_asked or self._overdue(order)
        if why is None or self._stopped is not None:
            return
        self._stopped, self._stopped_at = why, workflow.now()
        self._say(f"stopping: `{why.code}`")
        await self._cancel(run)

    def _overdue(self, order: ActionsOrder) -> Problem | None:
        code = "QUEUE_TIMEOUT" if self._started_at is None else "TIME_EXCEEDED"
        return Problem.of(SpellError(code)) if self._time_left(order) <= timedelta() else None

    def _time_left(self, order: ActionsOrder) -> timedelta:
        assert self._dispatched_at is not None
        if self._started_at is None:
            return self._dispatched_at + _QUEUE - workflow.now()
        limit = timedelta(milliseconds=order.plan.limits.timeout_ms)
        return self._started_at + limit - workflow.now()

    async def _cancel(self, run: ActionsRunRef) -> None:
        """Ask GitHub to stop it. One that GitHub cannot be asked for is stopped late."""
        try:
            await workflow.execute_activity_method(
                ActionsActivities.cancel, run, **policies.STOP_ACTIONS
            )
        except FailureError:
            workflow.logger.warning("GitHub could not be asked to cancel; a late run is left")

    async def _wait(self, order: ActionsOrder, pause: timedelta) -> None:
        """Until something may have changed, but not in the same second as the last look."""
        if self._stopped is not None:
            await workflow.sleep(_STOP_PAUSE)
            return
        left = max(self._time_left(order), timedelta(milliseconds=1))
        await self._until_changed(min(pause, left))
        assert self._looked_at is not None
        too_soon = self._looked_at + _LOOKS_APART - workflow.now()
        if too_soon > timedelta() and self._stop_asked is None:
            await workflow.sleep(too_soon)

    async def _until_changed(self, pause: timedelta) -> None:
        stop_was_asked = self._stop_asked is not None
        try:
            await workflow.wait_condition(
                lambda: self._changed or (self._stop_asked is not None and not stop_was_asked),
                timeout=pause,
            )
        except TimeoutError:
            return
        finally:
            self._changed = False

    async def _collect(
        self, order: ActionsOrder, run: ActionsRunRef, look: ActionsLook
    ) -> RunOutcome:
        self._say("collecting")
        so_far = workflow.now() - look.started_at if look.started_at else timedelta()
        return await workflow.execute_activity_method(
            ActionsActivities.collect,
            CollectOrder(
                cast_id=order.cast_id,
                plan=order.plan,
                run=run,
                look=look,
                stopped=self._stopped,
                seconds_so_far=max(0, round(so_far.total_seconds())),
                input_digest=self._input_digest,
            ),
            summary=f"{look.conclusion or look.state.value}",
            **policies.COLLECT_ACTIONS,
        )

    async def _leave_to_cancel(self, problem: Problem | None = None) -> None:
        """Undo of the dispatch: have the run cancelled, also one that appears only later."""
        del problem
        await workflow.start_child_workflow(
            CancelLateRun.run,
            LateRun(cast_id=self._order.cast_id, run=self._run, plan=self._order.plan),
            id=late_run_workflow_id(self._order.cast_id),
            parent_close_policy=workflow.ParentClosePolicy.ABANDON,
        )

    def _say(self, stage: str) -> None:
        """Say in the Temporal UI where the run is."""
        where = f"[{self._run.repo}]({self._run.html_url})" if self._run else self._order.plan.repo
        workflow.set_current_details(f"{where}: **{stage}**")

    @workflow.signal(name="run_changed")
    def run_changed(self) -> None:
        """GitHub says that something happened to the run: look, whatever it was."""
        self._changed = True

    @workflow.signal(name="stop")
    def stop(self, problem: Problem) -> None:
        """End the run; the first reason stays."""
        self._stop_asked = self._stop_asked or problem

"""Workflow mode: have GitHub Actions run a plan, follow the run, take what comes of it."""

from datetime import timedelta

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities._failures import to_failure
from activities._records import salt_of
from activities.actions_collecting import ActionsCollector
from activities.actions_ports import ActionsHost, ActionsRuns, RunInputs
from activities.actions_progress import ActionsProgress
from activities.github_threads import GitHubThreads
from activities.ports import Vault
from schema.contracts.actions import (
    ActionsOrder,
    ActionsRunRef,
    ActionsState,
    CollectOrder,
    Dispatched,
    LateRun,
    LateState,
    Looked,
    LookOrder,
)
from schema.contracts.cast import RunOutcome
from schema.contracts.plans import ActionsPlan
from schema.contracts.problem import Problem
from schema.errors import SpellError
from schema.receipts import salted_digest

_DISPATCH_UNKNOWN, _RUN_LOST = "DISPATCH_UNKNOWN", "ACTIONS_RUN_LOST"
# Worth another cast, but not another attempt within this one.
_FOR_GOOD = frozenset({"MODE_UNAVAILABLE", _RUN_LOST})


class ActionsActivities:
    """What is asked of GitHub for a cast.

    Args:
        host: GitHub; None where the platform has no App.
        runs: the record of dispatches.
        inputs: gives inputs to runs.
        progress: shows casters where runs are.
        collector: takes what runs leave.
        threads: ask GitHub.
        vault: derives the salt of inputs' digests.
    """

    def __init__(  # one role each
        self,
        host: ActionsHost | None,
        runs: ActionsRuns,
        inputs: RunInputs,
        progress: ActionsProgress,
        collector: ActionsCollector | None,
        threads: GitHubThreads,
        vault: Vault,
    ) -> None:
        self._configured_host = host
        self._runs = runs
        self._inputs = inputs
        self._progress = progress
        self._collector = collector
        self._threads = threads
        self._vault = vault

    @activity.defn(name="actions.check")
    async def check(self, plan: ActionsPlan) -> None:
        """Make sure that the plan could be dispatched now.

        Effect: none.
        Same twice: it only reads.
        Gives up on: MODE_UNAVAILABLE, FORBIDDEN_REPO, WORKFLOW_NOT_FOUND.
        Heartbeat: every two seconds.
        """
        try:
            await self._threads.ask(self._host.check, plan)
        except SpellError as error:
            raise _failure(error) from error

    @activity.defn(name="actions.dispatch")
    async def dispatch(self, order: ActionsOrder) -> Dispatched:
        """Have GitHub run the plan, unless it may have been asked already.

        Effect: the intent on record; inputs behind a one-use address; one dispatch; the run on
            record where GitHub says which it is.
        Same twice: an intent whose fate is open is never acted on again: the answer is then the
            run on record, or neither run nor problem, and the run is to be looked for.
        Gives up on: nothing; what GitHub refuses for certain is in the answer. Rate limits and
            GitHub being away before it was asked are waited for.
        Heartbeat: every two seconds.
        """
        try:
            dispatched = await self._dispatched(order)
        except SpellError as error:
            raise _failure(error) from error
        salt = salt_of(self._vault, order.cast_id)
        digest = salted_digest(salt, order.inputs_json.encode("utf-8"))
        return dispatched.model_copy(update={"input_digest": digest})

    @activity.defn(name="actions.find")
    async def find(self, order: ActionsOrder) -> Dispatched:
        """Look for the run of a dispatch whose fate is open, by its name: the cast's id.

        Effect: the run on record.
        Same twice: a run on record is the answer.
        Gives up on: what a repetition cannot mend.
        Heartbeat: every two seconds.
        """
        try:
            return Dispatched(run=await self._found(order.cast_id, order.plan))
        except SpellError as error:
            raise _failure(error) from error

    @activity.defn(name="actions.look")
    async def look(self, order: LookOrder) -> Looked:
        """Where the run is, and tell the caster.

        Effect: the events `running`, once, and `progress`, where it got on.
        Same twice: what was noted before is not noted again.
        Gives up on: ACTIONS_RUN_LOST, the run was deleted.
        Heartbeat: every two seconds.
        """
        try:
            look = await self._threads.ask(self._host.look, order.run)
            noted = await self._progress.note(order.cast_id, order.run, look, order.noted)
        except SpellError as error:
            raise _failure(error) from error
        return Looked(look=look.model_copy(update={"jobs": []}), noted=noted)

    @activity.defn(name="actions.cancel")
    async def cancel(self, run: ActionsRunRef) -> None:
        """Ask GitHub to cancel the run.

        Effect: GitHub stops it, within seconds as a rule.
        Same twice: harmless.
        Gives up on: what a repetition cannot mend.
        Heartbeat: every two seconds.
        """
        try:
            await self._threads.ask(self._host.cancel, run)
        except SpellError as error:
            raise _failure(error) from error

    @activity.defn(name="actions.collect")
    async def collect(self, order: CollectOrder) -> RunOutcome:
        """How the run ended; its logs, output and artifacts.

        Effect: logs, output and artifacts in object storage, encrypted; inputs withdrawn.
        Same twice: the same keys are written again.
        Gives up on: nothing; what is wrong with the output is in the answer.
        Heartbeat: every two seconds while GitHub is asked.
        """
        try:
            outcome = await self._collecting.collect(order)
            await self._inputs.withdraw(order.cast_id)
        except SpellError as error:
            raise _failure(error) from error
        return outcome

    @activity.defn(name="actions.abandon")
    async def abandon(self, late: LateRun) -> LateState:
        """Stop a run that nobody waits for; also one that is found only now.

        Effect: inputs withdrawn; GitHub is asked to cancel the run, once it is known.
        Same twice: harmless.
        Gives up on: what a repetition cannot mend.
        Heartbeat: every two seconds.
        """
        try:
            await self._inputs.withdraw(late.cast_id)
            return await self._abandoned(late)
        except SpellError as error:
            if error.code == _RUN_LOST:
                return LateState.ENDED
            raise _failure(error) from error

    async def _dispatched(self, order: ActionsOrder) -> Dispatched:
        host = self._host
        if not await self._runs.intend(order.cast_id, order.plan):
            return Dispatched(run=await self._runs.run_of(order.cast_id))
        try:
            address = await self._inputs.offer(order.cast_id, order.inputs_json)
            inputs = {"inputs_url": address}
            run = await self._threads.ask(host.dispatch, order.plan, order.cast_id, inputs)
        except SpellError as error:
            return await self._not_dispatched(order.cast_id, error)
        if run is not None:
            await self._runs.dispatched(order.cast_id, run)
        return Dispatched(run=run)

    async def _not_dispatched(self, cast_id: str, error: SpellError) -> Dispatched:
        """Only what GitHub refused for certain may be asked again."""
        if error.code == _DISPATCH_UNKNOWN:
            return Dispatched()
        await self._runs.refused(cast_id)
        await self._inputs.withdraw(cast_id)
        if error.kind.retryable:
            raise error
        return Dispatched(problem=Problem.of(error))

    async def _found(self, cast_id: str, plan: ActionsPlan | None) -> ActionsRunRef | None:
        run = await self._runs.run_of(cast_id)
        if run is not None or plan is None:
            return run
        since = await self._runs.intended_at(cast_id)
        if since is None:
            return None
        run = await self._threads.ask(self._host.find, plan, cast_id, since)
        if run is not None:
            await self._runs.dispatched(cast_id, run)
        return run

    async def _abandoned(self, late: LateRun) -> LateState:
        run = late.run or await self._found(late.cast_id, late.plan)
        if run is None:
            return LateState.UNSEEN
        look = await self._threads.ask(self._host.look, run)
        if look.state is ActionsState.COMPLETED:
            return LateState.ENDED
        await self._threads.ask(self._host.cancel, run)
        return LateState.STOPPING

    @property
    def _host(self) -> ActionsHost:
        if self._configured_host is None:
            raise SpellError("MODE_UNAVAILABLE", "This installation has no GitHub App.")
        return self._configured_host

    @property
    def _collecting(self) -> ActionsCollector:
        if self._collector is None:
            raise SpellError("MODE_UNAVAILABLE", "This installation has no GitHub App.")
        return self._collector


def _failure(error: SpellError) -> ApplicationError:
    """The failure for an error; a rate limit is waited out before the next attempt."""
    wait = timedelta(seconds=error.retry_after) if error.retry_after else None
    failure = to_failure(error, for_good=error.code in _FOR_GOOD)
    if failure.non_retryable or wait is None or error.code != "RATE_LIMITED":
        return failure
    return ApplicationError(
        failure.message, *failure.details, type=failure.type, next_retry_delay=wait
    )

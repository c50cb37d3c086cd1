"""Runs on GitHub Actions on a test's own Temporal: real activities and Postgres, a told GitHub."""

import asyncio
import io
import threading
import uuid
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import Interceptor, Worker

from activities.actions import ActionsActivities
from activities.actions_collecting import ActionsCollector
from activities.actions_progress import ActionsProgress
from activities.github_threads import GitHubThreads
from activities.judging import OutputJudge
from infra.postgres import Database
from infra.repositories.actions_runs import PostgresActionsRuns
from infra.repositories.casts import PostgresCasts
from infra.repositories.run_inputs import StoredRunInputs
from schema.contracts.actions import (
    ActionsArtifact,
    ActionsJob,
    ActionsLook,
    ActionsOrder,
    ActionsRunRef,
    ActionsState,
    ActionsStep,
    LateRun,
    LateState,
)
from schema.contracts.artifacts import KeptArtifact
from schema.contracts.cast import RunOutcome
from schema.contracts.plans import ActionsPlan
from schema.errors import SpellError
from schema.ids import (
    actions_workflow_id,
    cast_id_for,
    late_run_workflow_id,
    sha256_digest,
)
from tests.support.fakes import AnySchema, KnownVerdicts, MemoryBlobs, ScriptedRunBus
from tests.support.platform import make_vault
from tests.support.scripted_github import an_actions_plan
from workflows.cancel_late_run import CancelLateRun
from workflows.run_actions import RunActions

STARTED = datetime(2026, 11, 25, 12, tzinfo=UTC)
JOBS = [
    ActionsJob(
        name="build",
        state=ActionsState.IN_PROGRESS,
        steps=[ActionsStep(name="resize", state=ActionsState.IN_PROGRESS)],
    )
]


def a_zip(files: Mapping[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


class ToldGitHub:
    """A port `ActionsHost` whose runs do what the test says.

    Args:
        conclusion: how a run ends after `looks` looks; None keeps it going until it is cancelled.
        looks: how many looks see it before its end.
        seconds: how long its jobs take, by its own clock.
    """

    def __init__(
        self, conclusion: str | None = "success", *, looks: int = 1, seconds: int = 42
    ) -> None:
        self.conclusion = conclusion
        self.looks = looks
        self.seconds = seconds
        self.commit = "c" * 40
        self.starts = True
        self.obeys = True
        self.uploads: dict[str, bytes] = {"spell-output": a_zip({"output.json": b'{"ok":true}'})}
        self.dispatch_errors: list[SpellError] = []
        self.accepts_failed = True
        self.names_runs = True
        self.appears_after = 0
        self.look_errors: list[SpellError] = []
        self.dispatched: list[str] = []
        self.given: list[Mapping[str, str]] = []
        self.cancelled = threading.Event()
        self.began = threading.Event()
        self.cancels = 0
        self.looked = self.searched = 0

    def check(self, plan: ActionsPlan) -> None:
        del plan

    def workflow_source(self, repo: str, workflow: str, ref: str) -> bytes:
        del repo, workflow, ref
        return b""

    def dispatch(
        self, plan: ActionsPlan, cast_id: str, inputs: Mapping[str, str]
    ) -> ActionsRunRef | None:
        error = self.dispatch_errors.pop(0) if self.dispatch_errors else None
        if error is None or (error.code == "DISPATCH_UNKNOWN" and self.accepts_failed):
            self.dispatched.append(cast_id)
            self.given.append(inputs)
        if error is not None:
            raise error
        return self._ref(plan) if self.names_runs else None

    def find(self, plan: ActionsPlan, cast_id: str, since: datetime) -> ActionsRunRef | None:
        assert since.tzinfo is not None
        self.searched += 1
        appeared = cast_id in self.dispatched and self.searched > self.appears_after
        return self._ref(plan) if appeared else None

    def look(self, run: ActionsRunRef) -> ActionsLook:
        assert run.run_id == 5
        if self.look_errors:
            raise self.look_errors.pop(0)
        self.looked += 1
        conclusion = self.conclusion if self.looked > self.looks else None
        if self.cancelled.is_set() and self.obeys:
            conclusion = conclusion or "cancelled"
        if conclusion is not None:
            began = STARTED if self.starts else None
            ended_at = STARTED + timedelta(seconds=self.seconds) if self.starts else None
            return ActionsLook(
                state=ActionsState.COMPLETED,
                conclusion=conclusion,
                started_at=began,
                ended_at=ended_at,
                commit=self.commit,
            )
        if not self.starts:
            return ActionsLook(state=ActionsState.QUEUED)
        self.began.set()
        return ActionsLook(state=ActionsState.IN_PROGRESS, started_at=STARTED, jobs=JOBS)

    def cancel(self, run: ActionsRunRef) -> None:
        del run
        self.cancels += 1
        self.cancelled.set()

    def logs(self, run: ActionsRunRef, bytes_max: int) -> bytes:
        del run, bytes_max
        return b"the maker's own words\n"

    def artifacts(self, run: ActionsRunRef) -> list[ActionsArtifact]:
        del run
        return [
            ActionsArtifact(artifact_id=number, name=name, bytes=len(content))
            for number, (name, content) in enumerate(self.uploads.items())
        ]

    def download(self, run: ActionsRunRef, artifact: ActionsArtifact, bytes_max: int) -> bytes:
        del run
        assert len(self.uploads[artifact.name]) <= bytes_max
        return self.uploads[artifact.name]

    def _ref(self, plan: ActionsPlan) -> ActionsRunRef:
        return ActionsRunRef(repo=plan.repo, run_id=5, html_url="https://github.example/runs/5")


class MemoryArtifacts:
    """A port `ArtifactStore` that remembers."""

    def __init__(self) -> None:
        self.content: dict[str, bytes] = {}

    async def keep(
        self, cast_id: str, name: str, content: bytes, content_type: str | None = None
    ) -> KeptArtifact:
        self.content[name] = content
        return KeptArtifact(
            name=name,
            content_type=content_type or "application/octet-stream",
            digest=sha256_digest(content),
            bytes=len(content),
            blob_key=f"casts/{cast_id}/artifacts/{name}",
        )


@dataclass
class ActionsPlatform:
    """Everything a run on GitHub Actions needs."""

    client: Client
    database: Database
    github: ToldGitHub = field(default_factory=ToldGitHub)
    interceptors: list[Interceptor] = field(default_factory=list)
    timeout_ms: int = 600_000
    task_queue: str = field(default_factory=lambda: f"github-{uuid.uuid4()}")

    def __post_init__(self) -> None:
        self.blobs, self.vault = MemoryBlobs(), make_vault()
        self.bus = ScriptedRunBus(lambda _: None)
        self.artifacts, self.checker = MemoryArtifacts(), AnySchema()
        casts = PostgresCasts(
            self.database, KnownVerdicts(), fee_basis_points=2000, open_casts_max=1000
        )
        self.casts: Any = _WithSchemas(casts)
        self.runs = PostgresActionsRuns(self.database)
        self.inputs = StoredRunInputs(
            self.database, self.blobs, self.vault, "https://spell.example"
        )
        threads = GitHubThreads()
        self.activities = ActionsActivities(
            self.github,
            self.runs,
            self.inputs,
            ActionsProgress(self.casts, self.bus, self.vault),
            ActionsCollector(
                self.github,
                threads,
                OutputJudge(self.casts, self.checker),
                self.artifacts,
                self.blobs,
                self.vault,
            ),
            threads,
            self.vault,
        )
        self.worker = Worker(
            self.client,
            task_queue=self.task_queue,
            workflows=[RunActions, CancelLateRun],
            activities=[
                self.activities.check,
                self.activities.dispatch,
                self.activities.find,
                self.activities.look,
                self.activities.cancel,
                self.activities.collect,
                self.activities.abandon,
            ],
            interceptors=self.interceptors,
        )

    def order(self) -> ActionsOrder:
        """A plan of a cast that nobody else has, in a repository that nobody else has."""
        account, name = f"acct_{'a' * 16}", uuid.uuid4().hex
        plan = an_actions_plan(repo=f"acme/{name}")
        limits = plan.limits.model_copy(update={"timeout_ms": self.timeout_ms})
        return ActionsOrder(
            cast_id=cast_id_for(account, b"secret", name),
            plan=plan.model_copy(update={"limits": limits}),
            inputs_json='{"width":3}',
        )

    async def start(self, order: ActionsOrder) -> WorkflowHandle[RunActions, RunOutcome]:
        return await self.client.start_workflow(
            RunActions.run,
            order,
            id=actions_workflow_id(order.cast_id),
            task_queue=self.task_queue,
        )

    async def run(self, order: ActionsOrder | None = None) -> RunOutcome:
        """One run, to its end, and that of what it leaves behind."""
        order = order or self.order()
        async with self.worker:
            outcome = await (await self.start(order)).result()
            await self.late_run(order)
        return outcome

    async def late_run(self, order: ActionsOrder) -> bool:
        """Whether a late run was left, once it has been looked after for the first time.

        It is terminated then: this server's clock does not skip for a child without a parent.
        """
        late = self.client.get_workflow_handle(late_run_workflow_id(order.cast_id))
        try:
            await late.describe()
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return False
        async with asyncio.timeout(20):
            while not await _was_looked_after(late):  # noqa: ASYNC110  (it tells nobody)
                # This server answers no long poll for such a child.
                await asyncio.sleep(0.05)
        with suppress(RPCError):
            await late.terminate()
        return True

    async def dispatch_and_die(self, order: ActionsOrder) -> None:
        """What a worker leaves that died when GitHub had taken the dispatch."""
        await self.runs.intend(order.cast_id, order.plan)
        self.github.dispatch(order.plan, order.cast_id, {})

    async def cancel_late(self, order: ActionsOrder) -> WorkflowHandle[CancelLateRun, LateState]:
        """Look after a late run, from the outside."""
        return await self.client.start_workflow(
            CancelLateRun.run,
            LateRun(cast_id=order.cast_id, plan=order.plan),
            id=late_run_workflow_id(order.cast_id),
            task_queue=self.task_queue,
        )

    async def until_began(self, order: ActionsOrder) -> None:
        """Wait until a look has seen the run under way, and the workflow waits for the next one.

        A cancel while an activity ends is one that this server, unlike Temporal's own, cannot
        take: it answers the workflow task with ACTIVITY_UNKNOWN, and forgets the cancel.
        """
        assert await asyncio.to_thread(self.github.began.wait, 20)
        handle = self.client.get_workflow_handle(actions_workflow_id(order.cast_id))
        async with asyncio.timeout(20):
            while not await _waits(handle):  # noqa: ASYNC110  (it tells nobody)
                await asyncio.sleep(0.02)

    async def until_refused(self, order: ActionsOrder) -> None:
        """Wait until GitHub has refused a dispatch, which waits for its next attempt."""
        handle = self.client.get_workflow_handle(actions_workflow_id(order.cast_id))
        async with asyncio.timeout(20):
            while not await _failed_once(handle):  # noqa: ASYNC110  (it tells nobody)
                await asyncio.sleep(0.02)


async def _failed_once(handle: WorkflowHandle[Any, Any]) -> bool:
    pending = (await handle.describe()).raw_description.pending_activities
    return any(each.HasField("last_failure") for each in pending)


async def _waits(handle: WorkflowHandle[Any, Any]) -> bool:
    events = (await handle.fetch_history()).events
    return events[-1].event_type == EventType.EVENT_TYPE_TIMER_STARTED


async def _was_looked_after(late: WorkflowHandle[Any, Any]) -> bool:
    done = EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED
    return any(event.event_type == done for event in (await late.fetch_history()).events)


class _WithSchemas:
    """The real casts, but for a version that is published nowhere."""

    def __init__(self, casts: PostgresCasts) -> None:
        self._casts = casts

    def __getattr__(self, name: str) -> Any:
        return getattr(self._casts, name)

    async def schemas_of(self, plan: Any) -> bytes:
        del plan
        return b"{}"

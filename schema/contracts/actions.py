"""Runs on GitHub Actions, as messages.

A word on words: a *workflow* is Temporal's, a *run* and a *runner* are ours. What GitHub calls a
workflow run is an *Actions run* here.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from schema.contracts.base import Contract
from schema.contracts.plans import ActionsPlan
from schema.contracts.problem import Problem
from schema.ids import CastId, Digest

RunNumber = Annotated[int, Field(ge=1, le=2**53 - 1)]
"""GitHub's id of an Actions run."""

GitCommit = Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{40}|[0-9a-f]{64})$")]
"""Git's name of a commit, by SHA-1 or by SHA-256."""


class ActionsOrder(Contract):
    """Start input of `RunActions`: one plan of one cast."""

    cast_id: CastId
    plan: ActionsPlan
    inputs_json: str


class ActionsRunRef(Contract):
    """Names one Actions run."""

    repo: str
    run_id: RunNumber
    html_url: str


class ActionsState(StrEnum):
    """How far GitHub is with an Actions run."""

    QUEUED = "queued"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"


class ActionsStep(Contract):
    """One step of a job: where it is, never what it prints."""

    name: str
    state: ActionsState
    conclusion: str | None = None


class ActionsJob(Contract):
    """One job of an Actions run."""

    name: str
    state: ActionsState
    conclusion: str | None = None
    steps: list[ActionsStep] = Field(default_factory=list)


class ActionsLook(Contract):
    """What GitHub says of an Actions run at a moment; times are GitHub's clock."""

    state: ActionsState
    conclusion: str | None = None
    """`success`, `failure`, `cancelled`, `timed_out`, `startup_failure` …; None while it runs."""
    started_at: datetime | None = None
    """When its first job began; None while none has."""
    ended_at: datetime | None = None
    """When its last job ended; None while it runs."""
    run_attempt: int = 1
    commit: GitCommit | None = None
    """What it checks out; None where GitHub says nothing that names a commit."""
    jobs: list[ActionsJob] = Field(default_factory=list)


class Dispatched(Contract):
    """What came of asking GitHub to run: the run, or why there is none."""

    run: ActionsRunRef | None = None
    problem: Problem | None = None
    input_digest: Digest | None = None
    """Of the inputs, over the cast's salt: for its receipt."""


class LookOrder(Contract):
    """Argument of a look at an Actions run."""

    cast_id: CastId
    run: ActionsRunRef
    noted: str = ""
    """What the last look noted: the same again is no progress."""


class Looked(Contract):
    """What a look found: without jobs and steps, which go to the cast's events."""

    look: ActionsLook
    noted: str


class CollectOrder(Contract):
    """Argument of what is done when an Actions run has ended, or is not waited for any more."""

    cast_id: CastId
    plan: ActionsPlan
    run: ActionsRunRef
    look: ActionsLook
    stopped: Problem | None = None
    """Why we stopped it; None when it ended by itself."""
    seconds_so_far: Annotated[int, Field(ge=0)] = 0
    """How long it ran, where GitHub has not said when it ended."""
    input_digest: Digest | None = None
    """As the dispatch gave it; None of runs that were dispatched before there were records."""


class LateRun(Contract):
    """Start input of `CancelLateRun`: a run that nobody waits for any more."""

    cast_id: CastId
    run: ActionsRunRef | None = None
    """None while nobody knows which it is; then it is looked for by `plan`."""
    plan: ActionsPlan | None = None


class LateState(StrEnum):
    """What became of a late run."""

    UNSEEN = "unseen"
    STOPPING = "stopping"
    ENDED = "ended"


class ActionsArtifact(Contract):
    """An artifact of an Actions run, before it is fetched: GitHub's words, so not trusted."""

    artifact_id: int
    name: Annotated[str, Field(max_length=256)]
    bytes: int
    """Of the archive, packed."""
    digest: str | None = None
    """`sha256:<hex>` of the archive, where GitHub says one."""
    expired: bool = False

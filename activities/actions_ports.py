"""The roles that runs on GitHub Actions need played. Adapters are in `infra/github/`.

GitHub's client is synchronous, so `ActionsHost` is, too: its callers are threaded activities on
the task queue `github`.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from schema.contracts.actions import ActionsArtifact, ActionsLook, ActionsRunRef
from schema.contracts.plans import ActionsPlan


class ActionsHost(Protocol):
    """GitHub, as far as it runs workflows.

    Each method raises SpellError: RATE_LIMITED (with `retry_after`), SERVICE_UNAVAILABLE (GitHub is
    away; nothing happened), FORBIDDEN_REPO (the App is not installed there, or may not do that).
    """

    def check(self, plan: ActionsPlan) -> None:
        """Make sure that the plan can be dispatched now.

        Raises SpellError: FORBIDDEN_REPO says how to install; WORKFLOW_NOT_FOUND.
        """

    def workflow_source(self, repo: str, workflow: str, ref: str) -> bytes:
        """The workflow's YAML. Raises SpellError: FORBIDDEN_REPO, WORKFLOW_NOT_FOUND."""

    def dispatch(
        self, plan: ActionsPlan, cast_id: str, inputs: Mapping[str, str]
    ) -> ActionsRunRef | None:
        """Ask once, never again by itself; None where GitHub does not say which run it became.

        Raises SpellError: WORKFLOW_NOT_FOUND and the like when it certainly did not accept;
        DISPATCH_UNKNOWN when nobody knows.
        """

    def find(self, plan: ActionsPlan, cast_id: str, since: datetime) -> ActionsRunRef | None:
        """The run whose name says this cast, begun after `since`; None while there is none."""

    def look(self, run: ActionsRunRef) -> ActionsLook:
        """Where the run is. Raises SpellError: ACTIONS_RUN_LOST (it was deleted)."""

    def cancel(self, run: ActionsRunRef) -> None:
        """Ask GitHub to cancel; harmless when the run has ended."""

    def logs(self, run: ActionsRunRef, bytes_max: int) -> bytes:
        """The logs of its jobs as text, cut; empty when GitHub has none any more."""

    def artifacts(self, run: ActionsRunRef) -> list[ActionsArtifact]:
        """What the run uploaded."""

    def download(self, run: ActionsRunRef, artifact: ActionsArtifact, bytes_max: int) -> bytes:
        """The archive of an artifact, checked against its digest where GitHub says one.

        Raises SpellError: OUTPUT_TOO_LARGE, OUTPUT_INVALID (another digest), ARTIFACT_EXPIRED.
        """


class ActionsRuns(Protocol):
    """The record of dispatches: one for each cast, written before GitHub is asked."""

    async def intend(self, cast_id: str, plan: ActionsPlan) -> bool:
        """Record the intent; whether GitHub may be asked now.

        It may when it never was, or when it certainly refused (`refused`).
        """

    async def intended_at(self, cast_id: str) -> datetime | None:
        """When the intent was first had; None when there was none."""

    async def refused(self, cast_id: str) -> None:
        """Record that GitHub certainly did not take the dispatch: it may be asked again."""

    async def dispatched(self, cast_id: str, run: ActionsRunRef) -> None:
        """Record which run it became; the first answer stays."""

    async def run_of(self, cast_id: str) -> ActionsRunRef | None:
        """The run of a cast, if it is known."""


class RunInputs(Protocol):
    """Inputs on their way into an Actions run: by an address that works once, for a short time."""

    async def offer(self, cast_id: str, inputs_json: str) -> str:
        """Keep the inputs, encrypted; the address that gives them out. Again: a new address."""

    async def withdraw(self, cast_id: str) -> None:
        """Forget them; harmless when they are gone."""

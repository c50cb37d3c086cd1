"""GitHub Actions as the place where workflow mode runs. Fits the port `ActionsHost`.

Every answer is one of: done, certainly not accepted, nobody knows, wait, not allowed, gone. Only a
dispatch may meet "nobody knows" (DISPATCH_UNKNOWN); everything else may be asked again.
"""

import base64
import binascii
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from infra.github import log_text, replies
from infra.github.app import GitHubApp, Permissions, UnknownFateError
from infra.github.downloads import fetch
from infra.github.replies import Reply
from infra.github.run_reading import artifact_of, look_of, run_ref
from infra.github.workflow_files import YamlWorkflowFiles
from schema.contracts.actions import ActionsArtifact, ActionsLook, ActionsRunRef
from schema.contracts.plans import ActionsPlan, Dispatch
from schema.errors import SpellError

# Decision 21: what is needed, and no more; a token has no more even where the App has.
_TO_RUN: Mapping[Dispatch, Permissions] = {
    Dispatch.WORKFLOW: {"actions": "write", "contents": "read"},
    Dispatch.REPOSITORY: {"actions": "write", "contents": "write"},
}
_TO_FOLLOW: Permissions = {"actions": "write"}
_TO_READ: Permissions = {"contents": "read"}
EVENT_TYPE = "spell-cast"
"""The type of our `repository_dispatch`, for `on.repository_dispatch.types`."""
_PAGE, _PAGES_MAX = 100, 5
# GitHub's clock and the database's are two.
_SKEW = timedelta(minutes=2)
_SOURCE_BYTES_MAX = 512 * 1024
_ACTIVE = "active"


class GitHubActions:
    """Dispatches, follows and fetches Actions runs as the platform's App.

    Args:
        app: asks GitHub.
    """

    def __init__(self, app: GitHubApp) -> None:
        self._app = app

    def check(self, plan: ActionsPlan) -> None:
        """Make sure that the plan can be dispatched now: App, permissions, file, trigger, state."""
        self._app.check_installed(plan.repo, _TO_RUN[plan.dispatch])
        path = f"/actions/workflows/{quote(plan.workflow, safe='')}"
        reply = self._ask(
            plan.repo, _TO_RUN[plan.dispatch], "GET", path, repository_id=plan.repository_id
        )
        document = reply.document
        if reply.status != 200 or not isinstance(document, dict):  # noqa: PLR2004
            raise self._refused(plan, reply)
        if document.get("state") != _ACTIVE:
            message = "The GitHub Actions workflow is disabled."
            raise _not_found(plan, message, state=str(document.get("state"))[:64])
        source = self.workflow_source(plan.repo, plan.workflow, plan.ref)
        if plan.dispatch.value not in _triggers_of(source):
            message = f"The GitHub Actions workflow is not started by {plan.dispatch.value}."
            raise _not_found(plan, message)

    def workflow_source(self, repo: str, workflow: str, ref: str) -> bytes:
        """The workflow's YAML at a branch, tag or commit."""
        path = f"/contents/.github/workflows/{quote(workflow, safe='')}"
        reply = self._ask(repo, _TO_READ, "GET", path, parameters={"ref": ref})
        details = {"repo": repo, "workflow": workflow, "ref": ref}
        if reply.status == 403:  # noqa: PLR2004
            raise self._app.forbidden(repo, "The App may not read there.", missing=_TO_READ)
        document = reply.document
        if reply.status != 200 or not isinstance(document, dict):  # noqa: PLR2004
            raise SpellError("WORKFLOW_NOT_FOUND", details=details)
        if int(document.get("size") or 0) > _SOURCE_BYTES_MAX:
            message = "The GitHub Actions workflow is too large."
            raise SpellError("WORKFLOW_NOT_FOUND", message, details=details)
        try:
            return base64.b64decode(str(document.get("content", "")))
        except binascii.Error:
            raise SpellError("WORKFLOW_NOT_FOUND", details=details) from None

    def dispatch(
        self, plan: ActionsPlan, cast_id: str, inputs: Mapping[str, str]
    ) -> ActionsRunRef | None:
        """Ask once; None where GitHub does not say which run it became."""
        given = {"cast_id": cast_id, **inputs}
        if plan.dispatch is Dispatch.REPOSITORY:
            body: dict[str, Any] = {"event_type": EVENT_TYPE, "client_payload": given}
            return self._run_of(plan, self._dispatched(plan, "/dispatches", body))
        path = f"/actions/workflows/{quote(plan.workflow, safe='')}/dispatches"
        body = {"ref": plan.ref, "inputs": given}
        reply = self._dispatched(plan, path, {**body, "return_run_details": True})
        if reply.status == replies.UNPROCESSABLE and "return_run_details" in reply.text:
            # An older GitHub Enterprise Server: it took nothing, so this is the first dispatch.
            reply = self._dispatched(plan, path, body)
        return self._run_of(plan, reply)

    def find(self, plan: ActionsPlan, cast_id: str, since: datetime) -> ActionsRunRef | None:
        """The oldest run of this workflow whose name says this cast, begun after `since`."""
        begin = (since.astimezone(UTC) - _SKEW).strftime("%Y-%m-%dT%H:%M:%SZ")
        path = f"/actions/workflows/{quote(plan.workflow, safe='')}/runs"
        parameters = {"event": plan.dispatch.value, "created": f">={begin}"}
        named = [
            run
            for run in self._listed(plan.repo, path, "workflow_runs", parameters)
            if run.get("display_title") == cast_id and _is_of(run, plan)
        ]
        return run_ref(plan.repo, min(named, key=lambda run: int(run["id"]))) if named else None

    def look(self, run: ActionsRunRef) -> ActionsLook:
        """Where the run is, with jobs and steps."""
        path = f"/actions/runs/{run.run_id}"
        reply = self._ask(run.repo, _TO_FOLLOW, "GET", path)
        document = reply.document
        if reply.status != 200 or not isinstance(document, dict):  # noqa: PLR2004
            details = {"repo": run.repo, "run_url": run.html_url, "github": reply.words}
            raise SpellError("ACTIONS_RUN_LOST", details=details)
        jobs = list(self._listed(run.repo, f"{path}/jobs", "jobs", {"filter": "latest"}))
        return look_of(document, jobs)

    def cancel(self, run: ActionsRunRef) -> None:
        """Ask GitHub to cancel; one that has ended (409) or is gone (404) stays as it is."""
        self._ask(run.repo, _TO_FOLLOW, "POST", f"/actions/runs/{run.run_id}/cancel")

    def logs(self, run: ActionsRunRef, bytes_max: int) -> bytes:
        """The end of the logs of its jobs as text; empty when GitHub has none any more."""
        reply = self._ask(run.repo, _TO_FOLLOW, "GET", f"/actions/runs/{run.run_id}/logs")
        if reply.status != replies.FOUND:
            return b""
        location = reply.headers.get("location", "")
        archive = fetch(location, self._app.api_url, bytes_max=log_text.PACKED_BYTES_MAX)
        return log_text.text_of(archive, bytes_max)

    def artifacts(self, run: ActionsRunRef) -> list[ActionsArtifact]:
        """What the run uploaded."""
        path = f"/actions/runs/{run.run_id}/artifacts"
        return [artifact_of(each) for each in self._listed(run.repo, path, "artifacts", {})]

    def download(self, run: ActionsRunRef, artifact: ActionsArtifact, bytes_max: int) -> bytes:
        """The archive of an artifact, checked against its digest where GitHub says one."""
        path = f"/actions/artifacts/{artifact.artifact_id}/zip"
        reply = self._ask(run.repo, _TO_FOLLOW, "GET", path)
        if reply.status != replies.FOUND:
            details = {"artifact": artifact.name, "github": reply.words}
            raise SpellError("ARTIFACT_EXPIRED", details=details)
        location = reply.headers.get("location", "")
        return fetch(location, self._app.api_url, bytes_max=bytes_max, digest=artifact.digest)

    def _ask(
        self,
        repo: str,
        permissions: Permissions,
        verb: str,
        path: str,
        parameters: dict[str, Any] | None = None,
        repository_id: int | None = None,
    ) -> Reply:
        """Ask what may be asked again."""
        try:
            reply = self._app.ask(
                repo, permissions, verb, path, parameters=parameters, repository_id=repository_id
            )
        except UnknownFateError:
            raise replies.away("GitHub did not answer.") from None
        failure = replies.failure_of(reply)
        if failure is not None:
            raise failure
        return reply

    def _dispatched(self, plan: ActionsPlan, path: str, body: dict[str, Any]) -> Reply:
        """Ask what must not be asked again unless GitHub says that it did not take it."""
        try:
            reply = self._app.ask(
                plan.repo,
                _TO_RUN[plan.dispatch],
                "POST",
                path,
                body=body,
                repository_id=plan.repository_id,
            )
        except UnknownFateError:
            raise SpellError("DISPATCH_UNKNOWN", details={"repo": plan.repo}) from None
        if reply.has_failed_there:
            details = {"repo": plan.repo, "github": reply.words}
            raise SpellError("DISPATCH_UNKNOWN", details=details)
        failure = replies.failure_of(reply)
        if failure is not None:
            raise failure
        return reply

    def _run_of(self, plan: ActionsPlan, reply: Reply) -> ActionsRunRef | None:
        if reply.status not in replies.OK:
            raise self._refused(plan, reply)
        document = reply.document
        if not isinstance(document, dict) or "workflow_run_id" not in document:
            return None
        url = str(document.get("html_url", ""))
        return ActionsRunRef(repo=plan.repo, run_id=document["workflow_run_id"], html_url=url)

    def _refused(self, plan: ActionsPlan, reply: Reply) -> SpellError:
        """GitHub's word that it did not take it."""
        if reply.status == 403:  # noqa: PLR2004
            message = "GitHub does not let the App do that there."
            return self._app.forbidden(plan.repo, message, missing=_TO_RUN[plan.dispatch])
        return _not_found(plan, github=reply.words)

    def _listed(
        self, repo: str, path: str, name: str, parameters: dict[str, Any]
    ) -> Iterator[dict[str, Any]]:
        """The items of a list, as far as anybody needs them."""
        for page in range(1, _PAGES_MAX + 1):
            paged = {**parameters, "per_page": _PAGE, "page": page}
            document = self._ask(repo, _TO_FOLLOW, "GET", path, parameters=paged).document
            items = document.get(name) if isinstance(document, dict) else None
            yield from items or []
            if len(items or []) < _PAGE:
                return


def _is_of(run: dict[str, Any], plan: ActionsPlan) -> bool:
    """Whether the run is of the plan's file; paths may name a ref after `@`."""
    path = str(run.get("path", "")).partition("@")[0]
    return path == f".github/workflows/{plan.workflow}"


def _triggers_of(source: bytes) -> list[str]:
    try:
        return YamlWorkflowFiles().read(source).triggers
    except ValueError:
        return []


def _not_found(plan: ActionsPlan, message: str = "", **more: str) -> SpellError:
    details = {"repo": plan.repo, "workflow": plan.workflow, "ref": plan.ref, **more}
    return SpellError("WORKFLOW_NOT_FOUND", message, details=details)

"""Turns a dispatch into a run, or says why not, in GitHub's words."""

import json
from collections.abc import Mapping
from typing import Any

from infra.embedded.github.actions.clock import stamp
from infra.embedded.github.actions.documents import Document, Documents
from infra.embedded.github.actions.engine import Engine
from infra.embedded.github.actions.host import Host, HostedCommit, HostedRepository
from infra.embedded.github.actions.refusal import RefusedError
from infra.embedded.github.actions.runs import WORKFLOW, Runs
from infra.embedded.github.actions.workflow_files import (
    InputsError,
    WorkflowFile,
    WorkflowFileError,
    parse,
)

_FOLDER = ".github/workflows/"
_PAYLOAD_KEYS_MAX = 10
_PAYLOAD_BYTES_MAX = 64 * 1024
_EVENT_TYPE_MAX = 100


class Dispatching:
    """Knows the workflows of repositories and starts them.

    Args:
        host: the repositories.
        documents: the ids of workflows.
        runs: where a new run is recorded.
        engine: what runs it.
    """

    def __init__(self, host: Host, documents: Documents, runs: Runs, engine: Engine) -> None:
        self._host = host
        self._documents = documents
        self._runs = runs
        self._engine = engine

    def workflows(self, repository: HostedRepository) -> list[Document]:
        """The workflows at the default branch, oldest first; each has an id for ever."""
        commit = self._host.commit(repository.repository_id, repository.default_branch)
        if commit is None:
            return []
        known = {
            one["path"]: one for one in self._documents.all(WORKFLOW, repository.repository_id)
        }
        found = [
            known.get(file.path) or self._learn(repository, file) for file in _files_of(commit)
        ]
        return sorted(found, key=lambda workflow: int(workflow["id"]))

    def workflow(self, repository: HostedRepository, key: str) -> Document:
        """A workflow by id or file name. Raises RefusedError: 404."""
        for workflow in self.workflows(repository):
            if key in {str(workflow["id"]), workflow["path"].rpartition("/")[2], workflow["path"]}:
                return workflow
        raise RefusedError(404, "Not Found")

    def workflow_dispatch(
        self,
        repository: HostedRepository,
        key: str,
        ref: str,
        inputs: Mapping[str, Any],
        actor: Mapping[str, Any],
    ) -> Document:
        """Start a workflow by hand; its run. Raises RefusedError: 404, 422."""
        workflow = self.workflow(repository, key)
        commit = self._host.commit(repository.repository_id, ref)
        if commit is None:
            raise RefusedError(422, f"No ref found for: {ref}")
        file = _file_at(commit, workflow["path"])
        if file is None or not file.wants("workflow_dispatch"):
            raise RefusedError(422, "Workflow does not have 'workflow_dispatch' trigger")
        try:
            given = file.inputs(inputs)
        except InputsError as error:
            raise RefusedError(422, str(error)) from None
        body = {
            "inputs": given,
            "ref": f"refs/heads/{commit.branch}",
            "workflow": workflow["path"],
            **_context(repository, actor),
        }
        return self._begin(repository, workflow, file, commit, "workflow_dispatch", body, actor)

    def repository_dispatch(
        self,
        repository: HostedRepository,
        kind: str,
        payload: Mapping[str, Any],
        actor: Mapping[str, Any],
    ) -> list[Document]:
        """Start every workflow that waits for such an event. Raises RefusedError: 422."""
        if not 0 < len(kind) <= _EVENT_TYPE_MAX:
            raise RefusedError(422, "event_type must be 1 to 100 characters")
        if len(payload) > _PAYLOAD_KEYS_MAX:
            raise RefusedError(422, "No more than 10 properties are allowed in client_payload")
        if len(json.dumps(payload)) >= _PAYLOAD_BYTES_MAX:
            raise RefusedError(422, "client_payload is too large")
        commit = self._host.commit(repository.repository_id, repository.default_branch)
        body = {
            "action": kind,
            "branch": repository.default_branch,
            "client_payload": dict(payload),
            **_context(repository, actor),
        }
        event = "repository_dispatch"
        return [
            self._begin(repository, workflow, file, commit, event, body, actor)
            for workflow in self.workflows(repository)
            if commit is not None
            and (file := _file_at(commit, workflow["path"])) is not None
            and file.wants(event, kind)
        ]

    def _begin(
        self,
        repository: HostedRepository,
        workflow: Document,
        file: WorkflowFile,
        commit: HostedCommit,
        event: str,
        body: Mapping[str, Any],
        actor: Mapping[str, Any],
    ) -> Document:
        run = self._runs.begin(repository, workflow, file, commit, event, body, actor)
        self._engine.enqueue(run)
        return run

    def _learn(self, repository: HostedRepository, file: WorkflowFile) -> Document:
        body = {"path": file.path, "name": file.name, "created_at": stamp()}
        workflow_id = self._documents.add(WORKFLOW, body, repository.repository_id)
        return {**body, "id": workflow_id}


def _context(repository: HostedRepository, actor: Mapping[str, Any]) -> dict[str, Any]:
    return {"repository": dict(repository.document), "sender": dict(actor)}


def _files_of(commit: HostedCommit) -> list[WorkflowFile]:
    paths = [path for path in sorted(commit.files) if _is_workflow(path)]
    return [file for path in paths if (file := _file_at(commit, path)) is not None]


def _is_workflow(path: str) -> bool:
    name = path.removeprefix(_FOLDER)
    return path.startswith(_FOLDER) and "/" not in name and name.endswith((".yml", ".yaml"))


def _file_at(commit: HostedCommit, path: str) -> WorkflowFile | None:
    try:
        return parse(path, commit.files[path])
    except (KeyError, WorkflowFileError):
        return None

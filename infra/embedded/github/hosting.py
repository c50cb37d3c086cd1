"""The rest of the local GitHub, as its Actions half sees it. Fits `actions.host.Host`."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from infra.embedded.github.actions.documents import Document
from infra.embedded.github.actions.host import HostedCommit, HostedRepository, WebhookTarget
from infra.embedded.github.documents import repository_document, user_document
from infra.embedded.github.git import HEADS
from infra.embedded.github.server import Server

_EVENTS = frozenset({"workflow_run", "workflow_job"})


class GitHubHost:
    """Repositories, commits and webhook targets for runs."""

    def __init__(self, server: Server) -> None:
        self.base_url = server.base_url
        self._server = server

    def repository(
        self, request: Request, owner: str, name: str, level: str
    ) -> tuple[HostedRepository, Mapping[str, Any]]:
        """The repository, and who asks, who may `read` or `write` its Actions.

        `contents:write` is what a repository_dispatch needs.
        """
        permission, _, asked = level.rpartition(":")
        needs = {permission or "actions": asked}
        found = self._server.callers.repository(request, owner, name, **needs)
        caller = self._server.callers.caller(request)
        login = found["owner"] if caller is None else caller.login
        person = self._server.state.owner(login) or {"login": login, "id": 0, "type": "Bot"}
        return self._hosted(found), user_document(self.base_url, person)

    def by_id(self, repository_id: int) -> HostedRepository | None:
        """A repository without asking who wants it."""
        found = self._server.state.repository_by_id(repository_id)
        return None if found is None else self._hosted(found)

    def commit(self, repository_id: int, ref: str) -> HostedCommit | None:
        """What a branch, a tag, a whole ref or a commit's id leads to."""
        found = self._server.state.git.find(repository_id, ref)
        if found is None:
            return None
        files = self._server.state.git.files(repository_id, found)
        heads = self._server.state.git.refs(repository_id)
        branch = next(
            (name for name, sha in heads.items() if sha == found.sha and name.startswith(HEADS)),
            ref,
        )
        return HostedCommit(found.sha, branch.removeprefix(HEADS), found.message, files)

    def targets(self, repository_id: int) -> list[WebhookTarget]:
        """The App, where it is installed and has a webhook."""
        state = self._server.state
        found = state.repository_by_id(repository_id)
        installation = None if found is None else state.installation_of(found["owner"])
        if found is None or installation is None or not state.app.webhook_url:
            return []
        names = installation["repositories"]
        if installation["suspended"] or (names is not None and found["name"] not in names):
            return []
        app = state.app
        return [
            WebhookTarget(
                app.app_id, installation["id"], app.webhook_url, app.webhook_secret, _EVENTS
            )
        ]

    def app(self, request: Request) -> int:
        """The App that asks with a JWT of its own."""
        return self._server.callers.app(request)

    def _hosted(self, repository: Document) -> HostedRepository:
        owner = self._server.state.owner(repository["owner"])
        assert owner is not None
        return HostedRepository(
            repository["id"],
            repository["owner"],
            repository["name"],
            repository["default_branch"],
            repository_document(self.base_url, owner, repository, push=None),
        )

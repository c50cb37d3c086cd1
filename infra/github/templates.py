"""Copies of templates on GitHub, made as the buyer. Fits the port `TemplateHost`."""

import base64
from datetime import datetime, timedelta
from typing import Any

from github import Auth

from infra.github.app import GitHubApp, UnknownFateError
from infra.github.replies import CONFLICT, NOT_FOUND, OK, UNPROCESSABLE, Reply, away, failure_of
from infra.github.setup_file import BRANCH, FILE, TITLE, setup_text
from schema.contracts.purchases import GeneratedRepository, PurchaseOrder
from schema.errors import SpellError

# GitHub's clock is not ours.
_SKEW = timedelta(minutes=2)
# A user's token reaches what the user and the App both reach (REST: "Create a repository using a
# template" wants administration).
_OF_BUYERS = {"administration": "write", "contents": "write", "pull_requests": "write"}


class GitHubTemplates:
    """Makes and sets up copies with the buyer's own token.

    Args:
        app: the platform's App, which must be able to read templates.
    """

    def __init__(self, app: GitHubApp) -> None:
        self._app = app

    def check(self, token: str, template: str, repository: str) -> None:
        """Make sure that the copy could be made now.

        Raises SpellError: FORBIDDEN_REPO, REPOSITORY_EXISTS.
        """
        self._app.check_installed(template, {"contents": "read"})
        self._app.check_installed_for(repository, _OF_BUYERS)
        seen = self._ask(token, "GET", f"/repos/{template}")
        if seen.status == NOT_FOUND:
            message = "Your GitHub user cannot read the template."
            raise SpellError("FORBIDDEN_REPO", message, details={"repo": template})
        if self._ask(token, "GET", f"/repos/{repository}").status in OK:
            raise _taken(repository)

    def find(
        self, token: str, order: PurchaseOrder, intended_at: datetime
    ) -> GeneratedRepository | None:
        """The copy, if it is one of this template made since; None when there is none.

        Raises SpellError: REPOSITORY_EXISTS, something else has its name.
        """
        reply = self._ask(token, "GET", f"/repos/{order.request.repository}")
        if reply.status == NOT_FOUND:
            return None
        found = _object(reply)
        template = (found.get("template_repository") or {}).get("full_name", "")
        is_ours = str(template).lower() == order.offer.template_repo.lower()
        if not is_ours or datetime.fromisoformat(found["created_at"]) < intended_at - _SKEW:
            raise _taken(order.request.repository)
        return _repository(found)

    def generate(self, token: str, order: PurchaseOrder) -> GeneratedRepository | None:
        """Make the copy. None: nobody said what became of it, so look before asking again.

        Raises SpellError: GENERATION_FAILED, SERVICE_UNAVAILABLE, RATE_LIMITED: nothing was made.
        """
        owner, _, name = order.request.repository.partition("/")
        body = {"owner": owner, "name": name, "private": order.request.private}
        path = f"/repos/{order.offer.template_repo}/generate"
        try:
            reply = self._app.send_as(Auth.Token(token), "POST", path, body=body)
        except UnknownFateError:
            return None
        if reply.has_failed_there:
            return None
        failure = failure_of(reply)
        if failure is not None:
            raise failure
        if reply.status not in OK:
            details = {"github": reply.words, "repo": order.offer.template_repo}
            raise SpellError("GENERATION_FAILED", details=details)
        return _repository(_object(reply))

    def open_setup_pull_request(
        self, token: str, order: PurchaseOrder, repository: GeneratedRepository
    ) -> str:
        """Open the first pull request, or find it; its page."""
        repo, base = repository.repository, repository.default_branch
        head = f"{repo.partition('/')[0]}:{BRANCH}"
        found = self._ask(
            token, "GET", f"/repos/{repo}/pulls", parameters={"head": head, "state": "all"}
        )
        if found.status in OK and isinstance(found.document, list) and found.document:
            return str(found.document[0]["html_url"])
        self._branch(token, repo, base)
        self._file(token, repo, setup_text(order))
        body = {"title": TITLE, "head": BRANCH, "base": base, "body": setup_text(order)}
        made = self._ask(token, "POST", f"/repos/{repo}/pulls", body=body)
        return str(_object(made)["html_url"])

    def _branch(self, token: str, repo: str, base: str) -> None:
        """From the newest commit; a copy that GitHub is still filling has none yet."""
        head = self._ask(token, "GET", f"/repos/{repo}/git/ref/heads/{base}")
        if head.status in (NOT_FOUND, CONFLICT):
            raise away("GitHub is still filling the copy.")
        body = {"ref": f"refs/heads/{BRANCH}", "sha": _object(head)["object"]["sha"]}
        made = self._ask(token, "POST", f"/repos/{repo}/git/refs", body=body)
        if made.status != UNPROCESSABLE:  # it is there
            _object(made)

    def _file(self, token: str, repo: str, text: str) -> None:
        path = f"/repos/{repo}/contents/{FILE}"
        there = self._ask(token, "GET", path, parameters={"ref": BRANCH})
        if there.status in OK:
            return
        body = {
            "message": TITLE,
            "content": base64.b64encode(text.encode()).decode("ascii"),
            "branch": BRANCH,
        }
        _object(self._ask(token, "PUT", path, body=body))

    def _ask(
        self,
        token: str,
        verb: str,
        path: str,
        *,
        parameters: dict[str, Any] | None = None,
        body: Any = None,
    ) -> Reply:
        """Ask what may be asked again. Raises SpellError: SERVICE_UNAVAILABLE, RATE_LIMITED."""
        try:
            reply = self._app.send_as(
                Auth.Token(token), verb, path, parameters=parameters, body=body
            )
        except UnknownFateError:
            raise away("GitHub did not answer.") from None
        failure = failure_of(reply)
        if failure is not None:
            raise failure
        return reply


def _object(reply: Reply) -> dict[str, Any]:
    document = reply.document
    if reply.status not in OK or not isinstance(document, dict):
        raise SpellError("FORBIDDEN_REPO", f"GitHub refused: {reply.words}.")
    return document


def _repository(document: dict[str, Any]) -> GeneratedRepository:
    return GeneratedRepository(
        repository=document["full_name"],
        html_url=document["html_url"],
        default_branch=document.get("default_branch") or "main",
    )


def _taken(repository: str) -> SpellError:
    return SpellError("REPOSITORY_EXISTS", details={"repository": repository})

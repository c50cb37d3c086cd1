"""The platform's GitHub App: who may ask GitHub for what, in which repository.

PyGithub signs and sends; every request has a client of its own, because PyGithub's connections keep
the request that they are about to send in themselves, and threads would send each other's.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import github
import requests
from github import Auth

from infra.github.rate_limits import RateLimits
from infra.github.replies import NOT_FOUND, OK, Reply, away, failure_of, was_never_sent
from schema.errors import SpellError

_SECONDS_MAX = 15
_USER_AGENT = "spell-platform"
# Tokens last an hour; one that is about to expire is not begun with.
_TOKEN_LEFT_MIN = timedelta(minutes=5)
_TOKENS_KEPT_MAX = 1_000
_STRENGTH = {"none": 0, "read": 1, "write": 2, "admin": 3}

Permissions = Mapping[str, str]


class UnknownFateError(Exception):
    """The request was sent, and nobody said what became of it."""


@dataclass(frozen=True)
class _Token:
    text: str
    repository_id: int | None
    """The repository that it is for; None where GitHub does not say so."""
    expires_at: datetime

    @property
    def is_fresh(self) -> bool:
        return self.expires_at - datetime.now(UTC) > _TOKEN_LEFT_MIN


class GitHubApp:
    """Asks GitHub in the name of the App's installations. Any thread may.

    Args:
        api_url: GitHub's REST API.
        pages_url: GitHub's pages, for people.
        app_id: the App's id or client id.
        slug: the App's name in addresses.
        key: its private key, PEM.
    """

    def __init__(self, *, api_url: str, pages_url: str, app_id: str, slug: str, key: str) -> None:
        self.api_url = api_url.rstrip("/")
        self.install_url = f"{pages_url.rstrip('/')}/apps/{slug}/installations/new"
        self._auth = Auth.AppAuth(app_id, key)
        self._tokens: dict[tuple[str, tuple[tuple[str, str], ...]], _Token] = {}
        self._lock = threading.Lock()
        self._limits = RateLimits()

    def ask(
        self,
        repo: str,
        permissions: Permissions,
        verb: str,
        path: str,
        *,
        parameters: dict[str, Any] | None = None,
        body: Any = None,
        repository_id: int | None = None,
    ) -> Reply:
        """Ask about a repository, with no more than these permissions in it.

        A token is for one repository, whatever that is called later: when it is the one with
        `repository_id`, so is the one that is asked about.

        Raises:
            SpellError: FORBIDDEN_REPO, the App may not do that there, or the name belongs to
                another repository now; RATE_LIMITED and
                SERVICE_UNAVAILABLE, the request was not sent.
            UnknownFateError: it was sent, and nothing came back.
        """
        self._limits.check(repo)
        token = self._token(repo, permissions)
        if repository_id is not None and token.repository_id != repository_id:
            # The maker may have put it right meanwhile, for instance by renaming it back.
            self._forget(repo)
            raise self.forbidden(repo, "Another repository has this name now.")
        reply = self.send_as(
            Auth.Token(token.text), verb, f"/repos/{repo}{path}", parameters=parameters, body=body
        )
        if reply.is_stale_login:
            self._forget(repo)
        self._limits.note(repo, reply)
        return reply

    def check_installed(self, repo: str, permissions: Permissions) -> int:
        """The id of the App's installation there. Raises SpellError: FORBIDDEN_REPO."""
        return self._installation(f"/repos/{repo}/installation", repo, permissions)

    def check_installed_for(self, repo: str, permissions: Permissions) -> int:
        """The same for the owner of a repository that is still to be made."""
        path = f"/users/{repo.partition('/')[0]}/installation"
        return self._installation(path, repo, permissions)

    def _installation(self, path: str, repo: str, permissions: Permissions) -> int:
        reply = self._send_again(self._auth, "GET", path)
        if reply.status == NOT_FOUND:
            raise self.forbidden(repo, "The platform's GitHub App is not installed there.")
        installation = _document_of(reply)
        if installation.get("suspended_at"):
            raise self.forbidden(repo, "The App's installation there is suspended.")
        granted = installation.get("permissions") or {}
        missing = {
            name: level
            for name, level in permissions.items()
            if _STRENGTH.get(str(granted.get(name, "none")), 0) < _STRENGTH[level]
        }
        if missing:
            message = "The App's installation there lacks permissions."
            raise self.forbidden(repo, message, missing=missing)
        return int(installation["id"])

    def forbidden(
        self, repo: str, message: str, *, missing: Permissions | None = None
    ) -> SpellError:
        """The refusal that tells how to let the App in."""
        details: dict[str, Any] = {"repo": repo, "install_url": self.install_url}
        if missing:
            details["missing_permissions"] = dict(missing)
        return SpellError("FORBIDDEN_REPO", message, details=details)

    def _token(self, repo: str, permissions: Permissions) -> _Token:
        """An installation token for this repository alone."""
        key = (repo.lower(), tuple(sorted(permissions.items())))
        with self._lock:
            known = self._tokens.get(key)
        if known is not None and known.is_fresh:
            return known
        token = self._new_token(repo, permissions)
        with self._lock:
            if len(self._tokens) >= _TOKENS_KEPT_MAX:
                self._tokens.clear()
            self._tokens[key] = token
        return token

    def _new_token(self, repo: str, permissions: Permissions) -> _Token:
        installation = self.check_installed(repo, permissions)
        reply = self._send_again(
            self._auth,
            "POST",
            f"/app/installations/{installation}/access_tokens",
            body={"repositories": [repo.partition("/")[2]], "permissions": dict(permissions)},
        )
        if reply.status not in OK and failure_of(reply) is None:
            raise self.forbidden(repo, "GitHub gives the App no token for this repository.")
        document = _document_of(reply)
        expires_at = datetime.fromisoformat(str(document["expires_at"]))
        return _Token(str(document["token"]), _repository_of(document), expires_at)

    def _forget(self, repo: str) -> None:
        """Drop the tokens of a repository: GitHub takes one of them no more."""
        with self._lock:
            for key in [key for key in self._tokens if key[0] == repo.lower()]:
                del self._tokens[key]

    def _send_again(self, auth: Auth.Auth, verb: str, path: str, *, body: Any = None) -> Reply:
        """Send what may be sent any number of times: silence counts as GitHub being away."""
        try:
            return self.send_as(auth, verb, path, body=body)
        except UnknownFateError:
            raise away("GitHub did not answer.") from None

    def send_as(
        self,
        auth: Auth.Auth,
        verb: str,
        path: str,
        *,
        parameters: dict[str, Any] | None = None,
        body: Any = None,
    ) -> Reply:
        """Ask as anybody: a user, or the App itself. Never sent twice.

        Raises:
            SpellError: SERVICE_UNAVAILABLE, the request was not sent.
            UnknownFateError: it was sent, and nothing came back.
        """
        client = github.Github(
            base_url=self.api_url,
            auth=auth,
            timeout=_SECONDS_MAX,
            user_agent=_USER_AGENT,
            # It would send a POST again after a 5xx, and sleep in the thread.
            retry=None,
            seconds_between_requests=None,
            seconds_between_writes=None,
        )
        try:
            status, headers, text = client.requester.requestJson(
                verb, path, parameters=parameters, input=body
            )
        except requests.RequestException as error:
            if was_never_sent(error):
                raise away("GitHub cannot be reached.") from None
            raise UnknownFateError from None
        finally:
            client.close()
        return Reply(status, {name.lower(): str(value) for name, value in headers.items()}, text)


def _repository_of(token: dict[str, Any]) -> int | None:
    """The one repository that a token was asked for and given."""
    match token.get("repositories"):
        case [{"id": int(number)}]:
            return number
    return None


def _document_of(reply: Reply) -> dict[str, Any]:
    """The JSON object of a success. Raises SpellError for anything else."""
    failure = failure_of(reply)
    if failure is not None:
        raise failure
    document = reply.document
    if reply.status not in OK or not isinstance(document, dict):
        raise away(f"GitHub answered {reply.status} where that means nothing.")
    return document

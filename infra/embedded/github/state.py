"""People, Apps, repositories and tokens of the local GitHub, in one SQLite file."""

import hashlib
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from infra.embedded.github.actions.documents import Document, Documents
from infra.embedded.github.git import HEADS, Git

_OWNER, _REPOSITORY, _INSTALLATION, _TOKEN, _PULL = (
    "owner",
    "repository",
    "installation",
    "token",
    "pull",
)
# What the platform's App asks of those who install it: to run workflows, and to make copies of
# templates.
APP_PERMISSIONS = {
    "actions": "write",
    "administration": "write",
    "contents": "write",
    "pull_requests": "write",
}
INSTALLATION_TOKEN_SECONDS = 3600
USER_TOKEN_SECONDS = 8 * 3600


@dataclass(frozen=True)
class App:
    """The one App that the local GitHub knows."""

    app_id: int
    slug: str
    public_key: str
    """PEM."""
    client_id: str
    client_secret: str
    webhook_url: str
    webhook_secret: str


class State:
    """Everything but Actions.

    Args:
        folder: where it is kept; made when it is not there.
        app: the App that may be installed.
    """

    def __init__(self, folder: Path, app: App) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.app = app
        self.documents = Documents(folder / "github.sqlite")
        self._numbering = Lock()
        self.git = Git(folder / "git.sqlite")

    def close(self) -> None:
        """Close the files."""
        self.git.close()
        self.documents.close()

    def owner(self, login: str) -> Document | None:
        """A user or an organisation; GitHub's logins do not know case."""
        return _named(self.documents.all(_OWNER), "login", login)

    def owners(self) -> list[Document]:
        """All users and organisations."""
        return self.documents.all(_OWNER)

    def make_owner(self, login: str, kind: str, members: list[str]) -> Document:
        """A new user (`User`) or organisation (`Organization`), or the one that is there."""
        found = self.owner(login)
        if found is None:
            body = {"login": login, "type": kind, "members": members}
            made = self.documents.add(_OWNER, body)
            found = self.documents.get(_OWNER, made)
        assert found is not None
        return found

    def repository(self, owner: str, name: str) -> Document | None:
        """A repository by its name."""
        found = [
            one
            for one in self.documents.all(_REPOSITORY)
            if one["owner"].lower() == owner.lower() and one["name"].lower() == name.lower()
        ]
        return found[0] if found else None

    def repository_by_id(self, repository_id: int) -> Document | None:
        """A repository by its id."""
        return self.documents.get(_REPOSITORY, repository_id)

    def repositories(self, owner: str | None = None) -> list[Document]:
        """All, or those of one owner."""
        every = self.documents.all(_REPOSITORY)
        return [one for one in every if owner is None or one["owner"].lower() == owner.lower()]

    def make_repository(
        self, owner: str, name: str, files: Mapping[str, bytes], **more: object
    ) -> Document:
        """A new repository with a first commit on `main`."""
        body: Document = {
            "owner": owner,
            "name": name,
            "default_branch": "main",
            "private": False,
            "is_template": False,
            "template": None,
            "description": None,
            "created_at": time.time(),
            **more,
        }
        made = self.documents.add(_REPOSITORY, body)
        if files:
            sha = self.git.commit(made, files, message="Initial commit", author=owner, parents=[])
            self.git.point(made, HEADS + "main", sha)
        found = self.documents.get(_REPOSITORY, made)
        assert found is not None
        return found

    def installation_of(self, owner: str) -> Document | None:
        """The App's installation with an owner."""
        return _named(self.documents.all(_INSTALLATION), "account", owner)

    def installation(self, installation_id: int) -> Document | None:
        """An installation by its id."""
        return self.documents.get(_INSTALLATION, installation_id)

    def installations(self) -> list[Document]:
        """All of the App's."""
        return self.documents.all(_INSTALLATION)

    def install(
        self, owner: str, permissions: Mapping[str, str], repositories: list[str] | None
    ) -> Document:
        """Install the App with an owner, on all repositories or on some; again: anew."""
        before = self.installation_of(owner)
        body: Document = {
            "account": owner,
            "permissions": dict(permissions),
            "repositories": repositories,
            "suspended": False,
            "created_at": time.time(),
        }
        if before is not None:
            self.documents.change(_INSTALLATION, before["id"], lambda old: old.update(body))
            made = before["id"]
        else:
            made = self.documents.add(_INSTALLATION, body)
        found = self.documents.get(_INSTALLATION, made)
        assert found is not None
        return found

    def suspend(self, owner: str, *, suspended: bool) -> None:
        """Suspend the App's installation, or lift that."""
        found = self.installation_of(owner)
        if found is not None:
            self.documents.change(
                _INSTALLATION, found["id"], lambda body: body.update(suspended=suspended)
            )

    def uninstall(self, owner: str) -> None:
        """Remove the App."""
        found = self.installation_of(owner)
        if found is not None:
            self.documents.drop(_INSTALLATION, found["id"])

    def add_token(self, prefix: str, seconds: int, **body: object) -> tuple[str, Document]:
        """A new token; its text is kept as a digest only. Those that expired are forgotten."""
        for one in self.documents.all(_TOKEN):
            if one["expires_at"] <= time.time():
                self.documents.drop(_TOKEN, one["id"])
        text = prefix + secrets.token_urlsafe(30)
        kept = {**body, "digest": _digest(text), "expires_at": time.time() + seconds}
        made = self.documents.add(_TOKEN, kept)
        found = self.documents.get(_TOKEN, made)
        assert found is not None
        return text, found

    def token(self, text: str) -> Document | None:
        """What a token is good for, while it is."""
        digest = _digest(text)
        for one in self.documents.all(_TOKEN):
            if one["digest"] == digest and one["expires_at"] > time.time():
                return one
        return None

    def drop_token(self, text: str) -> None:
        """End a token now."""
        found = self.token(text)
        if found is not None:
            self.documents.drop(_TOKEN, found["id"])

    def drop_tokens(self, login: str, pair: str | None = None) -> int:
        """End what a user granted: all of it, or the two tokens of a pair; how many they were."""
        every = self.documents.all(_TOKEN)
        found = [one for one in every if one.get("login", "").lower() == login.lower()]
        found = [one for one in found if pair is None or one.get("pair") == pair]
        for one in found:
            self.documents.drop(_TOKEN, one["id"])
        return len(found)

    def pulls(self, repository_id: int) -> list[Document]:
        """Pull requests of a repository, oldest first."""
        return self.documents.all(_PULL, repository_id)

    def add_pull(self, repository_id: int, body: Document) -> Document:
        """A new pull request, with the next number."""
        with self._numbering:
            number = len(self.pulls(repository_id)) + 1
            made = self.documents.add(_PULL, {**body, "number": number}, repository_id)
        found = self.documents.get(_PULL, made)
        assert found is not None
        return found

    def change_pull(self, pull_id: int, said: Document) -> Document:
        """Change a pull request; as it is then."""
        changed = self.documents.change(_PULL, pull_id, lambda body: body.update(said))
        assert changed is not None, "pull requests are never forgotten"
        return changed


def _named(documents: list[Document], member: str, name: str) -> Document | None:
    found = [one for one in documents if one[member].lower() == name.lower()]
    return found[0] if found else None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()

"""What the Actions half needs of the rest of the local GitHub."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from starlette.requests import Request


@dataclass(frozen=True)
class HostedRepository:
    """A repository, as far as runs need it."""

    repository_id: int
    owner: str
    name: str
    default_branch: str
    document: Mapping[str, Any]
    """As GitHub's answers show it (`minimal-repository`)."""

    @property
    def full_name(self) -> str:
        """`owner/name`."""
        return f"{self.owner}/{self.name}"


@dataclass(frozen=True)
class HostedCommit:
    """A commit that a ref led to."""

    sha: str
    branch: str
    message: str
    files: Mapping[str, bytes]


@dataclass(frozen=True)
class WebhookTarget:
    """Where an App wants to hear of a repository."""

    app_id: int
    installation_id: int
    url: str
    secret: str
    events: frozenset[str]


class Host(Protocol):
    """The rest of the local GitHub. Refuses in GitHub's words by raising what its app answers."""

    base_url: str

    def repository(
        self, request: Request, owner: str, name: str, level: str
    ) -> tuple[HostedRepository, Mapping[str, Any]]:
        """The repository, and who asks (`simple-user`), who may `read` or `write` its Actions."""

    def by_id(self, repository_id: int) -> HostedRepository | None:
        """A repository without asking who wants it; None when it is gone."""

    def commit(self, repository_id: int, ref: str) -> HostedCommit | None:
        """What a branch, tag or `refs/…` leads to; None when there is no such ref."""

    def targets(self, repository_id: int) -> list[WebhookTarget]:
        """The Apps that are installed there and have a webhook."""

    def app(self, request: Request) -> int:
        """The id of the App that asks with its own token (JWT)."""

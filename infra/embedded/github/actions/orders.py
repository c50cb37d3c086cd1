"""What a run is told besides its event: GitHub's variables, and a token for its artifacts."""

import secrets
import time
from typing import Any

import jwt

from infra.embedded.github.actions.documents import Document, Documents
from infra.embedded.github.actions.host import HostedRepository

SECRET = "secret"  # noqa: S105  (the kind of document)
_TOKEN_SECONDS = 6 * 3600
_SCOPE = "Actions.Results"


class Orders:
    """Makes the environment of runs, and knows its own tokens again.

    Args:
        base_url: as runs reach the server.
        key: signs tokens.
        documents: holds the secrets of repositories.
    """

    def __init__(self, base_url: str, key: bytes, documents: Documents) -> None:
        self._base_url = base_url.rstrip("/")
        self._key = key
        self._documents = documents

    def environment(self, repository: HostedRepository, run: Document) -> dict[str, str]:
        """The variables that GitHub sets and act does not, or sets otherwise."""
        return {
            "ACTIONS_RESULTS_URL": f"{self._base_url}/",
            "ACTIONS_RUNTIME_TOKEN": self.token(run),
            "GITHUB_API_URL": self._base_url,
            "GITHUB_SERVER_URL": self._base_url,
            "GITHUB_GRAPHQL_URL": f"{self._base_url}/graphql",
            "GITHUB_REPOSITORY": repository.full_name,
            "GITHUB_REPOSITORY_OWNER": repository.owner,
            "GITHUB_RUN_ID": str(run["id"]),
            "GITHUB_RUN_NUMBER": str(run["number"]),
            "GITHUB_RUN_ATTEMPT": str(run["attempt"]),
            "GITHUB_REF": f"refs/heads/{run['branch']}",
            "GITHUB_SHA": run["sha"],
        }

    def secrets(self, run: Document) -> dict[str, str]:
        """The repository's secrets, which act masks in logs, and a token of the run."""
        kept = self._documents.all(SECRET, run["repository_id"])
        named = {secret["name"]: secret["value"] for secret in kept}
        return {**named, "GITHUB_TOKEN": f"ghs_{secrets.token_urlsafe(24)}"}

    def token(self, run: Document) -> str:
        """A token that uploads artifacts of this attempt, for six hours."""
        claims = {
            "scp": f"{_SCOPE}:{run['id']}:{run['attempt']}",
            "exp": int(time.time()) + _TOKEN_SECONDS,
            "iss": self._base_url,
        }
        return jwt.encode(claims, self._key, algorithm="HS256")

    def run_of(self, token: str) -> tuple[int, int] | None:
        """(run id, attempt) of a token; None when it is not one of ours, or too old."""
        try:
            claims: dict[str, Any] = jwt.decode(token, self._key, algorithms=["HS256"])
            scope, run, attempt = claims["scp"].split(":")
            return (int(run), int(attempt)) if scope == _SCOPE else None
        except (jwt.PyJWTError, KeyError, ValueError):
            return None

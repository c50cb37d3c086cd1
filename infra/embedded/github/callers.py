"""Who asks, and what they may: the App by its JWT, an installation or a user by a token."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import jwt
from starlette.requests import Request

from infra.embedded.github.actions.documents import Document
from infra.embedded.github.actions.refusal import RefusedError
from infra.embedded.github.state import State

_LEVELS = {"read": 1, "write": 2, "admin": 3}
_JWT_SECONDS_MAX = 600
_CLOCK_SECONDS = 60
NOT_ACCESSIBLE = "Resource not accessible by integration"


@dataclass(frozen=True)
class Caller:
    """A user, or an installation of the App."""

    login: str
    installation: Document | None = None
    permissions: Mapping[str, str] = field(default_factory=dict)
    repositories: list[int] | None = None
    """Those that a token is narrowed to; None is all of the installation's."""
    is_user: bool = False


class Callers:
    """Reads `Authorization` as GitHub does."""

    def __init__(self, state: State) -> None:
        self._state = state

    def app(self, request: Request) -> int:
        """The App that asks with a JWT of its own. Raises RefusedError: 401."""
        try:
            claims = jwt.decode(
                _credential(request),
                self._state.app.public_key,
                algorithms=["RS256"],
                leeway=_CLOCK_SECONDS,
                options={"require": ["exp", "iat", "iss"]},
            )
        except jwt.PyJWTError as error:
            message = "A JSON web token could not be decoded"
            raise RefusedError(401, message) from error
        if claims["exp"] - claims["iat"] > _JWT_SECONDS_MAX + _CLOCK_SECONDS:
            message = "'Expiration time' claim ('exp') is too far in the future"
            raise RefusedError(401, message)
        if str(claims["iss"]) not in {str(self._state.app.app_id), self._state.app.client_id}:
            raise RefusedError(404, "Integration not found")
        return self._state.app.app_id

    def caller(self, request: Request) -> Caller | None:
        """Whose token it is; None without one. Raises RefusedError: 401, it is not good."""
        if "authorization" not in request.headers:
            return None
        token = self._state.token(_credential(request))
        if token is None or token["kind"] == "refresh":
            raise RefusedError(401, "Bad credentials")
        if token["kind"] == "user":
            return Caller(token["login"], is_user=True)
        installation = self._state.installation(token["installation_id"])
        if installation is None or installation["suspended"]:
            raise RefusedError(403, "This installation has been suspended")
        return Caller(
            f"{self._state.app.slug}[bot]",
            installation,
            token["permissions"],
            token["repositories"],
        )

    def repository(self, request: Request, owner: str, name: str, **needs: str) -> Document:
        """A repository that the caller may use so.

        Args:
            request: whose token is looked at.
            owner: of the repository.
            name: of the repository.
            needs: levels by permission, such as `contents="write"`; any of several is enough.

        Raises:
            RefusedError: 404 for what the caller may not know of, 403 for what it may not do.
        """
        found, caller = self._state.repository(owner, name), self.caller(request)
        if found is None or not self._sees(caller, found):
            raise RefusedError(404, "Not Found")
        if caller is None and any(level != "read" for level in needs.values()):
            raise RefusedError(401, "Requires authentication")
        if caller is not None and needs and not self._may(caller, found, needs):
            raise RefusedError(403, NOT_ACCESSIBLE)
        return found

    def may_push(self, login: str, repository: Document) -> bool:
        """Whether a user may push: the owner, a member of the organisation, a collaborator."""
        owner = self._state.owner(repository["owner"])
        members = [] if owner is None else owner["members"]
        named = {repository["owner"], *members, *repository.get("collaborators", [])}
        return login.lower() in {each.lower() for each in named}

    def _sees(self, caller: Caller | None, repository: Document) -> bool:
        if caller is not None and caller.installation is not None:
            return self._covers(caller, repository) or not repository["private"]
        if not repository["private"]:
            return True
        return caller is not None and self.may_push(caller.login, repository)

    def _covers(self, caller: Caller, repository: Document) -> bool:
        """Whether the installation, and its token, reach the repository."""
        installation = caller.installation
        assert installation is not None
        if installation["account"].lower() != repository["owner"].lower():
            return False
        names = installation["repositories"]
        if names is not None and repository["name"] not in names:
            return False
        return caller.repositories is None or repository["id"] in caller.repositories

    def _may(self, caller: Caller, repository: Document, needs: Mapping[str, str]) -> bool:
        if caller.is_user:
            return all(level == "read" for level in needs.values()) or self.may_push(
                caller.login, repository
            )
        if not self._covers(caller, repository):
            # What is public may be read by whoever likes to.
            return all(level == "read" for level in needs.values())
        return any(
            _LEVELS.get(caller.permissions.get(name, ""), 0) >= _LEVELS[level]
            for name, level in needs.items()
        )


def _credential(request: Request) -> str:
    scheme, _, credential = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() not in {"bearer", "token"} or not credential:
        raise RefusedError(401, "Requires authentication")
    return credential.strip()

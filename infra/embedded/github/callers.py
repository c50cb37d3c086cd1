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
    is_of_app: bool = False
    """A user who lets the App act for them: it may no more than both may."""


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
            is_of_app = not token.get("personal", False)
            return Caller(token["login"], is_user=True, is_of_app=is_of_app)
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
        if caller is None or not self.may_push(caller.login, repository):
            return False
        return not caller.is_of_app or self._installed_on(repository) is not None

    def app_may(self, owner: str, **needs: str) -> bool:
        """Whether the App is installed on all repositories of an owner, and may do this there."""
        found = self._state.installation_of(owner)
        if found is None or found["suspended"] or found["repositories"] is not None:
            return False
        return _has(found["permissions"], needs)

    def _installed_on(self, repository: Document) -> Document | None:
        """The installation that reaches a repository; None when the App is not there."""
        found = self._state.installation_of(repository["owner"])
        if found is None or found["suspended"]:
            return None
        names = found["repositories"]
        return found if names is None or repository["name"] in names else None

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
        # What is public may be read by whoever likes to.
        is_reading = all(level == "read" for level in needs.values())
        if caller.is_user:
            may = self.may_push(caller.login, repository)
            if may and caller.is_of_app:
                found = self._installed_on(repository)
                may = found is not None and _has(found["permissions"], needs)
            return is_reading or may
        if not self._covers(caller, repository):
            return is_reading
        return _has(caller.permissions, needs)


def _has(permissions: Mapping[str, str], needs: Mapping[str, str]) -> bool:
    """Whether any of these levels is granted."""
    return any(
        _LEVELS.get(permissions.get(name, ""), 0) >= _LEVELS[level] for name, level in needs.items()
    )


def _credential(request: Request) -> str:
    scheme, _, credential = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() not in {"bearer", "token"} or not credential:
        raise RefusedError(401, "Requires authentication")
    return credential.strip()

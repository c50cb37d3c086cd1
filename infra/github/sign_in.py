"""How users let the platform's GitHub App act for them: the device flow, and tokens that expire.

RFC 8628 with GitHub's names ("Generating a user access token for a GitHub App"). GitHub answers
200 with a member `error` for most of what goes wrong here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from infra.github.asking import ask
from infra.github.replies import NOT_FOUND, OK, UNPROCESSABLE, away, failure_of
from schema.errors import SpellError

_DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_INTERVAL_SECONDS, _INTERVAL_SECONDS_MAX = 5, 300
_CODE_SECONDS_MAX = 3600
_TEXT_CHARS_MAX = 1_000
_ENDED = {"expired_token": "GITHUB_CODE_EXPIRED", "incorrect_device_code": "GITHUB_CODE_EXPIRED"}


@dataclass(frozen=True)
class NewCode:
    """A code as GitHub gives it."""

    device_code: str = field(repr=False)
    user_code: str
    verification_uri: str
    interval_seconds: int
    seconds: int
    """How long it is good for."""


@dataclass(frozen=True)
class Tokens:
    """What a user lets us act with. An App may be set up to give tokens that never expire."""

    access: str = field(repr=False)
    refresh: str | None = field(repr=False)
    access_seconds: int | None
    refresh_seconds: int | None


@dataclass(frozen=True)
class Waiting:
    """Nobody has confirmed the code yet."""

    slower: bool
    """Whether GitHub wants to be asked less often."""
    interval_seconds: int | None
    """How often it may be asked, where it says so."""


class GitHubSignIn:
    """The addresses of GitHub's pages by which users let the App in.

    Args:
        pages_url: GitHub's pages.
        api_url: GitHub's REST API.
        client_id: the App's.
        client_secret: the App's; without one nothing can be revoked.
    """

    def __init__(
        self, *, pages_url: str, api_url: str, client_id: str, client_secret: str | None
    ) -> None:
        self._login = f"{pages_url.rstrip('/')}/login"
        self._applications = f"{api_url.rstrip('/')}/applications/{client_id}"
        self._client_id = client_id
        self._client_secret = client_secret

    async def begin(self) -> NewCode:
        """A new code. Raises SpellError: SERVICE_UNAVAILABLE, RATE_LIMITED."""
        form = {"client_id": self._client_id}
        answer = await self._answer(f"{self._login}/device/code", form)
        if "error" in answer:
            raise _misconfigured(answer)
        return NewCode(
            device_code=_text(answer, "device_code"),
            user_code=_text(answer, "user_code"),
            verification_uri=_text(answer, "verification_uri"),
            interval_seconds=_interval(answer) or _INTERVAL_SECONDS,
            seconds=min(_seconds(answer, "expires_in") or 900, _CODE_SECONDS_MAX),
        )

    async def tokens_of(self, device_code: str) -> Tokens | Waiting:
        """What came of a code.

        Raises:
            SpellError: GITHUB_CODE_EXPIRED; GITHUB_CODE_DENIED, the person said no;
                SERVICE_UNAVAILABLE, RATE_LIMITED.
        """
        form = {"device_code": device_code, "grant_type": _DEVICE_GRANT}
        answer = await self._token_answer(form)
        match answer.get("error"):
            case None:
                return _tokens(answer)
            case "authorization_pending":
                return Waiting(slower=False, interval_seconds=None)
            case "slow_down":
                return Waiting(slower=True, interval_seconds=_interval(answer))
            case "access_denied":
                raise SpellError("GITHUB_CODE_DENIED")
            case str(error) if error in _ENDED:
                raise SpellError(_ENDED[error])
        raise _misconfigured(answer)

    async def refreshed(self, refresh_token: str) -> Tokens | None:
        """Other tokens for a refresh token, which is used up by it; None: it is good no more.

        Raises:
            SpellError: SERVICE_UNAVAILABLE; whether it was used up, nobody knows. RATE_LIMITED.
        """
        form = {"refresh_token": refresh_token, "grant_type": "refresh_token"}
        if self._client_secret is not None:
            form["client_secret"] = self._client_secret
        answer = await self._token_answer(form)
        if answer.get("error") == "bad_refresh_token":
            return None
        if "error" in answer:
            raise _misconfigured(answer)
        return _tokens(answer)

    async def revoke(self, access_token: str, *, grant: bool) -> bool:
        """End a token, or with `grant` everything that its user let the App do.

        Returns:
            False: GitHub does not know the token (any more), or the platform has no client secret.

        Raises:
            SpellError: SERVICE_UNAVAILABLE, RATE_LIMITED.
        """
        if self._client_secret is None:
            return False
        reply = await ask(
            "DELETE",
            f"{self._applications}/{'grant' if grant else 'token'}",
            client=(self._client_id, self._client_secret),
            body={"access_token": access_token},
        )
        if reply.status in OK or reply.status in (NOT_FOUND, UNPROCESSABLE):
            return reply.status in OK
        raise failure_of(reply) or away(f"GitHub answered {reply.status}.")

    async def _token_answer(self, form: Mapping[str, str]) -> Mapping[str, Any]:
        whole = {"client_id": self._client_id, **form}
        return await self._answer(f"{self._login}/oauth/access_token", whole)

    async def _answer(self, url: str, form: Mapping[str, str]) -> Mapping[str, Any]:
        """An answer with the members of a success or with `error`, whatever its status."""
        reply = await ask("POST", url, form=form)
        document = reply.document
        if isinstance(document, dict) and (reply.status in OK or "error" in document):
            return document
        raise failure_of(reply) or away(f"GitHub answered {reply.status}.")


def _tokens(answer: Mapping[str, Any]) -> Tokens:
    refresh = answer.get("refresh_token")
    return Tokens(
        access=_text(answer, "access_token"),
        refresh=None if refresh is None else _text(answer, "refresh_token"),
        access_seconds=_seconds(answer, "expires_in"),
        refresh_seconds=_seconds(answer, "refresh_token_expires_in"),
    )


def _text(answer: Mapping[str, Any], name: str) -> str:
    value = answer.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= _TEXT_CHARS_MAX:
        raise away(f"GitHub's answer has no {name}.")
    return value


def _seconds(answer: Mapping[str, Any], name: str) -> int | None:
    """A number of seconds; GitHub sends some as text."""
    value = str(answer.get(name, ""))
    return int(value) if value.isdigit() and 0 < int(value) < 10**9 else None


def _interval(answer: Mapping[str, Any]) -> int | None:
    seconds = _seconds(answer, "interval")
    return None if seconds is None else min(seconds, _INTERVAL_SECONDS_MAX)


def _misconfigured(answer: Mapping[str, Any]) -> SpellError:
    """What only the operator can mend: a wrong client id, a device flow that is not enabled."""
    error = str(answer.get("error"))[:64]
    return away(f"GitHub refuses the platform's App: {error}.")

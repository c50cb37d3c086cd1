"""Connecting accounts with their GitHub users, and taking that back. Fits the API's port."""

from datetime import timedelta

from infra.github.asking import ask
from infra.github.connections import ConnectedUsers, no_app
from infra.github.replies import OK, away, failure_of
from infra.github.sign_in import GitHubSignIn, Tokens, Waiting
from infra.repositories.github_connections import HeldTokens, PostgresGitHubConnections
from infra.repositories.github_device_codes import HeldCode, PostgresGitHubDeviceCodes
from schema.contracts.github_users import ConnectedUser, DeviceCode, Disconnected, GitHubStatus
from schema.errors import SpellError

# A code that is good for less is not shown again: a person needs some minutes.
_CODE_LEFT_MIN = timedelta(minutes=5)
_SLOWER_SECONDS = 5
_LOGIN_CHARS_MAX = 100


class GitHubConnecting:
    """The device flow of accounts.

    Args:
        connections: of accounts.
        codes: that wait for a person.
        sign_in: GitHub's side; None where the platform has no GitHub App.
        api_url: GitHub's REST API.
    """

    def __init__(
        self,
        connections: PostgresGitHubConnections,
        codes: PostgresGitHubDeviceCodes,
        sign_in: GitHubSignIn | None,
        api_url: str,
    ) -> None:
        self._connections = connections
        self._codes = codes
        self._sign_in = sign_in
        self._api_url = api_url.rstrip("/")
        self._users = ConnectedUsers(connections, sign_in, api_url)

    async def begin(self, account_id: str) -> DeviceCode:
        """A code for a person to confirm: the one that waits, or a new one.

        Raises:
            SpellError: MODE_UNAVAILABLE, SERVICE_UNAVAILABLE, RATE_LIMITED.
        """
        sign_in = self._required()
        pending = await self._codes.pending(account_id, _CODE_LEFT_MIN)
        return pending or await self._codes.keep(account_id, await sign_in.begin())

    async def status(self, account_id: str) -> GitHubStatus:
        """Whom the account is connected with, and the code that waits."""
        return GitHubStatus(
            connected=await self._connections.user(account_id),
            pending=await self._codes.pending(account_id),
        )

    async def complete(self, account_id: str) -> GitHubStatus:
        """Ask GitHub once, and not more often than it allows, what came of the code.

        Returns:
            With `pending`, nobody has confirmed it yet.

        Raises:
            SpellError: GITHUB_CODE_EXPIRED, there is none (any more); GITHUB_CODE_DENIED;
                GITHUB_USER_TAKEN; and as `begin`.
        """
        sign_in = self._required()
        code = await self._codes.ask(account_id)
        if code is None:
            return await self._unasked(account_id)
        try:
            found = await sign_in.tokens_of(code.device_code)
        except SpellError as error:
            if error.code in ("GITHUB_CODE_EXPIRED", "GITHUB_CODE_DENIED"):
                await self._codes.remove(account_id, code)
            raise
        if isinstance(found, Waiting):
            return await self._still_waiting(account_id, code, found)
        return GitHubStatus(connected=await self._connect(account_id, code, found), pending=None)

    async def disconnect(self, account_id: str) -> Disconnected:
        """Forget the user, their tokens and any code, and end all of it on GitHub if that answers.

        Raises:
            SpellError: SERVICE_UNAVAILABLE, the database is away.
        """
        await self._codes.remove(account_id)
        held = await self._connections.remove(account_id)
        if held is None:
            return Disconnected(was_connected=False, revoked=False)
        return Disconnected(was_connected=True, revoked=await self._revoked(held))

    async def _unasked(self, account_id: str) -> GitHubStatus:
        """How it stands when it is not yet time to ask, or there is nothing to ask about.

        Without a code the account is connected for whoever asks again, having lost the answer.
        """
        expired = await self._codes.purge(account_id)
        status = await self.status(account_id)
        if expired or status == GitHubStatus(connected=None, pending=None):
            raise SpellError("GITHUB_CODE_EXPIRED")
        return status

    async def _still_waiting(
        self, account_id: str, code: HeldCode, waiting: Waiting
    ) -> GitHubStatus:
        if waiting.slower:
            slower = code.shown.interval_seconds + _SLOWER_SECONDS
            await self._codes.slow_down(account_id, code, waiting.interval_seconds or slower)
        return await self._unasked(account_id)

    async def _connect(self, account_id: str, code: HeldCode, tokens: Tokens) -> ConnectedUser:
        """Keep what a person granted; what cannot be kept is given back."""
        try:
            user_id, login = await self._user_of(tokens.access)
            await self._free_if_ended(account_id, user_id)
            user, before = await self._connections.connect(
                account_id, code.ciphertext, user_id, login, tokens
            )
        except SpellError:
            await self._give_back(tokens.access)
            await self._codes.remove(account_id, code)
            raise
        if before is not None:
            await self._give_back(before.access, grant=before.user_id != user_id)
        return user

    async def _free_if_ended(self, account_id: str, user_id: int) -> None:
        """Whoever revoked what another account has of them is free for this one.

        That account may never look: it may have been somebody who had them enter a code.
        """
        holder = await self._connections.holder(user_id)
        if holder is not None and holder != account_id:
            await self._users.is_authorised(holder)

    async def _user_of(self, token: str) -> tuple[int, str]:
        reply = await ask("GET", f"{self._api_url}/user", token=token)
        document = reply.document
        if reply.status not in OK or not isinstance(document, dict):
            raise failure_of(reply) or away(f"GitHub answered {reply.status}.")
        user_id, login = document.get("id"), document.get("login")
        if not isinstance(user_id, int) or not isinstance(login, str):
            raise away("GitHub does not say who the user is.")
        return user_id, login[:_LOGIN_CHARS_MAX]

    async def _revoked(self, held: HeldTokens) -> bool:
        """End everything that the user granted; GitHub takes a good token only as a proof."""
        if self._sign_in is None:
            return False
        try:
            access = held.access
            if not held.is_fresh and held.refresh is not None:
                tokens = await self._sign_in.refreshed(held.refresh)
                access = held.access if tokens is None else tokens.access
            return await self._sign_in.revoke(access, grant=True)
        except SpellError:
            return False

    async def _give_back(self, access_token: str, *, grant: bool = False) -> None:
        """End what nobody here will use, if GitHub answers; else its own time ends it."""
        try:
            await self._required().revoke(access_token, grant=grant)
        except SpellError:
            return

    def _required(self) -> GitHubSignIn:
        if self._sign_in is None:
            raise no_app()
        return self._sign_in

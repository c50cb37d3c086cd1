"""What GitHub users may do whom accounts are connected with.

Fits the ports `RepositoryRights` and `BuyerTokens`, and serves the API.
"""

from typing import Any
from urllib.parse import quote

from infra.github.asking import ask
from infra.github.replies import OK, Reply, away, failure_of
from infra.github.sign_in import GitHubSignIn, Tokens
from infra.repositories.github_connections import HeldTokens, PostgresGitHubConnections
from schema.contracts.github_users import AppInstallation
from schema.errors import SpellError


class ConnectedUsers:
    """Acts as the users of accounts, and keeps their tokens fresh.

    Args:
        connections: of accounts.
        sign_in: where tokens are refreshed; None where the platform has no GitHub App.
        api_url: GitHub's REST API.
    """

    def __init__(
        self, connections: PostgresGitHubConnections, sign_in: GitHubSignIn | None, api_url: str
    ) -> None:
        self._connections = connections
        self._sign_in = sign_in
        self._api_url = api_url.rstrip("/")

    async def user_token(self, account_id: str) -> str:
        """An access token that is good for ten minutes at least, unless its user revokes it.

        Raises:
            SpellError: GITHUB_NOT_CONNECTED; MODE_UNAVAILABLE, the platform has no GitHub App;
                SERVICE_UNAVAILABLE, RATE_LIMITED.
        """
        return (await self._held(account_id)).access

    async def own_repository(self, account_id: str, repo: str) -> int | None:
        """GitHub's id of `owner/name`, if the user may push to it; None of all others.

        A repository that has moved is not the one that was named: who has its old name next could
        be somebody else.

        Raises:
            SpellError: as `user_token`.
        """
        reply = await self._ask(account_id, f"/repos/{quote(repo, safe='/')}")
        failure = failure_of(reply)
        if failure is not None:
            raise failure
        document = reply.document
        if reply.status not in OK or not isinstance(document, dict):
            return None
        permissions, name = document.get("permissions"), str(document.get("full_name"))
        if not isinstance(permissions, dict) or name.lower() != repo.lower():
            return None
        return int(document["id"]) if permissions.get("push") is True else None

    async def installations(self, account_id: str) -> list[AppInstallation]:
        """Where the App is installed that the user can see: at most the first hundred.

        Raises:
            SpellError: as `user_token`.
        """
        reply = await self._ask(account_id, "/user/installations?per_page=100")
        document = reply.document
        if reply.status not in OK or not isinstance(document, dict):
            raise failure_of(reply) or away(f"GitHub answered {reply.status}.")
        # Those of an enterprise have no login, and reach no repository.
        return [
            _installation(one) for one in document["installations"] if "login" in one["account"]
        ]

    async def is_authorised(self, account_id: str) -> bool:
        """Whether GitHub still takes the user's word; a connection that it ended ends here, too.

        Raises:
            SpellError: SERVICE_UNAVAILABLE, RATE_LIMITED, MODE_UNAVAILABLE.
        """
        try:
            await self._ask(account_id, "/user")
        except SpellError as error:
            if error.code != "GITHUB_NOT_CONNECTED":
                raise
            return False
        return True

    async def _ask(self, account_id: str, path: str) -> Reply:
        """An answer to the user. A token that GitHub takes no more ends the connection."""
        for _ in range(2):
            held = await self._held(account_id)
            reply = await ask("GET", self._api_url + path, token=held.access)
            if not reply.is_stale_login:
                return reply
            if await self._connections.end(account_id, held):
                raise _not_connected(account_id, "GitHub takes the user's authorisation no more.")
            # Somebody else refreshed it meanwhile, which ends the one before.
        raise away("GitHub takes no token of the user now.")

    async def _held(self, account_id: str) -> HeldTokens:
        held = await self._connections.tokens(account_id)
        if held is None:
            self._required()
            raise _not_connected(account_id)
        if held.is_fresh:
            return held
        renewed = await self._connections.renewed(account_id, self._refreshed)
        if renewed is None:
            raise _not_connected(account_id, "The connection's time is up, or it was revoked.")
        return renewed

    async def _refreshed(self, refresh_token: str) -> Tokens | None:
        return await self._required().refreshed(refresh_token)

    def _required(self) -> GitHubSignIn:
        if self._sign_in is None:
            raise no_app()
        return self._sign_in


def _installation(document: dict[str, Any]) -> AppInstallation:
    return AppInstallation(
        owner=document["account"]["login"],
        permissions=document["permissions"],
        every_repository=document["repository_selection"] == "all",
        suspended=document.get("suspended_at") is not None,
    )


def no_app() -> SpellError:
    """The refusal of whatever wants a GitHub App where there is none."""
    return SpellError("MODE_UNAVAILABLE", "This installation has no GitHub App.")


def _not_connected(account_id: str, message: str = "") -> SpellError:
    return SpellError("GITHUB_NOT_CONNECTED", message, details={"account_id": account_id})

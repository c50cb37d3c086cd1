"""Accounts that are connected with users of the local GitHub, by the real adapters."""

import asyncio
import secrets
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import text

from infra.github.connecting import GitHubConnecting
from infra.github.connections import ConnectedUsers
from infra.github.sign_in import GitHubSignIn
from infra.postgres import Database
from infra.repositories.github_connections import PostgresGitHubConnections
from infra.repositories.github_device_codes import PostgresGitHubDeviceCodes
from schema.contracts.github_users import GitHubStatus
from tests.support.builders import make_person
from tests.support.local_github import LocalGitHub
from tests.support.platform import make_vault


@dataclass
class Connecting:
    """One platform, as far as it has to do with GitHub users."""

    database: Database
    server: LocalGitHub

    def __post_init__(self) -> None:
        vault, app = make_vault(), self.server.app
        self.connections = PostgresGitHubConnections(self.database, vault)
        self.codes = PostgresGitHubDeviceCodes(self.database, vault)
        self.sign_in = GitHubSignIn(
            pages_url=self.server.url,
            api_url=self.server.url,
            client_id=app.client_id,
            client_secret=app.client_secret,
        )
        self.accounts = GitHubConnecting(
            self.connections, self.codes, self.sign_in, self.server.url
        )
        self.users = ConnectedUsers(self.connections, self.sign_in, self.server.url)

    async def account(self) -> str:
        """An account that is connected with nobody."""
        return (await make_person(self.database)).account_id

    def user(self) -> str:
        """A user of GitHub whom nobody else has."""
        login = f"user-{secrets.token_hex(6)}"
        self.server.owner(login)
        return login

    def decide(self, user_code: str, login: str, *, allow: bool = True) -> None:
        """What a person says on GitHub's page."""
        body = {"user_code": user_code, "login": login, "allow": allow}
        self.server.local("POST", "device", body)

    async def connect(self, account_id: str, login: str) -> GitHubStatus:
        """The whole way, with a person who says yes."""
        code = await self.accounts.begin(account_id)
        await asyncio.to_thread(self.decide, code.user_code, login)
        return await self.accounts.complete(account_id)

    async def connected(self, login: str | None = None) -> str:
        """An account that is connected."""
        account_id = await self.account()
        await self.connect(account_id, login or self.user())
        return account_id

    async def age(self, account_id: str, by: timedelta) -> None:
        """Let time pass for a connection and a code."""
        for statement in (_AGE_CONNECTION, _AGE_CODE):
            async with self.database.transaction() as connection:
                await connection.execute(statement, {"account_id": account_id, "by": by})


_AGE_CONNECTION = text(
    "UPDATE github_connections SET token_expires_at = token_expires_at - CAST(:by AS interval),"
    " expires_at = expires_at - CAST(:by AS interval) WHERE account_id = :account_id"
)
_AGE_CODE = text(
    "UPDATE github_device_codes SET created_at = created_at - CAST(:by AS interval),"
    " asked_at = asked_at - CAST(:by AS interval),"
    " expires_at = expires_at - CAST(:by AS interval) WHERE account_id = :account_id"
)

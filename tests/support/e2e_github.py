"""Accounts of the whole platform that are connected with users of its local GitHub."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from cli.local import settings_of
from infra.platform import make_vault
from infra.repositories.github_connections import PostgresGitHubConnections
from tests.support.e2e import Caster, WholePlatform

_PATH = "/v1/account/github"


async def connect(caster: Caster, login: str | None = None) -> str:
    """Connect an account over HTTP with this user, or one whom nobody else has; the login.

    A user is connected with one account at most.
    """
    login = login or f"user-{secrets.token_hex(6)}"
    async with github_of(caster.platform) as github:
        await local(github, "POST", "owners", {"login": login})
        code = (await caster.post(_PATH)).json()
        await decide(github, code["user_code"], login)
    completed = await caster.post(f"{_PATH}:complete")
    assert completed.status_code == 200, completed.text
    assert completed.json()["connected"]["login"] == login
    await keep_secret(caster)
    return login


async def keep_secret(caster: Caster) -> tuple[str, str]:
    """The account's tokens; the end of all tests looks for them in what processes printed."""
    platform = caster.platform
    vault = make_vault(settings_of(platform.embedded.context))
    held = await PostgresGitHubConnections(platform.database, vault).tokens(
        caster.person.account_id
    )
    assert held is not None
    assert held.refresh is not None
    platform.secrets.update((held.access, held.refresh))
    return held.access, held.refresh


@asynccontextmanager
async def github_of(platform: WholePlatform) -> AsyncIterator[httpx.AsyncClient]:
    """The local GitHub."""
    url = platform.embedded.context.platform_environment["SPELL_GITHUB_API_URL"]
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=30) as github:
        yield github


async def local(github: httpx.AsyncClient, method: str, path: str, body: Any = None) -> Any:
    """Tell the local GitHub something by hand."""
    answer = await github.request(method, f"/_local/{path}", json=body)
    answer.raise_for_status()
    return answer.json() if answer.content else None


async def decide(github: httpx.AsyncClient, user_code: str, login: str) -> None:
    """A person who authorises the App."""
    await local(github, "POST", "device", {"user_code": user_code, "login": login})

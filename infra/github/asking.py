"""One question to GitHub as a user, or as the App's client: within a time and a size."""

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx

from infra.github.replies import Reply, away

# Below the lock timeout of Postgres: whoever waits for a refresh sees its end.
SECONDS_MAX = 8
_BYTES_MAX = 1024 * 1024
_HEADERS = {
    "Accept": "application/json",
    "User-Agent": "spell-platform",
    "X-GitHub-Api-Version": "2022-11-28",
}


async def ask(
    verb: str,
    url: str,
    *,
    token: str | None = None,
    client: tuple[str, str] | None = None,
    form: Mapping[str, str] | None = None,
    body: Any = None,
) -> Reply:
    """GitHub's answer, whatever its status. Redirects are answers, too.

    Args:
        verb: GET, POST or DELETE.
        url: whole; holds no secret.
        token: a user access token to ask with.
        client: the App's client id and secret to ask with.
        form: sent as a form.
        body: sent as JSON.

    Raises:
        SpellError: SERVICE_UNAVAILABLE, nothing (whole) came back.
    """
    headers = _HEADERS if token is None else {**_HEADERS, "Authorization": f"Bearer {token}"}
    try:
        async with (
            asyncio.timeout(SECONDS_MAX),
            httpx.AsyncClient(follow_redirects=False, timeout=SECONDS_MAX) as http,
            http.stream(
                verb,
                url,
                headers=headers,
                auth=httpx.BasicAuth(*client) if client else None,
                data=form,
                json=body,
            ) as response,
        ):
            content = await _bounded(response)
    except (httpx.HTTPError, TimeoutError) as error:
        # No text of it goes further: it may hold what was sent.
        raise away(f"GitHub does not answer ({type(error).__name__}).") from None
    return Reply(response.status_code, dict(response.headers), content.decode("utf-8", "replace"))


async def _bounded(response: httpx.Response) -> bytes:
    content = bytearray()
    async for chunk in response.aiter_bytes(65_536):
        content += chunk
        if len(content) > _BYTES_MAX:
            raise away("GitHub answers more than is read.")
    return bytes(content)

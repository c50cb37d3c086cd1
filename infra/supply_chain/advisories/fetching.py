"""HTTP for advisories: within sizes and times, from https or this machine alone, no redirects."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from infra.supply_chain.advisories.archives import AdvisorySourceError

_STEP_SECONDS_MAX = 30
_USER_AGENT = "spell-platform (advisories)"


def check_url(url: str) -> str:
    """The URL of a source, without a slash at its end.

    Raises:
        AdvisorySourceError: it is neither https nor on this machine: what decides on packages must
            not be open to whoever is on the way.
    """
    try:
        parts = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise AdvisorySourceError(f"the address of the source is none: {error}") from error
    local = parts.scheme == "http" and parts.host in {"127.0.0.1", "::1", "localhost"}
    if parts.scheme != "https" and not local:
        raise AdvisorySourceError("advisories are fetched by https only")
    return url.rstrip("/")


@asynccontextmanager
async def opened_client(base_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client for one source."""
    async with httpx.AsyncClient(
        base_url=check_url(base_url),
        timeout=_STEP_SECONDS_MAX,
        follow_redirects=False,
        headers={"User-Agent": _USER_AGENT},
        limits=httpx.Limits(max_connections=8),
    ) as client:
        yield client


async def fetch(
    client: httpx.AsyncClient,
    method: str,
    path: str,
    *,
    bytes_max: int,
    seconds_max: float,
    body: Any = None,
) -> bytes | None:
    """A body of at most so many bytes; None when there is nothing at the path (404).

    Raises:
        AdvisorySourceError: another status, too many bytes, too much time, or no connection.
    """
    content = bytearray()
    try:
        async with (
            asyncio.timeout(seconds_max),
            client.stream(method, path, json=body) as response,
        ):
            if response.status_code == httpx.codes.NOT_FOUND:
                return None
            async for chunk in _bounded(response, bytes_max):
                content += chunk
    except (httpx.HTTPError, TimeoutError) as error:
        raise _away(path, error) from error
    return bytes(content)


async def download(
    client: httpx.AsyncClient,
    path: str,
    target: Path,
    *,
    bytes_max: int,
    seconds_max: float,
    told: Callable[[int], None],
) -> None:
    """Write what is at the path into a file.

    Args:
        client: of the source.
        path: what to fetch.
        target: the file.
        bytes_max: more is refused.
        seconds_max: for all of it.
        told: is told how many bytes there are, again and again.

    Raises:
        AdvisorySourceError: as `fetch`; also for 404, and when the disk is full.
    """
    size = 0
    try:
        async with asyncio.timeout(seconds_max), client.stream("GET", path) as response:
            with target.open("wb") as file:
                async for chunk in _bounded(response, bytes_max):
                    file.write(chunk)
                    size += len(chunk)
                    told(size)
    except (httpx.HTTPError, TimeoutError, OSError) as error:
        raise _away(path, error) from error


async def _bounded(response: httpx.Response, bytes_max: int) -> AsyncIterator[bytes]:
    path = response.request.url.path
    if response.status_code != httpx.codes.OK:
        raise AdvisorySourceError(f"{path}: the source answers {response.status_code}")
    size = 0
    # Decoded bytes: a small answer that unpacks to a large one is a large one.
    async for chunk in response.aiter_bytes(65_536):
        size += len(chunk)
        if size > bytes_max:
            raise AdvisorySourceError(f"{path}: more than {bytes_max:,} bytes")
        yield chunk


def _away(path: str, error: Exception) -> AdvisorySourceError:
    return AdvisorySourceError(f"{path}: the source does not answer ({type(error).__name__})")

"""Whether the parts that the API needs answer. Fits the API's port `Health`."""

import asyncio
from collections.abc import Awaitable, Callable

from redis.asyncio import Redis

from infra.platform import Platform

CHECK_SECONDS = 2.0


class PlatformHealth:
    """Asks every part, all at once, each within two seconds."""

    def __init__(self, platform: Platform, redis: "Redis | None") -> None:
        self._checks: dict[str, Callable[[], Awaitable[None]]] = {
            "postgres": platform.database.ping,
            "nats": self._nats,
            "temporal": self._temporal,
            "object_store": self._object_store,
        }
        if redis is not None:
            self._checks["redis"] = self._redis
        self._platform = platform
        self._redis_client = redis

    async def check(self) -> dict[str, str]:
        """`ok`, or why not, by part."""
        states = await asyncio.gather(*(self._state(check) for check in self._checks.values()))
        return dict(zip(self._checks, states, strict=True))

    async def _state(self, check: Callable[[], Awaitable[None]]) -> str:
        try:
            await asyncio.wait_for(check(), CHECK_SECONDS)
        except TimeoutError:
            return f"no answer within {CHECK_SECONDS:.0f} s"
        except Exception as error:  # noqa: BLE001  (whatever it is, the part is not well)
            return f"{type(error).__name__}"
        return "ok"

    async def _nats(self) -> None:
        # While it reconnects, a flush has nothing to wait for and returns at once.
        if not self._platform.nats.is_connected:
            raise ConnectionError
        await self._platform.nats.flush()

    async def _temporal(self) -> None:
        if not await self._platform.temporal.service_client.check_health():
            raise ConnectionError

    async def _object_store(self) -> None:
        await self._platform.blobs.get("health")

    async def _redis(self) -> None:
        assert self._redis_client is not None
        await self._redis_client.ping()

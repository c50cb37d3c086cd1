"""The code that the platform compiled at publish: fetched, and checked before anybody sees it."""

import asyncio
from collections.abc import Awaitable, Callable

from runner.compiling.code_verifier import CodeVerifier


class ForgedCodeError(Exception):
    """What lies in the bucket as a module's code is not the platform's."""


class SignedCode:
    """Code by engine and module, from the bucket.

    Args:
        fetch: answers what is there, whatever it is, or None.
        public_key: base64 Ed25519 key of the platform, for code.

    Raises:
        ValueError: the key is none.
    """

    def __init__(
        self, fetch: Callable[[str, str], Awaitable[bytes | None]], public_key: str
    ) -> None:
        self._fetch = fetch
        self._verifier = CodeVerifier(public_key)

    async def fetch(self, engine: str, digest: str) -> bytes | None:
        """The module's code for this engine, or None when there is none.

        Raises:
            ForgedCodeError: there is something else.
            SpellError: SERVICE_UNAVAILABLE, nobody can tell.
        """
        signed = await self._fetch(engine, digest)
        if signed is None:
            return None
        content = await asyncio.to_thread(self._verifier.verified, engine, digest, signed)
        if content is None:
            raise ForgedCodeError(f"the code of {digest} in the bucket is not the platform's")
        return content

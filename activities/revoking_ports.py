"""The roles that are needed for withdrawing trust; adapters in `infra/` fit them structurally."""

from collections.abc import Sequence
from typing import Protocol

from schema.contracts.cast import ReleaseOrder
from schema.contracts.problem import Problem
from schema.contracts.revocation import RecordedRevocation, Revocation, Trusted


class TrustCheck(Protocol):
    """Whether a version may run, now."""

    async def check(self, spell_key: str, version: str) -> None:
        """Raise SpellError(SPELL_REVOKED) when it may not."""


class Revocations(Protocol):
    """The record of revocations, and what falls under them."""

    async def record(self, revocation: Revocation) -> RecordedRevocation:
        """Put it in force, or lift the one that is; what is so already stays.

        Raises SpellError: REVOCATION_NOT_FOUND, there never was one to lift.
        """

    async def affected(self, trusted: Trusted, *, after: str, limit: int) -> list[str]:
        """Digests of the published packages that rest on it, in their order, above `after`."""

    async def open_casts(self, revocation_id: int, *, after: str, limit: int) -> list[ReleaseOrder]:
        """Casts that hold money and fall under it, in the order of their ids, above `after`."""

    async def casts_stopped(self, revocation_id: int) -> int:
        """How many casts have ended by it."""


class RevokedDigests(Protocol):
    """Where runners learn of revocations."""

    async def tell(self, digests: Sequence[str]) -> None:
        """Bring what is told of these digests to what the record says now."""


class CastRevoker(Protocol):
    """The way to casts that are under way."""

    async def revoke(self, cast_id: str, problem: Problem) -> bool:
        """Tell the cast to stop, uncharged; False when its workflow is closed."""

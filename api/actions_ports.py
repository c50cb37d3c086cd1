"""The roles that routes about GitHub Actions need played."""

from typing import Protocol

from schema.contracts.actions import ActionsRunRef, LateRun


class RunInputAddresses(Protocol):
    """Addresses that give a cast's inputs to its run, once."""

    async def take(self, token: str) -> bytes:
        """The inputs behind an address, which is used up by it.

        Raises SpellError: NOT_FOUND; LINK_EXPIRED, it was used or its time is up.
        """


class GitHubDeliveries(Protocol):
    """The inbox of what GitHub delivers: each delivery once."""

    async def receive(self, delivery_id: str, event: str, cast_id: str | None) -> bool:
        """Write a delivery down; False when it was dealt with before."""

    async def handled(self, delivery_id: str) -> None:
        """Record that a delivery was dealt with."""


class KnownActionsRuns(Protocol):
    """Which run is which cast's."""

    async def may_be_run_of(self, cast_id: str, run: ActionsRunRef, workflow: str) -> bool:
        """Whether a run is where this cast was dispatched to, and no other is known as its."""

    async def cast_of(self, repo: str, run_id: int) -> str | None:
        """The cast whose run this is known to be."""


class ActionsWorkflows(Protocol):
    """The workflows that wait for runs."""

    async def run_changed(self, cast_id: str) -> bool:
        """Have the cast's run looked at; False when nobody waits. Raises SERVICE_UNAVAILABLE."""

    async def cancel_late(self, late: LateRun) -> None:
        """Have a run cancelled that nobody waits for. Raises SpellError: SERVICE_UNAVAILABLE."""

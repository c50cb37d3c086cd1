"""The roles that the routes of the supply chain's aftercare need played."""

from typing import Protocol

from schema.contracts.aftercare import VersionRef, VulnerabilityReport
from schema.contracts.notifications import ChannelKind, ChannelView, Destination
from schema.contracts.supply_chain_log import DeedKind, LogEntryView


class SupplyChainLogReads(Protocol):
    """Who did what to which spell."""

    async def entries(
        self,
        account_id: str | None,
        *,
        spell_key: str | None,
        kind: DeedKind | None,
        before: int | None,
        limit: int,
    ) -> list[LogEntryView]:
        """Deeds, newest first; of one account and its spells, or everybody's with None."""


class Vulnerabilities(Protocol):
    """What is known of published versions."""

    async def report(self, account_id: str, key: str, version: str) -> VulnerabilityReport:
        """One version's. Raises SpellError: SPELL_NOT_FOUND."""

    async def feed(self, *, before: int | None, limit: int) -> list[LogEntryView]:
        """What happened to findings on public spells, newest first."""


class NotificationChannels(Protocol):
    """Where an account is told things."""

    async def set(self, account_id: str, destination: Destination) -> None:
        """Set a channel, in place of the one of its kind. Raises SpellError: VALIDATION_ERROR."""

    async def channels(self, account_id: str) -> list[ChannelView]:
        """The account's channels, without their secrets."""

    async def remove(self, account_id: str, kind: ChannelKind) -> None:
        """Remove a channel. Raises SpellError: NOT_FOUND."""


class Aftercare(Protocol):
    """The durable processes after publishing."""

    async def rescan(self, *, import_first: bool) -> str:
        """Start a re-scan, or join the one that runs. Its workflow's id."""

    async def wake(self, version: VersionRef) -> None:
        """Have the clock of a version look again, if there is one."""

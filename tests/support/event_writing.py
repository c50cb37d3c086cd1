"""Writes progress of casts that run, as a worker does when a guest reports."""

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from cli.local import settings_of
from infra.nats_connection import open_nats
from infra.platform import make_vault
from infra.repositories.casts import PostgresCasts
from infra.run_bus import NatsRunBus
from infra.vault import PlatformVault
from schema.ids import account_of_cast
from tests.support.e2e import WholePlatform
from tests.support.fakes import KnownVerdicts


@dataclass(frozen=True)
class EventWriter:
    """Appends numbered progress events."""

    casts: PostgresCasts
    bus: NatsRunBus
    vault: PlatformVault

    async def report(self, cast_id: str, number: int, *, note: str = "", hint: bool = True) -> None:
        """Append one event; without the hint, only the backstop can find it."""
        report = json.dumps({"number": number, "note": note}).encode()
        sealed = self.vault.encrypt(account_of_cast(cast_id), report)
        await self.casts.note_progress(cast_id, base64.b64encode(sealed).decode("ascii"))
        if hint:
            await self.bus.announce_event(cast_id)


@asynccontextmanager
async def event_writer(platform: WholePlatform) -> AsyncIterator[EventWriter]:
    """A writer on this platform."""
    settings = settings_of(platform.embedded.context)
    async with open_nats(settings.nats_url.get_secret_value(), name="test-writer") as nats:
        casts = PostgresCasts(
            platform.database, KnownVerdicts(), fee_basis_points=0, open_casts_max=1000
        )
        yield EventWriter(casts, NatsRunBus(nats), make_vault(settings))

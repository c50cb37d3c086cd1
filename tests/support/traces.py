"""Where on a whole platform a text can be found: for showing that a secret is nowhere."""

import base64
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

from sqlalchemy import text
from temporalio.client import Client

from cli.local import settings_of
from infra.embedded.layout import Layout
from infra.platform import make_vault
from tests.support.e2e import WholePlatform
from tests.support.histories import readable

_TABLES = text("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")


async def places_of(marker: str, platform: WholePlatform, since: datetime) -> set[str]:
    """The places that hold the marker in clear, in hexadecimal or in base64.

    Args:
        marker: some bytes of letters and digits.
        platform: looked through as it runs.
        since: of workflows, those that began later are looked at, decrypted.
    """
    forms = list(_forms(marker.encode()))
    layout = Layout(platform.folder)
    found = {
        name
        for name, place in (
            ("Postgres files", layout.postgres_cluster),
            ("Temporal files", layout.temporal_database.parent),
            ("JetStream files", layout.nats),
            ("Redis files", layout.redis),
            ("objects", layout.objects),
            ("runner files", layout.runner),
            ("log files", layout.logs),
        )
        if _any_holds(_files(place, layout), forms)
    }
    if any(marker in line for line in platform.logs.lines):
        found.add("logs")
    if _any_holds([row.encode() for row in await _rows(platform)], forms):
        found.add("Postgres rows")
    if _any_holds([history.encode() for history in await _histories(platform, since)], forms):
        found.add("histories")
    return found


def _forms(content: bytes) -> Iterator[bytes]:
    yield content
    yield content.hex().encode()
    for shift in range(3):
        # What stands before decides the alignment; both ends depend on their neighbours.
        yield base64.b64encode(b"x" * shift + content)[4:-4]


def _any_holds(contents: Iterable[bytes], forms: list[bytes]) -> bool:
    return any(form in content for content in contents for form in forms)


def _files(place: Path, layout: Layout) -> Iterator[bytes]:
    """Every file below a folder; of the data directory itself only its own."""
    pattern = "*" if place == layout.root else "**/*"
    for path in place.glob(pattern):
        if path.is_file():
            yield path.read_bytes()


async def _rows(platform: WholePlatform) -> list[str]:
    async with platform.database.reading() as connection:
        tables = [row.table_name for row in await connection.execute(_TABLES)]
        rows: list[str] = []
        for table in tables:
            found = await connection.execute(text(f'SELECT t::text AS row FROM "{table}" t'))
            rows += [row.row for row in found]
    return rows


async def _histories(platform: WholePlatform, since: datetime) -> list[str]:
    client = await Client.connect(platform.embedded.endpoints.temporal_address)
    vault = make_vault(settings_of(platform.embedded.context))
    return [
        await readable(await client.get_workflow_handle(found.id).fetch_history(), vault)
        async for found in client.list_workflows(f"StartTime > '{since.isoformat()}'")
    ]

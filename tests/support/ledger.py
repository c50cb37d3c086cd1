"""A ledger of its own for a test, with everything that seals it and looks through it."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import make_url, text

from infra import migrate
from infra.blob_store import ObjectBlobStore
from infra.embedded.platform import EmbeddedPlatform
from infra.embedded.postgres_server import ADMIN
from infra.ledger.anchors import LedgerAnchors
from infra.ledger.seal_checks import SealJudge
from infra.ledger.sealer import VaultLedgerSealer
from infra.ledger.verifier import LedgerVerifier
from infra.postgres import Database, create_engine
from infra.repositories.accounts import PostgresAccounts
from infra.repositories.ledger_books import PostgresLedgerBooks
from infra.repositories.ledger_seals import PostgresLedgerSeals
from schema.contracts.ledger import LedgerFinding, UnsealedTail, VerificationPage
from schema.ledger_seals import SIGNING_PURPOSE
from tests.support.builders import PEPPER, Person, make_person
from tests.support.platform import make_vault


@dataclass
class Ledger:
    """One database, its anchors, and what works on them."""

    database: Database
    url: str
    superuser_url: str
    blobs: ObjectBlobStore
    rows_max: int = 3

    @property
    def anchors(self) -> LedgerAnchors:
        return LedgerAnchors(self.blobs)

    def sealer(self, anchors: LedgerAnchors | None = None) -> VaultLedgerSealer:
        seals = PostgresLedgerSeals(self.database)
        return VaultLedgerSealer(
            seals, anchors or self.anchors, make_vault(), rows_max=self.rows_max
        )

    @property
    def verifier(self) -> LedgerVerifier:
        return LedgerVerifier(
            PostgresLedgerSeals(self.database),
            self.anchors,
            PostgresLedgerBooks(self.database),
            SealJudge([make_vault().public_key(SIGNING_PURPOSE)]),
        )

    async def caster(self, transfers: int = 1) -> Person:
        """An account with so many transfers of 1,000 micros each."""
        person = await make_person(self.database)
        accounts = PostgresAccounts(self.database, pepper=PEPPER)
        for _ in range(transfers):
            reference = secrets.token_hex(8)
            await accounts.credit(person.account_id, 1_000, "USD", reference=reference)
        return person

    async def seal_all(self) -> int:
        """Seal until nothing is left; answers how many rows that were."""
        sealer, rows = self.sealer(), 0
        while (report := await sealer.seal()).seals:
            rows += report.rows
        return rows

    async def look(self) -> list[VerificationPage]:
        """Every page of a verification."""
        return [
            *[page async for page in self._seal_pages()],
            await self.verifier.accounts(None),
            await self.verifier.casts(None),
        ]

    async def findings(self) -> list[LedgerFinding]:
        return [finding for page in await self.look() for finding in page.findings]

    async def tail(self) -> UnsealedTail:
        pages = [page async for page in self._seal_pages()]
        assert pages[-1].tail is not None
        return pages[-1].tail

    async def tamper(self, *statements: str, **values: object) -> None:
        """Run statements as a superuser for whom no trigger fires."""
        engine = create_engine(self.superuser_url, pool_size=1, statement_cache=0)
        async with engine.begin() as connection:
            await connection.execute(text("SET LOCAL session_replication_role = replica"))
            for statement in statements:
                done = await connection.execute(text(statement), values)
                assert done.rowcount != 0, "the test tampered with nothing"
        await engine.dispose()

    async def one(self, statement: str, **values: object) -> object:
        async with self.database.reading() as connection:
            return (await connection.execute(text(statement), values)).scalar_one()

    async def _seal_pages(self) -> AsyncIterator[VerificationPage]:
        page = await self.verifier.seals(None)
        while page.next_cursor is not None:
            yield page
            page = await self.verifier.seals(int(page.next_cursor))
        yield page


async def ledger_template(servers: EmbeddedPlatform) -> str:
    """A migrated database without connections, to copy; answers its name."""
    name = f"template_{secrets.token_hex(6)}"
    await _run(servers, f"CREATE DATABASE {name}")
    await asyncio.to_thread(migrate.upgrade, _url(servers, name))
    return name


@asynccontextmanager
async def fresh_ledger(
    servers: EmbeddedPlatform, template: str, folder: Path
) -> AsyncIterator[Ledger]:
    """A copy of the template with anchors of its own."""
    name = f"ledger_{secrets.token_hex(6)}"
    await _run(servers, f"CREATE DATABASE {name} TEMPLATE {template}")
    url = _url(servers, name)
    database = Database(create_engine(url, pool_size=10, statement_cache=100))
    superuser_url = (
        make_url(url)
        .set(username=ADMIN, password=servers.context.credentials.postgres_admin_password)
        .render_as_string(hide_password=False)
    )
    try:
        yield Ledger(database, url, superuser_url, ObjectBlobStore(f"file://{folder}"))
    finally:
        await database.close()


def _url(servers: EmbeddedPlatform, name: str) -> str:
    url = make_url(servers.endpoints.database_url).set(database=name)
    return url.render_as_string(hide_password=False)


async def _run(servers: EmbeddedPlatform, statement: str) -> None:
    """A statement that no transaction may be around."""
    engine = create_engine(servers.endpoints.database_url, pool_size=1, statement_cache=0)
    async with engine.connect() as connection:
        alone = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await alone.execute(text(statement))
    await engine.dispose()

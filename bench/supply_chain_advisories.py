"""Importing real OSV data and matching bills with it: `python -m bench.supply_chain_advisories`.

Needs `../shared/conformance/osv`, or a folder as argument. Each figure stands beside a floor of the
same run, alternating: for imports reading and parsing the same JSON, for matches the bare statement
whose rows are matched. The goals are 5 ms for 20 components and well below a second for 1,000.
"""

import asyncio
import json
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from sqlalchemy import text

from infra.postgres import Database
from infra.supply_chain.advisories import postgres_advisories
from infra.supply_chain.advisories.archives import local_sources
from infra.supply_chain.advisories.importing import import_sources
from infra.supply_chain.advisories.postgres_advisories import PostgresAdvisories, packages_of
from schema.contracts.bill import Component
from tests.support.servers import scratch_database

ROUNDS = 30
SIZES = (20, 1_000)
_DATA = Path(__file__).parents[2] / "shared/conformance/osv"
_TYPES = {"PyPI": "pypi", "crates.io": "cargo"}
_NAMES = text("SELECT DISTINCT ecosystem, name FROM advisory_packages ORDER BY ecosystem, name")


def bill_of(names: Sequence[tuple[str, str]], size: int) -> list[Component]:
    """Components spread over what has advisories, and as many that have none."""
    step = max(1, len(names) * 2 // size)
    purls = [f"pkg:{_TYPES[ecosystem]}/{name}@1.0.0" for ecosystem, name in names[::step]]
    purls += [f"pkg:pypi/nobody-has-this-{number}@1.0.0" for number in range(size)]
    return [Component(ref=purl, name=purl, purl=purl) for purl in purls[:size]]


async def timed(work: Callable[[], Awaitable[object]]) -> float:
    """Milliseconds that it takes."""
    begun = time.perf_counter()
    await work()
    return (time.perf_counter() - begun) * 1_000


async def show_import(database: Database, folder: Path) -> None:
    """A first import, and one that finds nothing new, beside bare parsing."""

    async def parse() -> None:
        for source in local_sources(folder):
            for entry in source.entries():
                json.loads(entry.content)

    async def bring_in() -> None:
        sources = local_sources(folder)
        await import_sources(database, sources, full=True, note=lambda _: None)

    floor = await timed(parse)
    for name in ("first import", "import of nothing new"):
        took = await timed(bring_in)
        print(f"{name:22} {took:7.0f} ms   {took / floor:5.1f} times reading and parsing")


async def show_match(database: Database, size: int) -> None:
    """A match of a bill of this size, beside its bare statement."""
    matcher = PostgresAdvisories(database)
    async with database.reading() as connection:
        names = [tuple(row) for row in await connection.execute(_NAMES)]
    components = bill_of(names, size)
    wanted = postgres_advisories._wanted(packages_of(components))  # noqa: SLF001

    async def bare() -> None:
        async with database.reading() as connection:
            (await connection.execute(postgres_advisories._CANDIDATES, wanted)).all()  # noqa: SLF001

    async def match() -> None:
        await matcher.match(components)

    found = len(await matcher.match(components))
    pairs = [(await timed(match), await timed(bare)) for _ in range(ROUNDS)]
    took, floor = (statistics.median(column) for column in zip(*pairs, strict=True))
    worst = max(one for one, _ in pairs)
    print(
        f"{size:5,} components, {found} hits   p50 {took:.1f} ms, worst {worst:.1f} ms"
        f"   {took / floor:.1f} times the bare statement ({floor:.1f} ms)"
    )


async def main() -> None:
    """Show both."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else _DATA
    async with scratch_database() as database:
        await show_import(database, folder)
        for size in SIZES:
            await show_match(database, size)


if __name__ == "__main__":
    asyncio.run(main())

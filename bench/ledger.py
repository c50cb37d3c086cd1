"""Holds per second on one hot account and on many, over a bare transaction that updates one row.

All go through the same engine to the same Postgres in one run, alternating, because the machine is
noisy; what counts are the ratios. `bare` is BEGIN, UPDATE, COMMIT; `alone` is the UPDATE as one
statement, as a hold is sent too. Goal: at least 0.5 of the bare transaction's rate, on one
account and on many. `python -m bench.ledger [--rounds 5] [--seconds 3] [--lanes 16]`.
"""

import argparse
import asyncio
import itertools
import statistics
import time
from collections.abc import Awaitable, Callable

from sqlalchemy import text

from infra.postgres import Database
from infra.repositories.casts import PostgresCasts
from tests.support.builders import FLAT_500, Person, a_cast, make_person, publish
from tests.support.fakes import KnownVerdicts
from tests.support.servers import scratch_database

ACCOUNTS = 64
_UPDATE = text("UPDATE bench_rows SET n = n + 1 WHERE id = :id")
_CLOSE = text("UPDATE holds SET state = 'voided', closed_at = now() WHERE state = 'held'")
Job = Callable[[int], Awaitable[None]]


async def jobs(database: Database) -> dict[str, Job]:
    """What is measured, by name: each job takes the number of its turn."""
    async with database.transaction() as connection:
        await connection.execute(text("CREATE TABLE bench_rows (id int PRIMARY KEY, n bigint)"))
        await connection.execute(
            text("INSERT INTO bench_rows SELECT i, 0 FROM generate_series(1, :rows) i"),
            {"rows": ACCOUNTS},
        )
    spell = await publish(database, await make_person(database))
    people = [await make_person(database, credit_micros=10**12) for _ in range(ACCOUNTS)]
    casts = PostgresCasts(database, KnownVerdicts(), fee_basis_points=0, open_casts_max=10**9)
    planned, _ = await casts.find_plan(a_cast(people[0], spell.spell_key))
    assert planned.worst_case_micros == FLAT_500.price_micros

    async def hold(person: Person) -> None:
        assert (await casts.hold(a_cast(person, spell.spell_key), planned)).accepted

    async def update(row: int) -> None:
        async with database.transaction() as connection:
            await connection.execute(_UPDATE, {"id": row})

    async def alone(row: int) -> None:
        async with database.alone() as connection:
            await connection.execute(_UPDATE, {"id": row})

    return {
        "bare, one row": lambda _: update(1),
        "alone, one row": lambda _: alone(1),
        "hold, one account": lambda _: hold(people[0]),
        "bare, many rows": lambda turn: update(1 + turn % ACCOUNTS),
        "alone, many rows": lambda turn: alone(1 + turn % ACCOUNTS),
        "hold, many accounts": lambda turn: hold(people[turn % ACCOUNTS]),
    }


async def measure(job: Job, seconds: float, lanes: int) -> list[float]:
    """Seconds that each turn took, with so many lanes at once for so long."""
    turns, taken = itertools.count(), list[float]()
    end = time.perf_counter() + seconds

    async def lane() -> None:
        while (began := time.perf_counter()) < end:
            await job(next(turns))
            taken.append(time.perf_counter() - began)

    await asyncio.gather(*(lane() for _ in range(lanes)))
    return taken


async def close_holds(database: Database) -> None:
    """Between rounds: an account has a bounded number of open casts, so they must not add up."""
    async with database.transaction() as connection:
        await connection.execute(_CLOSE)


async def main() -> None:
    """Start servers of its own, alternate, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each job in a round")
    parser.add_argument("--lanes", type=int, default=16, help="at a time")
    arguments = parser.parse_args()
    async with scratch_database() as database:
        measured = await jobs(database)
        rates: dict[str, list[float]] = {name: [] for name in measured}
        latencies: dict[str, list[float]] = {name: [] for name in measured}
        for number in range(arguments.rounds + 1):
            for name, job in measured.items():
                taken = await measure(job, arguments.seconds, arguments.lanes)
                await close_holds(database)
                if number:  # the first round warms up
                    rates[name].append(len(taken) / arguments.seconds)
                    latencies[name] += taken
    for name in measured:
        quantiles = statistics.quantiles(latencies[name], n=100)
        print(
            f"{name:<20} {statistics.median(rates[name]):7.1f}/s,"
            f" p50 {quantiles[49] * 1000:6.1f} ms, p99 {quantiles[98] * 1000:6.1f} ms"
            f"  (rounds: {', '.join(f'{rate:.0f}' for rate in rates[name])})"
        )
    for kind, rows in (("one account", "one row"), ("many accounts", "many rows")):
        for floor, goal in (("bare", " (goal at least 0.5)"), ("alone", "")):
            pairs = zip(rates[f"hold, {kind}"], rates[f"{floor}, {rows}"], strict=True)
            ratio = statistics.median(held / bare for held, bare in pairs)
            print(f"hold / {floor}, {kind}: {ratio:.2f}{goal}")


if __name__ == "__main__":
    asyncio.run(main())

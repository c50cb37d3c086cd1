"""A process that asks for many holds of one account at once: `-m tests.support.holding <casts>`.

Reads whose, and of which spell, as a line of JSON; writes how often it was answered what.
"""

import asyncio
import json
import secrets
import sys
from collections import Counter

from infra.repositories.casts import PostgresCasts
from tests.support.builders import Person, a_cast
from tests.support.fakes import KnownVerdicts
from tests.support.servers import opened


async def main(order: dict[str, str], number: int) -> Counter[str]:
    secret = bytes.fromhex(order["secret"])
    person = Person(order["account_id"], order["api_key_id"], "", secret)
    async with opened(order["database_url"]) as database:
        casts = PostgresCasts(database, KnownVerdicts(), fee_basis_points=0, open_casts_max=5_000)

        async def hold() -> str:
            request = a_cast(person, order["spell_key"], secrets.token_hex(16))
            plan, _ = await casts.find_plan(request)
            answer = await casts.hold(request, plan)
            return answer.problem.code if answer.problem else "held"

        return Counter(await asyncio.gather(*(hold() for _ in range(number))))


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(json.loads(sys.stdin.readline()), int(sys.argv[1])))))  # noqa: T201

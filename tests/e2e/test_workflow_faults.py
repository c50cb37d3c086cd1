"""Goal: on GitHub's bad days a cast has one run, one end and one charge.

Method: faults on order in the local GitHub, for one repository each.
"""

from collections import Counter

import pytest
from sqlalchemy import text

from tests.support.e2e import Caster, Json, WholePlatform
from tests.support.workflow_mode import ActionsSpell, LocalActions, assert_succeeded_once, until

WEBHOOKS = 1_000


@pytest.mark.parametrize(
    ("fault", "dispatch"),
    [
        ("error_after", "workflow_dispatch"),
        ("error_after", "repository_dispatch"),
        ("drop_after", "workflow_dispatch"),
    ],
)
async def test_a_dispatch_that_was_taken_but_not_confirmed_is_one_run(
    caster: Caster, github: LocalActions, fault: str, dispatch: str
) -> None:
    spell = await github.spell(dispatch=dispatch)
    await spell.fault(fault)
    case = spell.case()
    cast = await caster.ended(spell.key, case.inputs)
    assert await spell.faults() == []
    await assert_succeeded_once(caster, spell, case, cast)


async def test_a_run_that_nobody_tells_of_is_found_by_looking_for_it(
    platform: WholePlatform, caster: Caster, github: LocalActions
) -> None:
    """No answer, no webhook, and for a while it is in no list."""
    spell = await github.spell()
    await spell.fault("error_after")
    await spell.fault("unlisted_run", seconds=3)
    await spell.fault("webhook_lost", times=WEBHOOKS)
    case = spell.case()
    cast = await caster.ended(spell.key, case.inputs)
    await assert_succeeded_once(caster, spell, case, cast)
    assert await deliveries_of(platform, cast) == 0


async def test_a_rate_limit_is_waited_for(caster: Caster, github: LocalActions) -> None:
    spell = await github.spell()
    await spell.fault("secondary_rate_limit", times=3, seconds=1)
    case = spell.case()
    cast = await caster.ended(spell.key, case.inputs)
    assert await spell.faults() == []
    await assert_succeeded_once(caster, spell, case, cast)


async def test_where_webhooks_are_lost_looking_finishes_the_cast(
    platform: WholePlatform, caster: Caster, github: LocalActions
) -> None:
    spell = await github.spell()
    await spell.fault("webhook_lost", times=WEBHOOKS)
    case = spell.case()
    cast = await caster.ended(spell.key, case.inputs)
    await assert_succeeded_once(caster, spell, case, cast)
    assert [fault["kind"] for fault in await spell.faults()] == ["webhook_lost"]
    assert await deliveries_of(platform, cast) == 0


async def test_webhooks_that_come_twice_change_nothing(
    platform: WholePlatform, caster: Caster, github: LocalActions
) -> None:
    spell = await github.spell()
    await spell.fault("webhook_twice", times=WEBHOOKS)
    case = spell.case()
    cast = await caster.ended(spell.key, case.inputs)
    await assert_succeeded_once(caster, spell, case, cast)
    sent = await until(lambda: sent_twice(github, spell))
    assert {one["status_code"] for one in sent} == {202}
    assert 0 < await deliveries_of(platform, cast) <= len(sent) / 2


async def sent_twice(github: LocalActions, spell: ActionsSpell) -> list[Json]:
    """What GitHub sent about the repository, once it has sent all of it twice."""
    sent = await github.deliveries(spell.repo)
    times = Counter(one["guid"] for one in sent)
    return sent if set(times.values()) == {2} else []


async def deliveries_of(platform: WholePlatform, cast: Json) -> int:
    """How many deliveries of GitHub's the platform took that are about the cast."""
    query = text("SELECT count(*) FROM github_deliveries WHERE cast_id = :cast_id")
    async with platform.database.reading() as connection:
        found = await connection.execute(query, {"cast_id": cast["cast_id"]})
        return int(found.scalar_one())

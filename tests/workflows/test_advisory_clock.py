"""Goal: a maker has the whole time, not a day more. Method: a clock that skips, real Postgres."""

import asyncio
from datetime import timedelta

from temporalio.testing import WorkflowEnvironment

from infra.postgres import Database
from infra.repositories.spells import PostgresSpells
from schema.contracts.aftercare import ClockResult, RescanReport
from schema.contracts.publish import InspectedPackage
from schema.contracts.supply_chain import Severity
from tests.support.aftercare import Aftercare, ref, vulnerable
from tests.support.builders import make_person, publish


async def test_an_unmended_version_is_delisted_after_fourteen_days(
    fresh: WorkflowEnvironment, database: Database
) -> None:
    aftercare = Aftercare(fresh.client, database)
    package = await publish(database, await make_person(database))
    aftercare.verdicts.say(package, vulnerable())
    async with aftercare.worker():
        await rescan(fresh, aftercare)
        assert await aftercare.state(package) == "published"
        started = (await aftercare.clock(package).describe()).start_time
        assert await delisted(fresh, aftercare, package)
        closed = (await aftercare.clock(package).describe()).close_time
    assert closed is not None
    assert timedelta(days=13, hours=23) < closed - started < timedelta(days=14, hours=1)
    assert await aftercare.state(package) == "delisted"
    assert await aftercare.ends(package) == ["delisted"]
    deeds = await aftercare.deeds(package)
    assert deeds[-3:] == ["finding_opened", "finding_closed", "delisted"]
    told = await aftercare.told(package)
    assert [one["kind"] for one in told] == [
        *("finding.opened", "delisting.near", "delisting.near", "version.delisted"),
    ]
    assert [one["details"].get("days_left") for one in told[1:3]] == [7, 1]


async def test_a_clock_goes_on_when_its_worker_was_away(
    fresh: WorkflowEnvironment, database: Database
) -> None:
    """Method: end the worker after the finding, let days pass, start another one."""
    aftercare = Aftercare(fresh.client, database)
    package = await publish(database, await make_person(database))
    aftercare.verdicts.say(package, vulnerable())
    async with aftercare.worker():
        await rescan(fresh, aftercare)
        await until_it_waits(aftercare, package)
    await fresh.sleep(timedelta(days=6))
    assert await aftercare.state(package) == "published"
    async with aftercare.worker():
        assert await delisted(fresh, aftercare, package)
    days = [
        one["details"]["days_left"]
        for one in await aftercare.told(package)
        if "days_left" in one["details"]
    ]
    assert days == [7, 1]


async def test_a_clock_ends_when_newer_advisories_clear_the_version(
    fresh: WorkflowEnvironment, database: Database
) -> None:
    aftercare = Aftercare(fresh.client, database)
    package = await publish(database, await make_person(database))
    aftercare.verdicts.say(package, vulnerable())
    async with aftercare.worker():
        await rescan(fresh, aftercare)
        aftercare.verdicts.say(package)
        report = await rescan(fresh, aftercare)
        assert report.closed >= 1
        assert not await delisted(fresh, aftercare, package)
    assert await aftercare.state(package) == "published"
    assert await aftercare.ends(package) == ["fixed"]
    assert [one["kind"] for one in await aftercare.told(package)] == [
        *("finding.opened", "finding.closed"),
    ]


async def test_at_the_due_time_the_verdict_of_that_moment_counts(
    fresh: WorkflowEnvironment, database: Database
) -> None:
    """Method: an exception is made after the last re-scan, and no re-scan tells the clock."""
    aftercare = Aftercare(fresh.client, database)
    package = await publish(database, await make_person(database))
    aftercare.verdicts.say(package, vulnerable())
    async with aftercare.worker():
        await rescan(fresh, aftercare)
        excepted = vulnerable(severity=Severity.NOTE, exception={"id": "exc_"})
        aftercare.verdicts.say(package, excepted)
        assert not await delisted(fresh, aftercare, package)
    assert await aftercare.state(package) == "published"
    assert await aftercare.ends(package) == ["excepted"]


async def test_a_yanked_version_waits_for_nothing(
    fresh: WorkflowEnvironment, database: Database
) -> None:
    maker = await make_person(database)
    aftercare = Aftercare(fresh.client, database)
    package = await publish(database, maker)
    aftercare.verdicts.say(package, vulnerable())
    spells = PostgresSpells(database)
    place = (maker.account_id, package.spell_key, package.version)
    async with aftercare.worker():
        await rescan(fresh, aftercare)
        await spells.set_state(*place, "yanked")
        await aftercare.temporal.wake(ref(package))
        assert not await delisted(fresh, aftercare, package)
        # Yanking and coming back buys no new fourteen days.
        await spells.set_state(*place, "published")
        await rescan(fresh, aftercare)
    assert (await aftercare.ends(package))[0] == "withdrawn"
    told = [one for one in await aftercare.told(package) if one["kind"] == "finding.opened"]
    first, again = (one["details"]["findings"][0]["due_at"] for one in told)
    assert again == first


async def test_a_delisted_version_is_listed_again_when_it_is_cleared(
    fresh: WorkflowEnvironment, database: Database
) -> None:
    aftercare = Aftercare(fresh.client, database)
    package = await publish(database, await make_person(database))
    aftercare.verdicts.say(package, vulnerable())
    async with aftercare.worker():
        await rescan(fresh, aftercare)
        assert await delisted(fresh, aftercare, package)
        await rescan(fresh, aftercare)
        assert await aftercare.state(package) == "delisted"
        aftercare.verdicts.say(package)
        assert (await rescan(fresh, aftercare)).relisted >= 1
    assert await aftercare.state(package) == "published"
    assert (await aftercare.deeds(package))[-1] == "relisted"
    assert (await aftercare.told(package))[-1]["kind"] == "version.relisted"


async def test_another_name_for_the_same_vulnerability_starts_no_new_clock(
    fresh: WorkflowEnvironment, database: Database
) -> None:
    aftercare = Aftercare(fresh.client, database)
    package = await publish(database, await make_person(database))
    aftercare.verdicts.say(package, vulnerable("PYSEC-1"))
    async with aftercare.worker():
        await rescan(fresh, aftercare)
        aftercare.verdicts.say(package, vulnerable("CVE-1", "GHSA-1", "PYSEC-1"))
        await rescan(fresh, aftercare)
    assert await aftercare.ends(package) == [None]


async def test_a_second_look_changes_nothing(
    fresh: WorkflowEnvironment, database: Database
) -> None:
    aftercare = Aftercare(fresh.client, database)
    package = await publish(database, await make_person(database))
    aftercare.verdicts.say(package, vulnerable())
    async with aftercare.worker():
        await rescan(fresh, aftercare, import_first=True)
        assert aftercare.imports.asked == 1
        before = await aftercare.deeds(package), await aftercare.told(package)
        await rescan(fresh, aftercare)
        assert (await aftercare.deeds(package), await aftercare.told(package)) == before


async def test_a_version_that_cannot_be_decided_on_is_in_no_other_versions_way(
    fresh: WorkflowEnvironment, database: Database
) -> None:
    aftercare = Aftercare(fresh.client, database)
    maker = await make_person(database)
    odd, vulnerable_one = await publish(database, maker), await publish(database, maker)
    aftercare.verdicts.say(vulnerable_one, vulnerable())
    aftercare.verdicts.stumbles_over.add(odd.package_digest)
    async with aftercare.worker():
        report = await aftercare.rescan()
        assert report.undecided == 1
        assert await aftercare.ends(vulnerable_one) == [None]
        assert await aftercare.ends(odd) == []
        assert await aftercare.state(odd) == "published"
        await aftercare.clock(vulnerable_one).terminate()


async def delisted(
    fresh: WorkflowEnvironment, aftercare: Aftercare, package: InspectedPackage
) -> bool:
    """How the version's clock ends, while time passes as fast as it can."""
    async with fresh.time_skipping_unlocked():  # type: ignore[attr-defined]
        result: ClockResult = await aftercare.clock(package).result()
    return result.delisted


async def rescan(fresh: WorkflowEnvironment, aftercare: Aftercare, **options: bool) -> RescanReport:
    """One re-scan, while no time passes but its own."""
    with fresh.auto_time_skipping_disabled():
        return await aftercare.rescan(**options)


async def until_it_waits(aftercare: Aftercare, package: InspectedPackage) -> None:
    """Return when the clock has set its timer, so that nothing of it is under way."""
    async with asyncio.timeout(20):
        while True:
            history = await aftercare.clock(package).fetch_history()
            if history.events[-1].HasField("timer_started_event_attributes"):
                return
            await asyncio.sleep(0.05)

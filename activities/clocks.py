"""An advisory clock's steps: what it waits for, what it reminds of, what it does in the end."""

from temporalio import activity

from activities.supply_chain.aftercare_ports import Findings, Verdicts
from schema.contracts.aftercare import (
    ClockMoment,
    ClockResult,
    ClockState,
    Reminder,
    VersionRef,
)


class ClockActivities:
    """Looks at the findings of one version."""

    def __init__(self, findings: Findings, verdicts: Verdicts) -> None:
        self._findings = findings
        self._verdicts = verdicts

    @activity.defn(name="clocks.state")
    async def state(self, version: VersionRef) -> ClockState:
        """When the first of the open findings is due.

        Effect: none.
        Same twice: the newest answer counts.
        Gives up on: nothing.
        Heartbeat: none; one read.
        """
        return await self._findings.clock(version)

    @activity.defn(name="clocks.remind")
    async def remind(self, reminder: Reminder) -> None:
        """Tell the maker how much time is left.

        Effect: one notification in the outbox.
        Same twice: its reference holds version, due time and days, so it is written once.
        Gives up on: nothing.
        Heartbeat: none; one short transaction.
        """
        await self._findings.remind(reminder)

    @activity.defn(name="clocks.expire")
    async def expire(self, moment: ClockMoment) -> ClockResult:
        """Decide once more, and delist the version if what is due still refuses it.

        Effect: findings in line with the verdict; the version delisted, log and outbox written, in
            one transaction.
        Same twice: a version that is delisted has no open findings left.
        Gives up on: nothing; it waits for the database as long as it takes.
        Heartbeat: none; a check has a time limit of its own.
        """
        ref = VersionRef(spell_key=moment.spell_key, version=moment.version)
        version = await self._findings.find(ref)
        decision = await self._verdicts.decide(version.package_digest)
        change = await self._findings.apply(ref, decision, delist_at=moment.at)
        return ClockResult(delisted=change.delisted)

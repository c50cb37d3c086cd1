"""Re-scans: every published version is decided on again by what is known now."""

from temporalio import activity

from activities.supply_chain.aftercare_ports import AdvisoryClocks, Findings, Verdicts
from activities.supply_chain.ports import SupplyChainLog
from schema.contracts.aftercare import (
    FindingsChange,
    ListedVersion,
    RescannedPage,
    RescanPage,
    RescanReport,
    RescanSummary,
    VersionRef,
)
from schema.contracts.supply_chain import Decision
from schema.contracts.supply_chain_log import PLATFORM_ACTOR, DeedKind, LogEntry
from schema.errors import SpellError
from schema.supply_chain.findings import refuses_otherwise

VERSIONS_PER_PAGE = 100
ATTEMPTS_MAX = 8
"""How often a page is tried for the sake of one version: about four minutes of trouble."""


class RescanningActivities:
    """Looks at published versions again."""

    def __init__(
        self, findings: Findings, verdicts: Verdicts, clocks: AdvisoryClocks, log: SupplyChainLog
    ) -> None:
        self._findings = findings
        self._verdicts = verdicts
        self._clocks = clocks
        self._log = log

    @activity.defn(name="rescanning.look")
    async def look(self, page: RescanPage) -> RescannedPage:
        """Decide again on one page of versions, and bring their findings in line.

        Effect: verdicts recorded; findings opened and closed, versions listed again, log and outbox
            written, one transaction for each version; the clocks of open findings run.
        Same twice: a verdict is made once; findings that are in line stay as they are.
        Gives up on: nothing; a version that cannot be decided on is tried with its page again, and
            then left to the next re-scan, so that it is in nobody's way.
        Heartbeat: after each version.
        """
        report = RescanReport()
        versions = await self._findings.listed(page.after, limit=VERSIONS_PER_PAGE)
        for version in versions:
            report = report.plus(await self._look_at(version))
            activity.heartbeat(version.spell_key, version.version)
        return RescannedPage(report=report, last=_ref(versions[-1]) if versions else None)

    @activity.defn(name="rescanning.conclude")
    async def conclude(self, summary: RescanSummary) -> None:
        """Write the re-scan down.

        Effect: one entry of the supply-chain log.
        Same twice: the reference is the re-scan's own, so the second changes nothing.
        Gives up on: nothing.
        Heartbeat: none; one insert.
        """
        await self._log.append(
            LogEntry(
                reference=summary.reference,
                kind=DeedKind.RESCANNED,
                actor=PLATFORM_ACTOR,
                details=summary.report.model_dump(),
            )
        )

    async def _look_at(self, version: ListedVersion) -> RescanReport:
        try:
            return await self._decide_on(version)
        except Exception as error:
            if activity.info().attempt < ATTEMPTS_MAX or _is_away(error):
                raise
            named = f"{version.spell_key} {version.version}"
            activity.logger.error("no verdict on %s: %s", named, type(error).__name__)
            return RescanReport(looked_at=1, undecided=1)

    async def _decide_on(self, version: ListedVersion) -> RescanReport:
        decision = await self._verdicts.decide(version.package_digest)
        change = await self._findings.apply(_ref(version), decision)
        if change.open or change.closed:
            # The clock that waited for what is closed now has to look again, too.
            await self._clocks.ensure(_ref(version))
        return _report_of(decision, change)


def _is_away(error: Exception) -> bool:
    return isinstance(error, SpellError) and error.code == "SERVICE_UNAVAILABLE"


def _report_of(decision: Decision, change: FindingsChange) -> RescanReport:
    return RescanReport(
        looked_at=1,
        opened=len(change.opened),
        closed=len(change.closed),
        relisted=int(change.relisted),
        refused_otherwise=int(refuses_otherwise(decision.reasons)),
    )


def _ref(version: ListedVersion) -> VersionRef:
    return VersionRef(spell_key=version.spell_key, version=version.version)

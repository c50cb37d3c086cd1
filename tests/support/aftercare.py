"""What comes after publishing, on a test's own Temporal: real activities, real Postgres."""

import uuid
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import text
from temporalio import activity
from temporalio.client import Client, WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.worker import Interceptor, Worker

from activities.clocks import ClockActivities
from activities.notifying import NotifyingActivities
from activities.rescanning import RescanningActivities
from infra.postgres import Database, row_dict
from infra.repositories.budget_alerts import PostgresAlertTeller
from infra.repositories.decisions import record_decision
from infra.repositories.findings import PostgresFindings
from infra.repositories.notification_channels import PostgresNotificationChannels
from infra.repositories.notifications import PostgresOutbox
from infra.repositories.supply_chain_log import PostgresSupplyChainLog
from infra.temporal_aftercare import TemporalAftercare
from schema.contracts.advisories import ImportOrder, ImportReport
from schema.contracts.aftercare import ClockResult, RescanInput, RescanReport, VersionRef
from schema.contracts.notifications import ChannelKind, Delivery
from schema.contracts.publish import InspectedPackage
from schema.contracts.supply_chain import Decision, Evidence, Reason, Severity
from schema.errors import SpellError
from schema.ids import clock_workflow_id
from schema.supply_chain.reasons import reason
from tests.support.platform import make_vault
from workflows.advisory_clock import AdvisoryClock
from workflows.deliver_notification import DeliverNotification
from workflows.relay_notifications import RelayNotifications
from workflows.rescan_versions import RescanVersions

GRACE = timedelta(days=14)


def vulnerable(
    advisory: str = "GHSA-aaaa",
    *aliases: str,
    purl: str = "pkg:pypi/jinja2@2.10",
    severity: Severity = Severity.REFUSE,
    **details: Any,
) -> Reason:
    """What the gate says of a component with a vulnerability."""
    return reason(
        "ADVISORY_CRITICAL",
        f"{purl} has {advisory}.",
        severity=severity,
        subject=purl,
        details={"advisory": advisory, "aliases": list(aliases), **details},
    )


class ScriptedVerdicts:
    """The gate, saying what the test wants of each package; recorded like the real one's."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.reasons: dict[str, list[Reason]] = {}
        self.snapshot = "2026-11-25#1"
        self.stumbles_over: set[str] = set()

    def say(self, package: InspectedPackage, *reasons: Reason) -> None:
        self.snapshot = f"2026-11-25#{uuid.uuid4()}"
        self.reasons[package.package_digest] = list(reasons)

    async def decide(self, package_digest: str) -> Decision:
        if package_digest in self.stumbles_over:
            raise ValueError("nothing can be read of this one")
        decision = a_decision(package_digest, self.reasons.get(package_digest, []), self.snapshot)
        async with self._database.transaction() as connection:
            await record_decision(connection, decision)
        return decision


def a_decision(package_digest: str, reasons: Sequence[Reason], snapshot: str) -> Decision:
    return Decision(
        package_digest=package_digest,
        passed=not any(one.severity is Severity.REFUSE for one in reasons),
        evidence=Evidence(policy="test", trust_root="none", snapshot=snapshot),
        reasons=list(reasons),
    )


class RecordingChannel:
    """A channel that fails as often as the test wants, then takes everything."""

    def __init__(self) -> None:
        self.failures: list[str] = []
        self.taken: list[Delivery] = []
        self.attempts: list[str] = []

    async def send(self, delivery: Delivery) -> None:
        self.attempts.append(delivery.notification.id)
        if self.failures:
            # As errors of mail servers do, this one quotes where it was to go to.
            raise SpellError(self.failures.pop(0), "not now") from ConnectionError(
                delivery.destination.address
            )
        self.taken.append(delivery)


class NoImport:
    """Sources that are away."""

    def __init__(self) -> None:
        self.asked = 0

    @activity.defn(name="advisories.import_advisories")
    async def import_advisories(self, order: ImportOrder) -> ImportReport:
        del order
        self.asked += 1
        raise ApplicationError("no source answers", non_retryable=True)


@dataclass
class Aftercare:
    """Everything that re-scans, clocks and notifications need."""

    client: Client
    database: Database
    grace: timedelta = GRACE
    interceptors: list[Interceptor] = field(default_factory=list)
    task_queue: str = field(default_factory=lambda: f"supply-chain-{uuid.uuid4()}")

    def __post_init__(self) -> None:
        vault = make_vault()
        self.verdicts = ScriptedVerdicts(self.database)
        self.channel = RecordingChannel()
        self.imports = NoImport()
        self.findings = PostgresFindings(self.database, self.grace)
        self.channels = PostgresNotificationChannels(self.database, vault, frozenset(ChannelKind))
        self.outbox = PostgresOutbox(self.database, vault)
        self.temporal = TemporalAftercare(self.client, self.task_queue)

    def worker(self) -> AbstractAsyncContextManager[Any]:
        """A new worker; leaving its context ends it."""
        log = PostgresSupplyChainLog(self.database)
        rescanning = RescanningActivities(self.findings, self.verdicts, self.temporal, log)
        clocks = ClockActivities(self.findings, self.verdicts)
        notifying = NotifyingActivities(
            self.outbox,
            self.temporal,
            dict.fromkeys(ChannelKind, self.channel),
            PostgresAlertTeller(self.database),
        )
        return Worker(
            self.client,
            task_queue=self.task_queue,
            workflows=[RescanVersions, AdvisoryClock, RelayNotifications, DeliverNotification],
            activities=[
                *(rescanning.look, rescanning.conclude, self.imports.import_advisories),
                *(clocks.state, clocks.remind, clocks.expire),
                *(notifying.relay, notifying.deliver, notifying.bury),
            ],
            interceptors=self.interceptors,
            # So that another worker goes on at once with what this one leaves.
            max_cached_workflows=0,
        )

    async def rescan(self, *, import_first: bool = False) -> RescanReport:
        """One whole re-scan."""
        return await self.client.execute_workflow(
            RescanVersions.run,
            RescanInput(import_first=import_first),
            id=f"rescan-{uuid.uuid4()}",
            task_queue=self.task_queue,
        )

    def clock(self, package: InspectedPackage) -> WorkflowHandle[Any, Any]:
        """The clock of a version."""
        return self.client.get_workflow_handle(
            clock_workflow_id(package.spell_key, package.version), result_type=ClockResult
        )

    async def state(self, package: InspectedPackage) -> str:
        """The version's state."""
        rows = await self._rows(
            "SELECT state FROM spell_versions WHERE spell_key = :spell_key AND version = :version",
            package,
        )
        return str(rows[0]["state"])

    async def ends(self, package: InspectedPackage) -> list[str | None]:
        """How each finding of the version was closed; None while it is open."""
        rows = await self._rows(
            "SELECT closed_as FROM version_findings WHERE spell_key = :spell_key"
            " AND version = :version ORDER BY id",
            package,
        )
        return [row["closed_as"] for row in rows]

    async def deeds(self, package: InspectedPackage) -> list[str]:
        """The kinds of what was logged of the version."""
        rows = await self._rows(
            "SELECT kind FROM supply_chain_log WHERE spell_key = :spell_key"
            " AND version = :version ORDER BY id",
            package,
        )
        return [row["kind"] for row in rows]

    async def told(self, package: InspectedPackage) -> list[dict[str, Any]]:
        """The notifications of the version, in the order of their writing."""
        return await self._rows(
            "SELECT * FROM notifications WHERE spell_key = :spell_key AND version = :version"
            " ORDER BY created_at, kind",
            package,
        )

    async def _rows(self, statement: str, package: InspectedPackage) -> list[dict[str, Any]]:
        async with self.database.reading() as connection:
            rows = await connection.execute(text(statement), ref(package).model_dump())
            return [row_dict(row) for row in rows]


def ref(package: InspectedPackage) -> VersionRef:
    return VersionRef(spell_key=package.spell_key, version=package.version)

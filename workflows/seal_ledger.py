"""The ledger stays provable: its transfers are sealed within seconds."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.ledger import LedgerActivities
    from schema.contracts.ledger import SealReport
    from workflows import _policies as policies


@workflow.defn(name="seal_ledger")
class SealLedger:
    """Seal the ledger for a minute; a schedule starts it every minute, one at a time.

    Id: `seal-ledger-<time>`, given by the schedule `seal-ledger`.
    Messages: none.
    Undo: none; a seal is append-only, as what it covers.
    Never: changes a transfer; leaves a gap between two seals.
    See docs/workflows/seal_ledger.md.
    """

    @workflow.run
    async def run(self) -> SealReport:
        """Seal, report."""
        report: SealReport = await workflow.execute_activity_method(
            LedgerActivities.seal, **policies.SEAL
        )
        if report.seals:
            workflow.set_current_details(f"sealed {report.rows} transfers")
        return report

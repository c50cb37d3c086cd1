"""Goal: code of today goes on with casts of yesterday. Method: replay recorded histories.

`make histories` records them anew: only together with `workflow.patched`, or when nothing runs.
"""

from pathlib import Path

import pytest
from temporalio.client import Client, WorkflowHistory
from temporalio.converter import DataConverter
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Replayer

from infra.blob_store import ObjectBlobStore
from infra.postgres import Database
from infra.temporal import data_converter
from tests.support.platform import make_vault
from tests.support.scenarios import SCENARIOS
from workflows.advisory_clock import AdvisoryClock
from workflows.apply_revocation import ApplyRevocation
from workflows.cancel_late_run import CancelLateRun
from workflows.cast_on_schedule import CastOnSchedule
from workflows.cast_spell import CastSpell
from workflows.deliver_notification import DeliverNotification
from workflows.deliver_webhook import DeliverWebhook
from workflows.publish_spell import PublishSpell
from workflows.purchase_clone import PurchaseClone
from workflows.reconcile_purchases import ReconcilePurchases
from workflows.relay_notifications import RelayNotifications
from workflows.relay_stripe_events import RelayStripeEvents
from workflows.relay_webhooks import RelayWebhooks
from workflows.replay_cast import ReplayCast
from workflows.rescan_versions import RescanVersions
from workflows.return_late_payment import ReturnLatePayment
from workflows.run_actions import RunActions
from workflows.seal_ledger import SealLedger
from workflows.tidy_actions import TidyActions
from workflows.tidy_artifacts import TidyArtifacts

WORKFLOWS = [
    *(ApplyRevocation, CastOnSchedule, CastSpell, PublishSpell, ReplayCast),
    *(RunActions, CancelLateRun, SealLedger, TidyActions),
    *(RescanVersions, TidyArtifacts, AdvisoryClock, RelayNotifications, DeliverNotification),
    *(DeliverWebhook, RelayWebhooks, RelayStripeEvents),
    *(PurchaseClone, ReconcilePurchases, ReturnLatePayment),
]
HISTORIES = Path(__file__).parent.parent / "replay" / "histories"


@pytest.fixture
def client(fresh: WorkflowEnvironment) -> Client:
    """A clock of each test's own: what others leave open keeps a shared one from skipping."""
    return fresh.client


@pytest.fixture
def converter(tmp_path: Path) -> DataConverter:
    return data_converter(make_vault(), ObjectBlobStore(f"file://{tmp_path}"))


def replayer(converter: DataConverter) -> Replayer:
    return Replayer(workflows=WORKFLOWS, data_converter=converter)


def test_every_scenario_has_a_recorded_history() -> None:
    assert {path.stem for path in HISTORIES.glob("*.json")} == set(SCENARIOS)


@pytest.mark.parametrize("name", SCENARIOS)
async def test_a_saved_history_still_replays(name: str, converter: DataConverter) -> None:
    saved = (HISTORIES / f"{name}.json").read_text("utf-8")
    await replayer(converter).replay_workflow(WorkflowHistory.from_json(f"saved-{name}", saved))


@pytest.mark.parametrize("name", SCENARIOS)
async def test_a_fresh_history_replays(
    name: str, client: Client, database: Database, converter: DataConverter
) -> None:
    handle = await SCENARIOS[name](client, database)
    await replayer(converter).replay_workflow(await handle.fetch_history())


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_history_holds_nothing_readable(name: str) -> None:
    saved = (HISTORIES / f"{name}.json").read_text("utf-8")
    for word in ("inputs_json", "com.example.spell", "idempotency", "injected after"):
        assert word not in saved

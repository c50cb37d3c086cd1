"""The queue of runs on GitHub Actions."""

from datetime import timedelta

from temporalio.worker import Worker

from activities import ports
from activities.actions import ActionsActivities
from activities.actions_collecting import ActionsCollector
from activities.actions_ports import ActionsHost
from activities.actions_progress import ActionsProgress
from activities.artifact_ports import ArtifactStore
from activities.github_threads import GitHubThreads
from activities.judging import OutputJudge
from activities.purging import PurgingActivities
from activities.supply_chain.deciding import Deciding
from infra.github.actions_host import GitHubActions
from infra.github.app import GitHubApp
from infra.platform import Platform, postgres_casts_of
from infra.repositories.actions_runs import PostgresActionsRuns
from infra.repositories.github_deliveries import PostgresGitHubDeliveries
from infra.repositories.github_device_codes import PostgresGitHubDeviceCodes
from infra.repositories.run_inputs import StoredRunInputs
from infra.run_bus import NatsRunBus
from infra.settings import PlatformSettings
from schema.names import GITHUB_TASK_QUEUE
from workflows.cancel_late_run import CancelLateRun
from workflows.run_actions import RunActions
from workflows.tidy_actions import TidyActions

# Calls are bounded by their threads; activities that wait for one cost little.
_ACTIVITIES_AT_ONCE = 200


def github_worker(
    platform: Platform,
    checker: ports.SchemaChecker,
    deciding: Deciding,
    artifacts: ArtifactStore,
    grace: timedelta,
) -> Worker:
    """The worker of runs on GitHub Actions. Without an App it says that there is no such mode.

    Args:
        platform: open connections and settings.
        checker: of schemas and values.
        deciding: verdicts on what is to be cast.
        artifacts: keeps what runs leave.
        grace: how long it may finish what it does when it is stopped.
    """
    database, blobs, vault = platform.database, platform.blobs, platform.vault
    casts, bus, threads = (
        postgres_casts_of(platform, deciding),
        NatsRunBus(platform.nats),
        GitHubThreads(),
    )
    host = actions_host_of(platform.settings)
    judge = OutputJudge(casts, checker)
    collector = (
        None if host is None else ActionsCollector(host, threads, judge, artifacts, blobs, vault)
    )
    inputs = StoredRunInputs(database, blobs, vault, platform.settings.public_url)
    codes = PostgresGitHubDeviceCodes(database, vault)
    purging = PurgingActivities(inputs, PostgresGitHubDeliveries(database), codes)
    actions = ActionsActivities(
        host,
        PostgresActionsRuns(database),
        inputs,
        ActionsProgress(casts, bus, vault),
        collector,
        threads,
        vault,
    )
    return Worker(
        platform.temporal,
        task_queue=GITHUB_TASK_QUEUE,
        workflows=[RunActions, CancelLateRun, TidyActions],
        activities=[
            actions.check,
            actions.dispatch,
            actions.find,
            actions.look,
            actions.cancel,
            actions.collect,
            actions.abandon,
            purging.actions,
        ],
        max_concurrent_activities=_ACTIVITIES_AT_ONCE,
        graceful_shutdown_timeout=grace,
    )


def actions_host_of(settings: PlatformSettings) -> ActionsHost | None:
    """GitHub as the platform's App sees it; None where there is no App."""
    if not settings.github_app_id or settings.github_app_key is None:
        return None
    return GitHubActions(
        GitHubApp(
            api_url=settings.github_api_url,
            pages_url=settings.github_url,
            app_id=settings.github_app_id,
            slug=settings.github_app_slug,
            key=settings.github_app_key.get_secret_value(),
        )
    )

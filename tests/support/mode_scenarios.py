"""One cast for every way that only casts in other modes have, and one look at what they leave."""

from contextlib import suppress
from typing import Any

from temporalio import activity
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.worker import Worker

from infra.postgres import Database
from tests.support.actions import (
    ACTIONS_FIRST,
    ON_ACTIONS,
    SERVICE_FIRST,
    TARGET,
    ScriptedGitHub,
    ended,
)
from tests.support.builders import a_cast, make_person, publish
from tests.support.platform import CastingPlatform, admit, cancel
from tests.support.publishing import ScriptedPublishing
from workflows.tidy_actions import TidyActions

Handle = WorkflowHandle[Any, Any]


async def _cast(
    platform: CastingPlatform,
    github: ScriptedGitHub,
    package: dict[str, Any],
    *,
    stop: bool = False,
) -> Handle:
    """Run a cast of such a package to its end, or to the caller's cancel once its run is there."""
    database = platform.database
    spell = await publish(database, await make_person(database), **package)
    caster = await make_person(database, credit_micros=1_000_000)
    request = a_cast(caster, spell.spell_key)
    async with platform.worker, github.worker:
        handle = await platform.start(request)
        await admit(handle, request)
        if stop:
            await github.until_ordered()
            await cancel(handle)
        with suppress(WorkflowFailureError):
            await handle.result()
    return handle


async def cast_on_actions_succeeded(client: Client, database: Database) -> Handle:
    return await _cast(CastingPlatform(client, database), ScriptedGitHub(client), ON_ACTIONS)


async def cast_on_actions_refused(client: Client, database: Database) -> Handle:
    """GitHub's word, before money is held."""
    github = ScriptedGitHub(client, refusal="FORBIDDEN_REPO")
    return await _cast(CastingPlatform(client, database), github, ON_ACTIONS)


async def cast_on_actions_failed(client: Client, database: Database) -> Handle:
    github = ScriptedGitHub(client, script=lambda _: ended("SPELL_FAILED"))
    return await _cast(CastingPlatform(client, database), github, ON_ACTIONS)


async def cast_on_actions_cancelled(client: Client, database: Database) -> Handle:
    github = ScriptedGitHub(client, script=lambda _: None)
    return await _cast(CastingPlatform(client, database), github, ON_ACTIONS, stop=True)


async def cast_fell_back_at_the_check(client: Client, database: Database) -> Handle:
    """From GitHub Actions to the fleet, before anything was asked for."""
    github = ScriptedGitHub(client, refusal="SERVICE_UNAVAILABLE")
    return await _cast(CastingPlatform(client, database), github, ACTIONS_FIRST)


async def cast_fell_back_to_service(client: Client, database: Database) -> Handle:
    """From GitHub Actions to the fleet, when no job had begun in time."""
    github = ScriptedGitHub(client, script=lambda _: ended("QUEUE_TIMEOUT", ran_ms=None))
    return await _cast(CastingPlatform(client, database), github, ACTIONS_FIRST)


async def cast_fell_back_to_actions(client: Client, database: Database) -> Handle:
    """From the fleet to GitHub Actions, when no runner took it."""
    platform = CastingPlatform(client, database, lambda _: None, queue_seconds=0)
    return await _cast(platform, ScriptedGitHub(client), SERVICE_FIRST)


async def publish_on_actions_succeeded(client: Client, database: Database) -> Handle:
    del database
    return await _publish(client)


async def publish_on_actions_refused(client: Client, database: Database) -> Handle:
    """The repository is not the maker's."""
    del database
    return await _publish(client, repositories="FORBIDDEN_REPO")


async def _publish(client: Client, **refuse: str) -> Handle:
    platform = ScriptedPublishing(client, refuse, TARGET)
    async with platform.worker:
        handle = await platform.start()
        await handle.result()
    return handle


@activity.defn(name="purging.actions")
async def _purged() -> int:
    return 3


async def tidy_actions_succeeded(client: Client, database: Database) -> Handle:
    del database
    queue = "tidy-actions"
    async with Worker(client, task_queue=queue, workflows=[TidyActions], activities=[_purged]):
        handle = await client.start_workflow(TidyActions.run, id="tidy-actions-1", task_queue=queue)
        await handle.result()
    return handle


MODE_SCENARIOS = (
    cast_on_actions_succeeded,
    cast_on_actions_refused,
    cast_on_actions_failed,
    cast_on_actions_cancelled,
    cast_fell_back_at_the_check,
    cast_fell_back_to_service,
    cast_fell_back_to_actions,
    publish_on_actions_succeeded,
    publish_on_actions_refused,
    tidy_actions_succeeded,
)

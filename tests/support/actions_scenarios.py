"""One run of each workflow about GitHub Actions for every way it can end."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from temporalio.client import Client, WorkflowFailureError, WorkflowHandle

from infra.postgres import Database
from schema.contracts.problem import Problem
from schema.errors import SpellError
from tests.support.actions_platform import ActionsPlatform, ToldGitHub

Handle = WorkflowHandle[Any, Any]
Stop = Callable[[Handle], Awaitable[object]]


async def _run(
    client: Client, database: Database, github: ToldGitHub, stop: Stop | None = None
) -> Handle:
    platform = ActionsPlatform(client, database, github, timeout_ms=120_000)
    order = platform.order()
    async with platform.worker:
        handle = await platform.start(order)
        if stop is not None:
            await platform.until_began(order)
            await stop(handle)
        with suppress(WorkflowFailureError):
            await handle.result()
        await platform.late_run(order)
    return handle


async def actions_succeeded(client: Client, database: Database) -> Handle:
    """No webhook comes: it is found out by polling."""
    return await _run(client, database, ToldGitHub(looks=4))


async def actions_failed(client: Client, database: Database) -> Handle:
    return await _run(client, database, ToldGitHub("failure"))


async def actions_hinted(client: Client, database: Database) -> Handle:
    async def hint(handle: Handle) -> None:
        await handle.signal("run_changed")

    return await _run(client, database, ToldGitHub(looks=3), hint)


async def actions_cancelled(client: Client, database: Database) -> Handle:
    async def stop(handle: Handle) -> None:
        await handle.signal("stop", Problem.of(SpellError("CAST_CANCELLED")))

    return await _run(client, database, ToldGitHub(None), stop)


async def actions_abandoned(client: Client, database: Database) -> Handle:
    """The cast's workflow is gone: its child is cancelled, and leaves the run to another."""

    async def cancel(handle: Handle) -> None:
        await handle.cancel()

    return await _run(client, database, ToldGitHub(None), cancel)


async def actions_timed_out(client: Client, database: Database) -> Handle:
    return await _run(client, database, ToldGitHub(None))


async def actions_dispatch_unknown(client: Client, database: Database) -> Handle:
    github = ToldGitHub(None)
    github.dispatch_errors, github.appears_after = [SpellError("DISPATCH_UNKNOWN")], 30
    return await _run(client, database, github)


async def actions_dispatch_refused(client: Client, database: Database) -> Handle:
    github = ToldGitHub()
    github.dispatch_errors = [SpellError("FORBIDDEN_REPO")]
    return await _run(client, database, github)


async def actions_dispatch_stopped(client: Client, database: Database) -> Handle:
    async def stop(handle: Handle) -> None:
        await handle.signal("stop", Problem.of(SpellError("SPELL_REVOKED")))

    return await _limited(client, database, stop)


async def actions_dispatch_cancelled(client: Client, database: Database) -> Handle:
    async def cancel(handle: Handle) -> None:
        await handle.cancel()

    return await _limited(client, database, cancel)


async def _limited(client: Client, database: Database, stop: Stop) -> Handle:
    """Stopped while a rate limit is waited out."""
    github = ToldGitHub()
    github.dispatch_errors = [SpellError("RATE_LIMITED", retry_after=600)]
    platform = ActionsPlatform(client, database, github)
    order = platform.order()
    async with platform.worker:
        handle = await platform.start(order)
        await platform.until_refused(order)
        await stop(handle)
        with suppress(WorkflowFailureError):
            await handle.result()
        await platform.late_run(order)
    return handle


async def actions_run_deleted(client: Client, database: Database) -> Handle:
    github = ToldGitHub()
    github.look_errors = [SpellError("ACTIONS_RUN_LOST")]
    return await _run(client, database, github)


async def late_run_cancelled(client: Client, database: Database) -> Handle:
    github = ToldGitHub(None)
    github.appears_after = 3
    platform = ActionsPlatform(client, database, github)
    order = platform.order()
    async with platform.worker:
        await platform.dispatch_and_die(order)
        handle = await platform.cancel_late(order)
        await handle.result()
    return handle


ACTIONS_SCENARIOS = (
    actions_succeeded,
    actions_failed,
    actions_hinted,
    actions_cancelled,
    actions_abandoned,
    actions_timed_out,
    actions_dispatch_unknown,
    actions_dispatch_refused,
    actions_dispatch_stopped,
    actions_dispatch_cancelled,
    actions_run_deleted,
    late_run_cancelled,
)

"""Maker's secrets on the way of a cast: checked at admission, sealed to the fleet, nowhere else."""

import base64
import json
import secrets
from typing import Any

import pytest
from nacl.public import SealedBox
from temporalio.client import Client, WorkflowFailureError
from temporalio.exceptions import ApplicationError

from infra.postgres import Database
from schema.contracts.cast import Billing, CastStatus
from schema.contracts.run import RunPolicy, RunRequest, Verdict
from tests.support.builders import Person, a_cast, make_person, publish
from tests.support.histories import readable
from tests.support.money import assert_books_balance, credit_left, open_holds
from tests.support.platform import RUNNER_KEY, CastingPlatform, admit, make_vault, verdict_for

CREDIT = 10_000


def opened(request: RunRequest) -> dict[str, str] | None:
    """What the runner makes of the sealed environment."""
    if request.sealed_environment is None:
        return None
    box = base64.b64decode(request.sealed_environment)
    environment: dict[str, str] = json.loads(SealedBox(RUNNER_KEY).decrypt(box))
    return environment


class Fleet:
    """A runner that notes the runs as they stand on the bus."""

    def __init__(self) -> None:
        self.requests: list[RunRequest] = []

    def __call__(self, request: RunRequest) -> Verdict:
        self.requests.append(request)
        return verdict_for(request)


async def given(database: Database, *names: str) -> tuple[str, Person, Person]:
    """A spell that names these variables, its maker, and a caster."""
    maker = await make_person(database)
    spell = await publish(database, maker, policy=RunPolicy(env_vars=list(names)))
    return spell.spell_key, maker, await make_person(database, credit_micros=CREDIT)


async def test_the_run_gets_the_named_secrets_and_no_other(
    client: Client, database: Database
) -> None:
    key, maker, caster = await given(database, "TOKEN", "REGION")
    fleet = Fleet()
    platform = CastingPlatform(client, database, fleet)
    for name in ("TOKEN", "REGION", "UNNAMED"):
        await platform.secrets.set(maker.account_id, key, name, f"value of {name}")
    async with platform.worker:
        result = await (await platform.start(a_cast(caster, key))).result()
    assert result.status is CastStatus.SUCCEEDED
    (request,) = fleet.requests
    assert opened(request) == {"TOKEN": "value of TOKEN", "REGION": "value of REGION"}


async def test_a_spell_without_variables_gets_no_environment(
    client: Client, database: Database
) -> None:
    key, maker, caster = await given(database)
    fleet = Fleet()
    platform = CastingPlatform(client, database, fleet)
    await platform.secrets.set(maker.account_id, key, "UNNAMED", "x")
    async with platform.worker:
        await (await platform.start(a_cast(caster, key))).result()
    assert [request.sealed_environment for request in fleet.requests] == [None]


async def test_a_secret_that_is_not_set_refuses_the_cast_before_any_money_is_held(
    client: Client, database: Database
) -> None:
    key, maker, caster = await given(database, "TOKEN", "REGION")
    fleet = Fleet()
    platform = CastingPlatform(client, database, fleet)
    await platform.secrets.set(maker.account_id, key, "REGION", "x")
    async with platform.worker:
        request = a_cast(caster, key)
        handle = await platform.start(request)
        admission = await admit(handle, request)
        result = await handle.result()
    assert admission.problem is not None
    assert admission.problem.code == "SECRET_MISSING"
    assert admission.problem.details == {"names": ["TOKEN"]}
    assert result.billing is Billing.RELEASED
    assert fleet.requests == []
    assert await credit_left(database, caster) == CREDIT


async def test_a_changed_secret_counts_from_the_next_cast(
    client: Client, database: Database
) -> None:
    key, maker, caster = await given(database, "TOKEN")
    fleet = Fleet()
    platform = CastingPlatform(client, database, fleet)
    async with platform.worker:
        for value in ("old", "new"):
            await platform.secrets.set(maker.account_id, key, "TOKEN", value)
            await (await platform.start(a_cast(caster, key))).result()
    assert [opened(request) for request in fleet.requests] == [{"TOKEN": "old"}, {"TOKEN": "new"}]


async def test_a_secret_removed_after_admission_fails_the_cast_uncharged(
    client: Client, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Method: it is there when admission looks, and gone when the run is put on the bus."""
    key, maker, caster = await given(database, "TOKEN")
    fleet = Fleet()
    platform = CastingPlatform(client, database, fleet)
    await platform.secrets.set(maker.account_id, key, "TOKEN", "x")
    hold = platform.casts.hold

    async def hold_and_remove(*arguments: Any) -> Any:
        admission = await hold(*arguments)
        await platform.secrets.remove(maker.account_id, key, "TOKEN")
        return admission

    monkeypatch.setattr(platform.casts, "hold", hold_and_remove)
    async with platform.worker:
        request = a_cast(caster, key)
        handle = await platform.start(request)
        assert (await admit(handle, request)).accepted
        with pytest.raises(WorkflowFailureError) as failed:
            await handle.result()
    assert isinstance(failed.value.cause, ApplicationError)
    assert failed.value.cause.type == "SECRET_MISSING"
    assert fleet.requests == []
    assert await credit_left(database, caster) == CREDIT
    assert await open_holds(database, caster) == 0
    await assert_books_balance(database)


async def test_no_history_holds_a_secret_even_decrypted(client: Client, database: Database) -> None:
    """Method: what is in the history for certain, the inputs, shows that the search can find."""
    key, maker, caster = await given(database, "TOKEN")
    fleet = Fleet()
    platform = CastingPlatform(client, database, fleet)
    marker = secrets.token_hex(16)
    await platform.secrets.set(maker.account_id, key, "TOKEN", marker)
    async with platform.worker:
        handle = await platform.start(a_cast(caster, key, inputs_json='{"seen":"inputs-marker"}'))
        await handle.result()
        text = await readable(await handle.fetch_history(), make_vault())
    assert opened(fleet.requests[0]) == {"TOKEN": marker}
    assert "inputs-marker" in text
    assert marker not in text

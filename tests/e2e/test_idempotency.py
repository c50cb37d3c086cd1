"""One Idempotency-Key, one answer: while the cast runs, after it, and for refusals, too."""

from typing import Any

import pytest

from tests.support.e2e import Caster, WholePlatform, fresh_key, problem


async def test_a_repeated_request_gets_the_first_answer_and_says_so(
    platform: WholePlatform, caster: Caster
) -> None:
    spell, key = await platform.spell("echo"), fresh_key()
    first = await caster.cast(spell, {"b": 1, "a": 1.0}, key=key)
    assert "idempotent-replayed" not in first.headers
    await caster.followed(first.json()["cast_id"])
    again = await caster.cast(spell, {"a": 1, "b": 1}, key=key)
    assert again.status_code == 202
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["location"] == first.headers["location"]
    assert again.json() == first.json(), "the same JSON, whatever the order of its members"


async def test_a_repeated_request_that_waits_gets_the_finished_cast(
    platform: WholePlatform, caster: Caster
) -> None:
    spell, key = await platform.spell("echo"), fresh_key()
    first = await caster.cast(spell, 1, key=key, wait=30)
    again = await caster.cast(spell, 1, key=key, wait=30)
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json() == first.json()


@pytest.mark.parametrize(
    "change",
    [
        {"inputs": 2},
        {"version": "1.0.0"},
        {"mode": "service"},
        {"budget_cap": {"micros": 900_000}},
    ],
    ids=lambda change: next(iter(change)),
)
async def test_another_body_under_the_same_key_is_a_conflict_while_running_and_after(
    platform: WholePlatform, caster: Caster, change: dict[str, Any]
) -> None:
    spell, key = await platform.spell("sleeper"), fresh_key()
    admitted = await caster.admitted(spell, 1, key=key)
    other = {"inputs": 1, **change}
    for _ in ("while it runs", "after it ended"):
        answer = await caster.post(
            f"/v1/spells/{spell}:cast", json=other, headers={"Idempotency-Key": key}
        )
        conflict = problem(answer, 409, "IDEMPOTENCY_CONFLICT")
        assert conflict["details"] == {"cast_id": admitted["cast_id"]}
        await caster.post(f"/v1/casts/{admitted['cast_id']}:cancel")
    assert len((await caster.get("/v1/casts")).json()["items"]) == 1


async def test_the_same_key_for_another_spell_is_a_conflict(
    platform: WholePlatform, caster: Caster
) -> None:
    key = fresh_key()
    await caster.ended(await platform.spell("echo"), 1, key=key)
    answer = await caster.cast(await platform.spell("free"), 1, key=key)
    problem(answer, 409, "IDEMPOTENCY_CONFLICT")


async def test_a_refusal_for_lack_of_money_is_replayed_for_its_key(
    platform: WholePlatform,
) -> None:
    """Money that comes later does not change an answer; a new key does."""
    poor = await platform.new_caster()
    spell, key = await platform.spell("echo"), fresh_key()
    first = await poor.cast(spell, 1, key=key)
    refused = problem(first, 402, "PAYMENT_REQUIRED")
    assert "idempotent-replayed" not in first.headers
    await platform.accounts.credit(poor.person.account_id, 10_000, "USD", reference=f"top-up-{key}")
    again = await poor.cast(spell, 1, key=key)
    assert again.headers["idempotent-replayed"] == "true"
    assert problem(again, 402, "PAYMENT_REQUIRED")["details"] == refused["details"]
    assert (await poor.ended(spell, 1))["status"] == "succeeded"


async def test_a_refusal_of_the_inputs_is_replayed_for_its_key(
    platform: WholePlatform, caster: Caster
) -> None:
    spell, key = await platform.spell("counted"), fresh_key()
    first = problem(await caster.cast(spell, {}, key=key), 422, "VALIDATION_ERROR")
    answer = await caster.cast(spell, {}, key=key)
    assert answer.headers["idempotent-replayed"] == "true"
    assert problem(answer, 422, "VALIDATION_ERROR")["details"] == first["details"]
    problem(await caster.cast(spell, {"count": 1}, key=key), 409, "IDEMPOTENCY_CONFLICT")
    assert (await caster.ended(spell, {"count": 1}))["status"] == "succeeded"


async def test_a_request_that_could_not_be_read_does_not_use_up_its_key(
    platform: WholePlatform, caster: Caster
) -> None:
    spell, key = await platform.spell("echo"), fresh_key()
    headers = {"Idempotency-Key": key, "Content-Type": "application/json"}
    path = f"/v1/spells/{spell}:cast"
    problem(await caster.post(path, content=b"{", headers=headers), 422, "VALIDATION_ERROR")
    answer = await caster.cast(spell, 1, key=key)
    assert (answer.status_code, "idempotent-replayed" in answer.headers) == (202, False)


async def test_keys_of_the_longest_kind_are_taken(platform: WholePlatform, caster: Caster) -> None:
    key = (fresh_key() + "~" * 255)[:255]
    assert (await caster.ended(await platform.spell("free"), key=key))["status"] == "succeeded"

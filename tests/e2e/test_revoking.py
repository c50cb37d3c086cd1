"""Revoking: what is not trusted any more is not cast, and what runs of it stops, for free."""

import asyncio
import time

import httpx
import pytest
from sqlalchemy import text

from infra.nats_connection import open_nats
from schema.contracts.publish import PublishResult
from schema.contracts.revocation import RevocationKind
from schema.scopes import Scope
from tests.modules.guests import guest
from tests.support.e2e import Caster, Json, WholePlatform, fresh_spell, problem
from tests.support.e2e_packages import METERED, package, says
from tests.support.money import assert_books_balance
from tests.support.reports import print_table
from tests.support.revoking import signed

CREDIT = 10_000_000
ISSUER = signed().issuer


@pytest.fixture
async def operator(platform: WholePlatform) -> Caster:
    return await platform.new_caster(scopes=[Scope.DEPLOY])


@pytest.fixture
async def sleeper(maker: Caster) -> PublishResult:
    """A spell of its own that sleeps for long."""
    archive = package(
        fresh_spell(),
        guest("time"),
        pricing=METERED,
        entry="sleep_a_minute",
        deterministic=False,
        timeout_ms=50_000,
    )
    return await maker.publish(archive)


async def _sign(platform: WholePlatform, published: PublishResult) -> dict[RevocationKind, str]:
    """Note a signer of its own for the package; the values that it can be revoked by."""
    digest = published.package_digest
    signer = signed(identity=f"{digest[7:15]}@example.com", key_digest=f"sha256:{digest[:6:-1]}")
    async with platform.database.transaction() as connection:
        await connection.execute(
            text(
                "INSERT INTO verification_decisions (package_digest, policy, trust_root, snapshot,"
                " passed, reasons, signer) SELECT package_digest, policy, trust_root, 'signed',"
                " passed, reasons, CAST(:signer AS jsonb) FROM verification_decisions"
                " WHERE package_digest = :digest LIMIT 1"
            ),
            {"digest": digest, "signer": signer.model_dump_json()},
        )
    assert published.spell_key is not None
    return {
        RevocationKind.DIGEST: digest,
        RevocationKind.IDENTITY: signer.identity,
        RevocationKind.KEY: signer.key_digest,
        RevocationKind.SPELL: published.spell_key,
    }


async def _revoke(operator: Caster, kind: str, value: str) -> Json:
    body = {"trusted": {"kind": kind, "value": value}, "reason": "it mines coins"}
    answer = await operator.post("/v1/revocations", json=body)
    assert answer.status_code == 200, answer.text
    result: Json = answer.json()
    assert result["in_force"] is True
    return result


async def _under_way(platform: WholePlatform, caster: Caster, spell: str) -> list[str]:
    """Casts on all places of the fleet, and two in the queue."""
    running = [(await caster.admitted(spell))["cast_id"] for _ in range(platform.places)]
    for cast_id in running:
        await caster.events(cast_id, until="running")
    queued = [(await caster.admitted(spell))["cast_id"] for _ in range(2)]
    return running + queued


@pytest.mark.parametrize("kind", RevocationKind)
async def test_running_and_queued_casts_are_stopped_and_not_charged(
    platform: WholePlatform,
    caster: Caster,
    operator: Caster,
    sleeper: PublishResult,
    kind: RevocationKind,
    pytestconfig: pytest.Config,
) -> None:
    value = (await _sign(platform, sleeper))[kind]
    spell = str(sleeper.spell_key)
    casts = await _under_way(platform, caster, spell)
    began = time.monotonic()
    result = await _revoke(operator, kind, value)
    seconds = time.monotonic() - began
    assert result["casts_stopped"] == len(casts)
    for cast_id in casts:
        cast = (await caster.get(f"/v1/casts/{cast_id}")).json()
        assert (cast["status"], cast["billing"]) == ("failed", "released")
        assert cast["problem"]["code"] == "SPELL_REVOKED"
        assert cast["problem"]["details"]["kind"] == kind
        assert cast["cost"]["micros"] == 0
        problem(await caster.get(f"/v1/casts/{cast_id}/output"), 404, "NOT_FOUND")
        last = (await caster.events(cast_id))[-1]
        assert (last.kind, last.data["code"]) == ("failed", "SPELL_REVOKED")
    problem(await caster.cast(spell), 403, "SPELL_REVOKED")
    assert await caster.open_holds() == 0
    assert await caster.credit_left() == CREDIT
    await assert_books_balance(platform.database)
    line = f"a {kind} revoked: {len(casts)} casts stopped {seconds * 1000:.0f} ms after the POST"
    print_table(pytestconfig, [line])
    lifted = await operator.request("DELETE", f"/v1/revocations/{result['id']}")
    assert (lifted.status_code, lifted.json()["in_force"]) == (200, False)
    admitted = await caster.admitted(spell)
    await caster.events(admitted["cast_id"], until="running")
    assert (await caster.post(f"/v1/casts/{admitted['cast_id']}:cancel")).status_code == 200


async def test_a_module_is_revoked_in_every_package_that_holds_it(
    platform: WholePlatform, caster: Caster, operator: Caster, maker: Caster
) -> None:
    module = says(b'{"mined":true}')
    spells = [fresh_spell(), fresh_spell()]
    for spell in spells:
        await maker.publish(package(spell, module))
    digest = (await maker.get(f"/v1/spells/{spells[0]}")).json()["module_digest"]
    result = await _revoke(operator, "digest", digest)
    assert result["packages"] == 3, "the module and both packages"
    for spell in spells:
        refused = problem(await caster.cast(spell), 403, "SPELL_REVOKED")
        assert refused["details"]["reason"] == "it mines coins"
    await operator.request("DELETE", f"/v1/revocations/{result['id']}")


@pytest.mark.parametrize("process", ["worker", "runner", "api", "nats", "temporal", "postgres"])
async def test_a_revocation_completes_although_a_process_dies_in_the_middle_of_it(
    platform: WholePlatform,
    caster: Caster,
    operator: Caster,
    sleeper: PublishResult,
    process: str,
) -> None:
    casts = await _under_way(platform, caster, str(sleeper.spell_key))
    body = {
        "trusted": {"kind": "spell", "value": sleeper.spell_key},
        "reason": "it mines coins",
    }
    revoking = asyncio.create_task(operator.post("/v1/revocations", json=body))
    async with asyncio.timeout(20):
        while not await _in_force(platform, str(sleeper.spell_key)):  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    pid = platform.embedded.kill(process)
    await platform.embedded.wait_replaced(process, pid)
    await asyncio.gather(revoking, return_exceptions=True)
    async with asyncio.timeout(60):
        while (answer := await _asked_again(operator, body)) is None:  # noqa: ASYNC110
            await asyncio.sleep(0.2)
    assert answer.json()["casts_stopped"] == len(casts)
    assert await caster.open_holds() == 0
    assert await caster.credit_left() == CREDIT
    await assert_books_balance(platform.database)


async def test_a_revocation_among_many_admissions_leaves_none_that_is_charged(
    platform: WholePlatform, caster: Caster, operator: Caster, sleeper: PublishResult
) -> None:
    """Each is refused, or admitted and stopped; when the answer is there, none is open.

    Ten cast one after the other, each until it is refused: so the revocation comes among them,
    however fast the machine is.
    """
    spell, statuses = str(sleeper.spell_key), list[int]()
    admitted = asyncio.Event()

    async def cast_until_refused() -> None:
        while not statuses or statuses[-1] == 202:
            statuses.append((await caster.cast(spell)).status_code)
            admitted.set()

    casting = [asyncio.create_task(cast_until_refused()) for _ in range(10)]
    await admitted.wait()
    result = await _revoke(operator, "spell", spell)
    await asyncio.gather(*casting)
    assert set(statuses) == {202, 403}
    async with asyncio.timeout(10):
        # One that was being admitted while the revocation ended stops by itself.
        while await caster.open_holds():  # noqa: ASYNC110 - the database tells when asked
            await asyncio.sleep(0.02)
    assert result["casts_stopped"] > 0
    assert await caster.credit_left() == CREDIT
    await assert_books_balance(platform.database)


async def test_a_runner_knows_what_was_revoked_before_it_started(
    platform: WholePlatform, operator: Caster, caster: Caster, sleeper: PublishResult
) -> None:
    """The bucket holds it, in the form in which every NATS client reads it."""
    await _revoke(operator, "spell", str(sleeper.spell_key))
    pid = platform.embedded.kill("runner")
    await platform.embedded.wait_replaced("runner", pid)
    async with open_nats(platform.embedded.endpoints.nats_url, name="test") as client:
        bucket = await client.jetstream().key_value("revocations")
        entry = await bucket.get(f"digest.{sleeper.package_digest[7:]}")
    assert entry.value == sleeper.package_digest.encode()
    problem(await caster.cast(str(sleeper.spell_key)), 403, "SPELL_REVOKED")
    assert (await caster.ended(await platform.spell("echo"), {}))["status"] == "succeeded"


async def test_revoking_is_for_operators_and_for_what_has_the_right_form(
    operator: Caster, maker: Caster, stranger: Caster
) -> None:
    only_casts = await stranger.with_key(scopes=["cast:invoke", "spell:publish"])
    good = {"trusted": {"kind": "spell", "value": "com.example.any"}, "reason": "x"}
    problem(await only_casts.post("/v1/revocations", json=good), 403, "FORBIDDEN")
    problem(await only_casts.get("/v1/revocations"), 403, "FORBIDDEN")
    for trusted in (
        {"kind": "digest", "value": "sha256:12"},
        {"kind": "spell", "value": "no dots"},
        {"kind": "key", "value": "x" * 600},
        {"kind": "spell", "value": "com.example.any", "issuer": "https://a.example"},
        {"kind": "planet", "value": "x"},
        {"kind": "identity", "value": "a\nb"},
    ):
        body = {"trusted": trusted, "reason": "x"}
        problem(await operator.post("/v1/revocations", json=body), 422, "VALIDATION_ERROR")
    unreasoned = {**good, "reason": ""}
    problem(await operator.post("/v1/revocations", json=unreasoned), 422, "VALIDATION_ERROR")
    gone = await operator.request("DELETE", "/v1/revocations/999999999")
    problem(gone, 404, "REVOCATION_NOT_FOUND")


async def _asked_again(operator: Caster, body: Json) -> httpx.Response | None:
    """The answer to the same request; None while the platform is getting up again."""
    try:
        answer = await operator.post("/v1/revocations", json=body)
    except httpx.TransportError:
        return None
    return answer if answer.status_code == 200 else None


async def _in_force(platform: WholePlatform, spell: str) -> bool:
    async with platform.database.reading() as connection:
        found = await connection.execute(
            text("SELECT 1 FROM revocations WHERE value = :spell AND lifted_at IS NULL"),
            {"spell": spell},
        )
        return found.first() is not None

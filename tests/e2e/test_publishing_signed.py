"""Unsigned is refused; who signed is told, pinned, and held against the next version."""

from infra.repositories.supply_chain_log import PostgresSupplyChainLog
from schema.package import build_package
from tests.modules.guests import guest
from tests.support.e2e import (
    TAR,
    Caster,
    Event,
    Json,
    WholePlatform,
    fresh_key,
    fresh_spell,
    problem,
    read_events,
)
from tests.support.e2e_packages import files_of, package

STEPS = ["open", "signature", "sbom", "advisories", "licenses", "standing", "module", "record"]


async def _refusal(maker: Caster, key: str, archive: bytes, *, sign: bool) -> Json:
    """The problem of a refused package, after checking that it left and cost nothing."""
    before = await maker.credit_left()
    answer = await (maker.upload(archive) if sign else maker.send(archive))
    document = problem(answer, 403, "SPELL_UNVERIFIED")
    problem(await maker.get(f"/v1/spells/{key}"), 404, "SPELL_NOT_FOUND")
    problem(await maker.cast(key), 404, "SPELL_NOT_FOUND")
    assert (await maker.credit_left(), await maker.open_holds()) == (before, 0)
    return document


async def _publication_events(maker: Caster, path: str) -> list[Event]:
    stream = maker.platform.http.stream("GET", f"{path}/events", headers=maker.headers)
    async with stream as response:
        return [event async for event in read_events(response.aiter_lines())]


def _codes(document: Json, severity: str = "refuse") -> set[str]:
    reasons = document["details"]["reasons"]
    return {each["code"] for each in reasons if each["severity"] == severity}


async def test_a_signed_package_names_its_signer_and_has_no_reason_to_refuse(
    caster: Caster,
) -> None:
    answer = await caster.upload(package(fresh_spell(), guest("echo")))
    assert answer.status_code == 201, answer.text
    decision = answer.json()["decision"]
    assert decision["signer"]["identity"] == "maker@example.com"
    assert decision["evidence"]["trust_root"].startswith("sha256:")
    assert {each["severity"] for each in decision["reasons"]} <= {"warn", "note"}
    assert not {"UNSIGNED", "SBOM_MISSING"} & {each["code"] for each in decision["reasons"]}
    version = (await caster.get(answer.headers["location"])).json()
    assert version["signer"] == decision["signer"]


async def test_an_unsigned_package_is_refused_and_costs_nothing(caster: Caster) -> None:
    key = fresh_spell()
    document = await _refusal(caster, key, package(key, guest("echo")), sign=False)
    assert _codes(document) == {"UNSIGNED"}


async def test_the_module_of_an_unsigned_package_is_not_even_compiled(caster: Caster) -> None:
    answer = await caster.send(package(fresh_spell(), guest("echo")), headers={"Prefer": "wait=0"})
    events = await _publication_events(caster, answer.headers["location"])
    assert events[-1].kind == "refused"
    started = [event.data["step"] for event in events if event.kind == "step_started"]
    assert started == ["open", "signature", "sbom", "advisories", "licenses", "standing"]


async def test_a_package_without_a_bill_of_materials_is_refused(caster: Caster) -> None:
    key = fresh_spell()
    archive = build_package(files_of(key, guest("echo")))
    assert _codes(await _refusal(caster, key, archive, sign=True)) == {"SBOM_MISSING"}
    # With neither, both are told at once.
    both = await _refusal(caster, key, archive, sign=False)
    assert _codes(both) == {"UNSIGNED", "SBOM_MISSING"}


async def test_a_tar_alone_is_a_package_that_nobody_signed(caster: Caster) -> None:
    archive = package(fresh_spell(), guest("echo"))
    answer = await caster.post("/v1/spells", content=archive, headers=TAR)
    assert _codes(problem(answer, 403, "SPELL_UNVERIFIED")) == {"UNSIGNED"}


async def test_another_signer_than_the_first_is_refused_with_the_reason(caster: Caster) -> None:
    key = fresh_spell()
    await caster.publish(package(key, guest("echo")))
    second = package(key, guest("echo"), version="1.0.1")
    answer = await caster.upload(second, {"email": "somebody@example.net"})
    assert "IDENTITY_MISMATCH" in _codes(problem(answer, 403, "SPELL_UNVERIFIED"))


async def test_a_package_refused_for_its_signature_passes_once_it_is_signed_right(
    caster: Caster,
) -> None:
    archive = package(fresh_spell(), guest("echo"))
    document = problem(await caster.send(archive, b"{}"), 403, "SPELL_UNVERIFIED")
    reasons = document["details"]["reasons"]
    assert {each["check"] for each in reasons if each["severity"] == "refuse"} == {"signature"}
    await caster.publish(archive)


async def test_every_reason_of_every_check_comes_at_once(caster: Caster) -> None:
    files = files_of(fresh_spell(), guest("echo"))
    archive = build_package({**files, "sbom.cdx.json": b'{"bomFormat":"CycloneDX"}'})
    document = problem(await caster.send(archive, b"no bundle"), 403, "SPELL_UNVERIFIED")
    refusing = {
        each["check"] for each in document["details"]["reasons"] if each["severity"] == "refuse"
    }
    assert refusing == {"signature", "sbom"}


async def test_a_publication_can_be_followed_step_by_step(caster: Caster, stranger: Caster) -> None:
    headers = {"Prefer": "wait=0", "Idempotency-Key": fresh_key()}
    answer = await caster.upload(package(fresh_spell(), guest("echo")), headers=headers)
    assert answer.status_code == 202, answer.text
    path = answer.headers["location"]
    events = await _publication_events(caster, path)
    assert [event.id for event in events] == list(range(1, len(events) + 1))
    started = [event.data["step"] for event in events if event.kind == "step_started"]
    ended = [event.data["step"] for event in events if event.kind == "step_ended"]
    assert started == ended == STEPS
    assert events[-1].kind == "published"
    view = (await caster.get(path)).json()
    assert (view["state"], view["step"]) == ("published", "record")
    assert view["result"]["created"] is True
    assert (await caster.get(f"{path}/events", headers={"Last-Event-ID": "99"})).status_code == 204
    problem(await stranger.get(path), 404, "PUBLICATION_NOT_FOUND")
    problem(await stranger.get(f"{path}/events"), 404, "PUBLICATION_NOT_FOUND")


async def test_a_key_leads_to_one_publication_of_one_package(caster: Caster) -> None:
    headers = {"Idempotency-Key": fresh_key()}
    archive = package(fresh_spell(), guest("echo"))
    signature = (await caster.platform.signing.sign(archive)).bundle
    first = await caster.send(archive, signature, headers=headers)
    again = await caster.send(archive, signature, headers=headers)
    assert first.json() == again.json()
    other = await caster.upload(package(fresh_spell(), guest("echo")), headers=headers)
    problem(other, 409, "IDEMPOTENCY_CONFLICT")


async def test_refusals_and_publications_are_in_the_log(
    platform: WholePlatform, caster: Caster
) -> None:
    key = fresh_spell()
    archive = package(key, guest("echo"))
    problem(await caster.send(archive), 403, "SPELL_UNVERIFIED")
    await caster.publish(archive)
    log = PostgresSupplyChainLog(platform.database)
    account = caster.person.account_id
    entries = await log.entries(account, spell_key=key, kind=None, before=None, limit=10)
    # The first signer of a spell is pinned, which is a deed of its own.
    deeds = {entry.kind.value: entry for entry in entries}
    assert list(deeds) == ["published", "identity_allowed", "refused"]
    signatures = [deeds[kind].details["checks"]["signature"] for kind in ("published", "refused")]
    assert signatures[0]["outcome"] == "passed"
    assert signatures[1] == {"outcome": "refused", "codes": ["UNSIGNED"]}

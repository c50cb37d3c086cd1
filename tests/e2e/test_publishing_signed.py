"""Who signed is told, pinned, and held against the next version. Steps can be followed."""

from typing import Any

import httpx

from schema.canonical import canonical_json
from schema.ids import sha256_digest
from schema.package import build_package
from tests.modules.guests import guest
from tests.support.e2e import Caster, WholePlatform, fresh_key, fresh_spell, problem, read_events
from tests.support.e2e_packages import files_of, package

STEPS = ["open", "signature", "sbom", "advisories", "licenses", "standing", "module", "record"]


async def send(
    maker: Caster, archive: bytes, signature: bytes | None = None, **options: Any
) -> httpx.Response:
    """POST /v1/spells as a form."""
    files = {"package": ("package.tar", archive)}
    if signature is not None:
        files["signature"] = ("SIGNATURE.sigstore", signature)
    return await maker.post("/v1/spells", files=files, **options)


def with_bill(key: str, **changes: Any) -> bytes:
    """A package with a bill of materials that lists all that must be."""
    files = files_of(key, guest("echo"), **changes)
    components = [
        {
            "type": "file",
            "bom-ref": name,
            "name": name,
            "hashes": [{"alg": "SHA-256", "content": sha256_digest(body).removeprefix("sha256:")}],
            "licenses": [{"license": {"id": "Apache-2.0"}}],
        }
        for name, body in files.items()
    ]
    bill = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "application", "bom-ref": "root", "name": key}},
        "components": components,
    }
    return build_package({**files, "sbom.cdx.json": canonical_json(bill)})


async def test_a_signed_package_names_its_signer_and_has_no_reason_to_refuse(
    platform: WholePlatform, caster: Caster
) -> None:
    archive = with_bill(fresh_spell())
    signed = await platform.signing.sign(archive)
    answer = await send(caster, archive, signed.bundle)
    assert answer.status_code == 201, answer.text
    decision = answer.json()["decision"]
    assert decision["signer"]["identity"] == "maker@example.com"
    assert decision["evidence"]["trust_root"].startswith("sha256:")
    assert {each["severity"] for each in decision["reasons"]} <= {"warn", "note"}
    assert not {"UNSIGNED", "SBOM_MISSING"} & {each["code"] for each in decision["reasons"]}
    version = (await caster.get(answer.headers["location"])).json()
    assert version["signer"] == decision["signer"]


async def test_another_signer_than_the_first_is_refused_with_the_reason(
    platform: WholePlatform, caster: Caster
) -> None:
    key = fresh_spell()
    first = with_bill(key)
    answer = await send(caster, first, (await platform.signing.sign(first)).bundle)
    assert answer.status_code == 201, answer.text
    second = with_bill(key, version="1.0.1")
    other = await platform.signing.sign(second, {"email": "somebody@example.net"})
    document = problem(await send(caster, second, other.bundle), 403, "SPELL_UNVERIFIED")
    assert "IDENTITY_MISMATCH" in {each["code"] for each in document["details"]["reasons"]}


async def test_a_package_refused_for_its_signature_passes_once_it_is_signed_right(
    platform: WholePlatform, caster: Caster
) -> None:
    archive = with_bill(fresh_spell())
    document = problem(await send(caster, archive, b"{}"), 403, "SPELL_UNVERIFIED")
    reasons = document["details"]["reasons"]
    assert {each["check"] for each in reasons if each["severity"] == "refuse"} == {"signature"}
    answer = await send(caster, archive, (await platform.signing.sign(archive)).bundle)
    assert answer.status_code == 201, answer.text


async def test_every_reason_of_every_check_comes_at_once(caster: Caster) -> None:
    files = files_of(fresh_spell(), guest("echo"))
    archive = build_package({**files, "sbom.cdx.json": b'{"bomFormat":"CycloneDX"}'})
    document = problem(await send(caster, archive, b"no bundle"), 403, "SPELL_UNVERIFIED")
    refusing = {
        each["check"] for each in document["details"]["reasons"] if each["severity"] == "refuse"
    }
    assert refusing == {"signature", "sbom"}


async def test_a_publication_can_be_followed_step_by_step(caster: Caster, stranger: Caster) -> None:
    archive = package(fresh_spell(), guest("echo"))
    headers = {"Prefer": "wait=0", "Idempotency-Key": fresh_key()}
    answer = await send(caster, archive, headers=headers)
    assert answer.status_code == 202, answer.text
    path = answer.headers["location"]
    stream = caster.platform.http.stream("GET", f"{path}/events", headers=caster.headers)
    async with stream as response:
        events = [event async for event in read_events(response.aiter_lines())]
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
    first = await send(caster, archive, headers=headers)
    again = await send(caster, archive, headers=headers)
    assert first.json() == again.json()
    other = await send(caster, package(fresh_spell(), guest("echo")), headers=headers)
    problem(other, 409, "IDEMPOTENCY_CONFLICT")


async def test_refusals_and_publications_are_in_the_log(
    platform: WholePlatform, caster: Caster
) -> None:
    from infra.repositories.supply_chain_log import PostgresSupplyChainLog

    key = fresh_spell()
    archive = package(key, guest("echo"))
    problem(await send(caster, archive, b"{}"), 403, "SPELL_UNVERIFIED")
    assert (await send(caster, archive)).status_code == 201
    log = PostgresSupplyChainLog(platform.database)
    account = caster.person.account_id
    entries = await log.entries(account, spell_key=key, kind=None, before=None, limit=10)
    assert [entry.kind.value for entry in entries] == ["published", "refused"]
    assert entries[1].details["checks"]["signature"]["outcome"] == "refused"
    assert entries[0].details["checks"]["signature"] == {
        "outcome": "warned",
        "codes": ["UNSIGNED"],
    }

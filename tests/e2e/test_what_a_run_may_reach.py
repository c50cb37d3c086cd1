"""What a manifest grants, used by a real guest: variables, files of the package, scratch files."""

import json
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from schema.limits import MIB
from schema.package import build_package
from tests.modules.guests import guest
from tests.support.bills import with_bill
from tests.support.e2e import Caster, WholePlatform, fresh_spell
from tests.support.e2e_cli import Shell
from tests.support.e2e_packages import FLAT, files_of
from tests.support.traces import places_of

WORDS = {"words": ["abracadabra", "hocus pocus"]}
RESOURCES = {
    "resources/words.txt": json.dumps(WORDS).encode(),
    "resources/private.txt": b"not granted",
}


async def _published(maker: Caster, entry: str, **changes: Any) -> str:
    """A spell over `reaches.wat`, with resources, published by this maker."""
    key = fresh_spell()
    files = files_of(key, guest("reaches"), entry=entry, pricing=FLAT, **changes)
    await maker.publish(build_package(with_bill(files | RESOURCES)))
    return key


async def _set(maker: Caster, spell: str, name: str, value: str) -> None:
    answer = await maker.request("PUT", f"/v1/spells/{spell}/secrets/{name}", json={"value": value})
    assert answer.status_code == 200, answer.text


async def test_a_spell_reads_its_secret_and_the_log_does_not_tell_it(
    maker: Caster, caster: Caster
) -> None:
    spell = await _published(maker, "environment", policy={"env_vars": ["TOKEN"]})
    await _set(maker, spell, "TOKEN", "open-sesame")
    await _set(maker, spell, "UNNAMED", "not for this version")
    cast = await caster.ended(spell)
    assert cast["result"] == "TOKEN=open-sesame"
    logs = (await caster.get(f"/v1/casts/{cast['cast_id']}/logs")).text
    assert logs == "TOKEN=***"
    await _set(maker, spell, "TOKEN", "changed")
    assert (await caster.ended(spell))["result"] == "TOKEN=changed"


async def test_a_spell_reads_what_fs_read_opens(maker: Caster, caster: Caster) -> None:
    for entry in ("resources", "resources/words.txt"):
        spell = await _published(maker, "resource", policy={"fs_read": [entry]})
        assert (await caster.ended(spell))["result"] == WORDS


async def test_a_file_that_is_not_granted_is_not_there(maker: Caster, caster: Caster) -> None:
    """The guest traps when it cannot open words.txt, which is packed and not named."""
    spell = await _published(maker, "resource", policy={"fs_read": ["resources/private.txt"]})
    assert (await caster.ended(spell))["problem"]["code"] == "SPELL_TRAPPED"
    spell = await _published(maker, "resource")
    assert (await caster.ended(spell))["problem"]["code"] == "SPELL_TRAPPED"


async def test_resources_of_many_files_up_to_their_bound_arrive_whole(
    maker: Caster, caster: Caster
) -> None:
    key = fresh_spell()
    files = files_of(
        key, guest("reaches"), entry="resource", pricing=FLAT, policy={"fs_read": ["resources"]}
    )
    large = {f"resources/{number:03}.bin": bytes(30_000) for number in range(400)}
    await maker.publish(build_package(with_bill(files | RESOURCES | large)))
    assert (await caster.ended(key))["result"] == WORDS


async def test_a_spell_writes_and_reads_scratch_files_of_its_own(
    maker: Caster, caster: Caster
) -> None:
    """Two runs of the same file name: neither sees the other's, or its copy would be longer."""
    spell = await _published(maker, "scratch", policy={"fs_write": ["scratch"]})
    for inputs in ({"note": "x" * 2_000}, {"note": "short"}):
        cast = await caster.ended(spell, inputs)
        assert cast["result"] == inputs
        assert cast["usage"]["scratch_bytes_peak"] >= len(json.dumps(inputs)) - 1
        assert cast["violations"] == []


async def test_scratch_ends_at_its_quota_or_at_the_casters_lower_one(
    maker: Caster, caster: Caster, tmp_path: Path
) -> None:
    spell = await _published(
        maker, "fills_scratch", policy={"fs_write": ["scratch"]}, max_scratch_mb=2
    )
    cast = await caster.ended(spell)
    assert cast["problem"]["code"] == "SCRATCH_EXCEEDED"
    assert [one["kind"] for one in cast["violations"]] == ["scratch_full"]
    assert MIB < cast["usage"]["scratch_bytes_peak"] <= 2 * MIB
    lower = await caster.ended(spell, limits={"scratch_bytes_max": 128 * 1024})
    assert lower["problem"]["code"] == "SCRATCH_EXCEEDED"
    assert lower["usage"]["scratch_bytes_peak"] <= 128 * 1024
    said = await Shell.of(caster, tmp_path).spell("show", cast["cast_id"])
    assert "denied   scratch_full" in said.stderr


async def test_where_the_time_of_a_run_went_is_shown(
    maker: Caster, caster: Caster, tmp_path: Path
) -> None:
    spell = await _published(maker, "resource", policy={"fs_read": ["resources"]})
    cast = await caster.ended(spell)
    assert set(cast["stages"]) == {"queued_us", "prepare_us", "run_us"}
    said = await Shell.of(caster, tmp_path).spell("show", cast["cast_id"])
    assert "time     queued" in said.stderr


async def test_a_secret_is_in_no_table_history_queue_file_or_log(
    platform: WholePlatform, maker: Caster, caster: Caster
) -> None:
    """Goal: nobody who reads the platform's data learns a secret.

    Method: plant a marker; have it used, logged by the spell and put into a forbidden path;
    change it; then look everywhere, and see that the same search finds what is there in clear.
    """
    since = datetime.now(UTC)
    marker, before, known = ("m" + secrets.token_hex(20) for _ in range(3))
    says_it = await _published(
        maker, "environment", policy={"env_vars": ["TOKEN"]}, description=known
    )
    tries_it = await _published(
        maker,
        "environment_in_a_path",
        policy={"env_vars": ["TOKEN"], "fs_write": ["scratch"]},
    )
    for spell in (says_it, tries_it):
        for value in (before, marker):
            await _set(maker, spell, "TOKEN", value)
            cast = await caster.ended(spell)
            assert cast["status"] == "succeeded", cast
    assert marker not in json.dumps(cast)
    assert [one["subject"] for one in cast["violations"]] == ["../TOKEN=***"]
    in_clear = await places_of(cast["cast_id"], platform, since)
    assert in_clear >= {"Postgres rows", "Postgres files", "JetStream files", "Temporal files"}
    assert in_clear >= {"histories"}
    assert await places_of(known, platform, since) >= {"objects", "Postgres rows"}
    for secret in (marker, before):
        assert await places_of(secret, platform, since) == set()

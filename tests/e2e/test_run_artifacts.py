"""What runs in the sandbox leave below /artifacts, through the real processes to its caster."""

import hashlib
import json
from pathlib import Path
from typing import Any

from sqlalchemy import text

from cli.local import settings_of
from schema.contracts.cast import CastStatus
from schema.limits import MIB
from schema.package import build_package
from tests.modules.guests import guest
from tests.support.bills import with_bill
from tests.support.e2e import Caster, Json, WholePlatform, fresh_spell
from tests.support.e2e_cli import Shell
from tests.support.e2e_packages import METERED, files_of

SENT = {"rows": ["one", "two"]}
COPY = json.dumps(SENT, separators=(",", ":")).encode()
LEFT = {"copy.json": COPY, "rows/1.csv": COPY}


async def published(maker: Caster, entry: str = "_start", **changes: Any) -> str:
    """A spell over `leaves.wat`."""
    key = fresh_spell()
    asked = {"policy": {"fs_write": ["artifacts"]}, "max_memory_mb": 8, **changes}
    files = files_of(key, guest("leaves"), entry=entry, pricing=METERED, **asked)
    await maker.publish(build_package(with_bill(files)))
    return key


def blobs_of(platform: WholePlatform, cast_id: str) -> list[str]:
    """What object storage keeps of a cast."""
    url = settings_of(platform.embedded.context).object_store_url
    folder = Path(url.removeprefix("file://")) / "casts" / cast_id
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


async def contents_of(platform: WholePlatform, caster: Caster, cast: Json) -> dict[str, bytes]:
    """All artifacts but the output, by name; their digests are right."""
    items = (await caster.get(cast["links"]["artifacts"])).json()["items"]
    found = {}
    for item in items:
        platform.secrets.add(item["link"]["url"].rpartition("/")[2])
        content = (await caster.get(f"{cast['links']['artifacts']}/{item['name']}")).content
        assert item["digest"] == f"sha256:{hashlib.sha256(content).hexdigest()}"
        found[item["name"]] = content
    assert json.loads(found.pop("output.json")) == cast["result"]
    return found


async def test_what_a_success_leaves_is_kept_metered_and_told(
    platform: WholePlatform, maker: Caster, caster: Caster
) -> None:
    cast = await caster.ended(await published(maker), SENT)
    assert (cast["status"], cast["result"], cast["violations"]) == ("succeeded", SENT, [])
    assert await contents_of(platform, caster, cast) == LEFT
    size = sum(map(len, LEFT.values()))
    assert cast["usage"]["artifact_bytes"] == size
    assert len(blobs_of(platform, cast["cast_id"])) == 1 + len(LEFT)
    events = {event.kind: event.data for event in await caster.events(cast["cast_id"])}
    assert events["storing"]["artifacts"] == len(LEFT)
    assert events["storing"]["artifact_bytes"] == size


async def test_a_receipt_names_artifacts_and_a_replay_gives_the_same(
    maker: Caster, caster: Caster, tmp_path: Path
) -> None:
    cast = await caster.ended(await published(maker), SENT)
    shell, cast_id = Shell.of(caster, tmp_path), cast["cast_id"]
    (tmp_path / "inputs.json").write_bytes(COPY)
    assert (await shell.spell("receipt", "get", cast_id, "-o", "receipt.json")).code == 0
    saved = await shell.spell("artifacts", "save", cast_id, "left")
    assert saved.code == 0, saved.stderr
    asked = ("receipt", "verify", "receipt.json", "--input", "inputs.json", "--artifacts", "left")
    held = await shell.json(*asked)
    assert held["holds"], held
    names = [check["name"] for check in held["checks"]]
    assert [name for name in names if "artifact" in name] == [
        f"artifact digest {name}" for name in LEFT
    ]
    report = await shell.json("receipt", "replay", cast_id, "--input", "inputs.json")
    assert report["holds"], report
    compared = {check["name"]: check["passed"] for check in report["checks"]}
    assert compared["replay artifacts"]
    assert compared["replay artifact_bytes"]
    (tmp_path / "left" / "copy.json").write_bytes(b"another")
    assert (await shell.spell(*asked)).code == 3
    (tmp_path / "left" / "copy.json").unlink()
    assert (await shell.spell(*asked)).code == 3


async def test_the_command_writes_what_a_cast_leaves_into_a_folder(
    maker: Caster, caster: Caster, tmp_path: Path
) -> None:
    shell, spell = Shell.of(caster, tmp_path), await published(maker)
    said = await shell.spell("cast", spell, "-", "--artifacts", "deep/left", stdin=COPY)
    assert said.code == 0, said.stderr
    folder = tmp_path / "deep" / "left"
    files = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    assert json.loads(files.pop("output.json").read_bytes()) == SENT
    assert {name: path.read_bytes() for name, path in files.items()} == LEFT


async def test_a_spell_that_does_not_ask_has_no_such_folder(maker: Caster, caster: Caster) -> None:
    cast = await caster.ended(await published(maker, policy={}), SENT)
    assert cast["problem"]["code"] == "SPELL_TRAPPED"
    assert "artifact_bytes" not in cast["usage"]


async def test_nothing_is_left_of_an_output_that_breaks_its_schema(
    platform: WholePlatform, maker: Caster, caster: Caster
) -> None:
    cast = await caster.ended(await published(maker, "with_no_output"), SENT)
    assert (cast["problem"]["code"], cast["cost"]["micros"]) == ("OUTPUT_INVALID", 0)
    assert (await caster.get(cast["links"]["artifacts"])).json() == {"items": []}
    assert blobs_of(platform, cast["cast_id"]) == []


async def test_more_than_the_quota_fails_the_run_and_nothing_else(
    platform: WholePlatform, maker: Caster, caster: Caster
) -> None:
    spell = await published(maker, "too_much", max_artifacts_mb=2)
    cast = await caster.ended(spell, SENT)
    assert cast["problem"]["code"] == "OUTPUT_TOO_LARGE"
    assert cast["problem"]["details"] == {"artifacts_bytes_max": 2 * MIB}
    assert [one["kind"] for one in cast["violations"]] == ["artifacts_full"]
    lower = await caster.ended(spell, SENT, limits={"artifacts_bytes_max": 100_000})
    assert lower["problem"]["details"] == {"artifacts_bytes_max": 100_000}
    assert lower["estimated_cost"]["micros"] < cast["estimated_cost"]["micros"]
    assert blobs_of(platform, cast["cast_id"]) == []


async def test_as_much_as_output_and_artifacts_may_have_together_arrives(
    platform: WholePlatform, maker: Caster, caster: Caster
) -> None:
    spell = await published(maker, "as_much_as_fits", max_output_mb=1, max_artifacts_mb=4)
    cast = await caster.ended(spell, SENT)
    assert cast["status"] == "succeeded", cast["problem"]
    base = cast["links"]["artifacts"]
    assert (await caster.get(f"{base}/copy.json")).content == b"a" * (63 * 65536 + 65000)
    assert len((await caster.get(f"{base}/output.json")).content) == 15 * 65536 + 65000 + 2


async def test_a_runner_killed_in_mid_run_leaves_exactly_one_set(
    platform: WholePlatform, maker: Caster, caster: Caster
) -> None:
    spell = await published(maker, "slowly", timeout_ms=60_000, fuel=10_000_000_000)
    admitted = await caster.admitted(spell, SENT)
    await caster.events(admitted["cast_id"], until="running")
    pid = platform.embedded.kill("runner")
    killed = await caster.get(f"/v1/casts/{admitted['cast_id']}")
    assert killed.json()["status"] == CastStatus.RUNNING
    await platform.embedded.wait_replaced("runner", pid)
    cast = await caster.followed(admitted["cast_id"])
    assert cast["status"] == CastStatus.SUCCEEDED
    assert await contents_of(platform, caster, cast) == LEFT
    assert len(blobs_of(platform, cast["cast_id"])) == 1 + len(LEFT)
    async with platform.database.reading() as connection:
        query = text("SELECT name FROM artifacts WHERE cast_id = :id ORDER BY name")
        rows = await connection.execute(query, {"id": cast["cast_id"]})
        assert [row.name for row in rows] == list(LEFT)

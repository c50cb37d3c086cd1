"""Goal: whoever holds a receipt can check it alone, and nobody else can get one.

Method: real casts; the receipts are checked by the command `spell` in a shell that knows neither
the platform nor a key, and the modules run again in processes of their own.
"""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client

from tests.modules.guests import guest
from tests.support.e2e import Caster, Json, WholePlatform, as_object, fresh_spell, problem
from tests.support.e2e_cli import Said, Shell
from tests.support.e2e_packages import METERED, package
from tests.support.e2e_spells import ENDLESS_FUEL

INPUTS = {"text": "one two three", "n": [1, 2.5, None]}
NOWHERE = {"SPELL_API_URL": "http://127.0.0.1:9", "SPELL_API_KEY": "sk_nothing"}


class Held:
    """A receipt with all that its holder kept: keys, inputs, output and module, as files."""

    def __init__(self, folder: Path, cast: Json, module: bytes) -> None:
        self.cast = cast
        self.folder = folder
        self.alone = Shell(folder, NOWHERE)
        (self.folder / "inputs.json").write_text(json.dumps(INPUTS, indent=2))
        (self.folder / "spell.wasm").write_bytes(module)

    @classmethod
    async def of(cls, caster: Caster, folder: Path, cast: Json, module: bytes) -> "Held":
        base = f"/v1/casts/{cast['cast_id']}"
        kept = {
            "receipt.json": f"{base}/receipt",
            "output.json": f"{base}/output",
            "keys.json": "/v1/receipts/keys",
        }
        for name, path in kept.items():
            (folder / name).write_bytes((await caster.get(path)).content)
        return cls(folder, cast, module)

    async def verify(self, *arguments: str) -> Said:
        """Offline: the platform is not where this shell looks for it."""
        options = ("receipt", "verify", "receipt.json", "--key", "keys.json", *arguments)
        return await self.alone.spell("--json", *options)

    def statement(self) -> Json:
        envelope = json.loads((self.folder / "receipt.json").read_text())
        found: Json = json.loads(base64.b64decode(envelope["payload"]))
        return found

    def forge(self, **members: Any) -> None:
        """Change members of the predicate, and leave the signature as it is."""
        envelope = json.loads((self.folder / "receipt.json").read_text())
        statement = self.statement()
        statement["predicate"].update(members)
        envelope["payload"] = base64.b64encode(json.dumps(statement).encode()).decode()
        (self.folder / "receipt.json").write_text(json.dumps(envelope))


def checks(said: Said) -> dict[str, bool]:
    return {check["name"]: check["passed"] for check in said.document()["checks"]}


async def test_a_receipt_is_checked_and_replayed_without_the_platform(
    caster: Caster, platform: WholePlatform, tmp_path: Path
) -> None:
    cast = await caster.ended(await platform.spell("metered"), INPUTS)
    held = await Held.of(caster, tmp_path, cast, guest("echo"))
    said = await held.verify(
        *("--input", "inputs.json", "--output", "output.json"),
        *("--replay", "--module", "spell.wasm"),
    )
    assert said.code == 0, said
    found = checks(said)
    assert set(found.values()) == {True}
    assert {
        *("signature", "cost", "transfers", "usage within limits", "input digest"),
        *("output digest", "replay engine", "replay fuel", "replay memory_bytes_peak"),
        *("replay output digest", "replay host_calls", "replay scratch_bytes_peak"),
    } <= set(found)


async def test_the_command_gets_receipt_output_and_keys(
    caster: Caster, platform: WholePlatform, tmp_path: Path
) -> None:
    cast = await caster.ended(await platform.spell("echo"), INPUTS)
    held = await Held.of(caster, tmp_path, cast, b"")
    shell = Shell.of(caster, tmp_path)
    got = ("receipt", "get", cast["cast_id"], "-o", "got.json", "--output", "got-output.json")
    assert await shell.json(*got) == {"file": "got.json"}
    for kept, fetched in (("receipt.json", "got.json"), ("output.json", "got-output.json")):
        assert (held.folder / kept).read_bytes() == (held.folder / fetched).read_bytes()
    assert await shell.json("receipt", "keys") == json.loads((tmp_path / "keys.json").read_text())
    said = await shell.spell("receipt", "get", "cast_unknown")
    assert (said.code, "CAST_NOT_FOUND" in said.stderr) == (3, True)


async def test_a_receipt_says_what_the_platform_says_of_the_cast(
    caster: Caster, platform: WholePlatform, tmp_path: Path
) -> None:
    spell = await platform.spell("metered")
    cast = await caster.ended(spell, INPUTS)
    held = await Held.of(caster, tmp_path, cast, guest("echo"))
    stated = held.statement()["predicate"]
    version = as_object(await caster.get(f"/v1/spells/{spell}/versions/1.0.0"))
    assert stated["cast_id"] == cast["cast_id"]
    assert stated["usage"] == cast["usage"]
    assert stated["cost_micros"] == cast["cost"]["micros"] > 0
    assert stated["hold_micros"] == cast["estimated_cost"]["micros"]
    assert stated["engine"] == cast["engine"]
    assert stated["package_digest"] == version["package_digest"]
    assert stated["run"]["module_digest"] == version["module_digest"]
    assert stated["run"]["price"] == version["price"]
    transfers = await caster.transfers(cast["cast_id"])
    assert [one["reference"] for one in stated["transfers"]] == [
        one["reference"] for one in transfers
    ]
    assert cast["links"]["receipt"] == f"/v1/casts/{cast['cast_id']}/receipt"


async def test_a_receipt_is_the_same_bytes_each_time(
    caster: Caster, platform: WholePlatform
) -> None:
    cast = await caster.ended(await platform.spell("echo"), INPUTS)
    first, second = [await caster.get(cast["links"]["receipt"]) for _ in range(2)]
    assert first.headers["content-type"] == "application/vnd.dsse.envelope.v1+json"
    assert first.content == second.content


@pytest.mark.parametrize(
    ("forged", "wrong"),
    [
        ({"cost_micros": 1}, {"signature", "cost", "transfers"}),
        ({"version": "1.0.1"}, set()),
        ({"engine": "wasmtime-0/0"}, {"signature"}),
        ({"transfers": []}, {"signature", "transfers"}),
    ],
    ids=["cost", "version", "engine", "transfers"],
)
async def test_a_forged_receipt_is_refused_and_what_is_wrong_is_named(
    caster: Caster, platform: WholePlatform, tmp_path: Path, forged: Json, wrong: set[str]
) -> None:
    cast = await caster.ended(await platform.spell("metered"), INPUTS)
    held = await Held.of(caster, tmp_path, cast, guest("echo"))
    held.forge(**forged)
    said = await held.verify()
    assert said.code == 3
    if wrong:
        assert {name for name, passed in checks(said).items() if not passed} == wrong
    else:
        assert "subjects are not the receipt's digests" in said.document()["message"]
    spoken = await held.alone.spell("receipt", "verify", "receipt.json", "--key", "keys.json")
    assert spoken.code == 3
    assert "no receipt" in spoken.stderr or "does not hold: signature" in spoken.stderr


async def test_other_keys_inputs_and_outputs_are_told_apart(
    caster: Caster, platform: WholePlatform, tmp_path: Path
) -> None:
    cast = await caster.ended(await platform.spell("metered"), INPUTS)
    held = await Held.of(caster, tmp_path, cast, guest("echo"))
    (held.folder / "other.json").write_text('{"text":"four"}')
    said = await held.verify("--input", "other.json", "--replay", "--module", "spell.wasm")
    assert said.code == 3
    assert not checks(said)["input digest"]
    assert "replay fuel" not in checks(said), "what is about other inputs is not run"
    said = await held.verify("--output", "other.json")
    assert (said.code, checks(said)["output digest"]) == (3, False)
    stranger = base64.b64encode(b"k" * 32).decode()
    said = await held.alone.spell("--json", "receipt", "verify", "receipt.json", "--key", stranger)
    assert (said.code, checks(said)["signature"]) == (3, False)


async def test_a_replay_of_another_module_or_engine_is_refused_with_the_reason(
    caster: Caster, platform: WholePlatform, tmp_path: Path
) -> None:
    cast = await caster.ended(await platform.spell("metered"), INPUTS)
    held = await Held.of(caster, tmp_path, cast, guest("hello"))
    said = await held.verify("--input", "inputs.json", "--replay", "--module", "spell.wasm")
    assert said.code == 3
    assert "the module is not the one that ran" in said.document()["message"]
    said = await held.verify("--input", "inputs.json", "--replay")
    assert said.code == 4, "without --module it has to ask, and there is nobody to ask"
    said = await held.verify("--replay")
    assert said.code == 2


async def test_the_maker_replays_without_a_module_at_hand(
    platform: WholePlatform, tmp_path: Path
) -> None:
    maker = await platform.new_caster(10_000_000)
    key = fresh_spell()
    await maker.publish(package(key, guest("mills"), pricing=METERED))
    shell = Shell.of(maker, tmp_path)
    cast = await maker.ended(key, INPUTS)
    await shell.json("receipt", "get", cast["cast_id"], "-o", "receipt.json")
    (tmp_path / "inputs.json").write_text(json.dumps(INPUTS))
    document = await shell.json(
        "receipt", "verify", "receipt.json", "--input", "inputs.json", "--replay"
    )
    assert document["holds"] is True
    other = Shell.of(await platform.new_caster(), tmp_path)
    said = await other.spell(
        "receipt", "verify", "receipt.json", "--input", "inputs.json", "--replay"
    )
    assert said.code == 3
    assert "receipt:replay" in said.stderr


async def test_a_spell_that_failed_has_a_receipt_and_replays(
    caster: Caster, platform: WholePlatform, tmp_path: Path
) -> None:
    cast = await caster.ended(await platform.spell("traps"), INPUTS)
    held = await Held.of(caster, tmp_path, cast, guest("traps"))
    stated = held.statement()["predicate"]
    assert (stated["status"], stated["code"]) == ("failed", "SPELL_TRAPPED")
    assert stated["run"]["output_digest"] is None
    assert stated["cost_micros"] == cast["cost"]["micros"] > 0
    said = await held.verify("--input", "inputs.json", "--replay", "--module", "spell.wasm")
    assert said.code == 0, said


async def test_an_output_that_breaks_its_schema_has_a_receipt_that_costs_nothing(
    caster: Caster, platform: WholePlatform, tmp_path: Path
) -> None:
    cast = await caster.ended(await platform.spell("off-schema"), INPUTS)
    held = await Held.of(caster, tmp_path, cast, b"")
    stated = held.statement()["predicate"]
    assert (stated["code"], stated["cost_micros"]) == ("OUTPUT_INVALID", 0)
    assert (await held.verify("--input", "inputs.json")).code == 0


async def test_a_cast_that_runs_has_no_receipt_and_a_cancelled_one_has(
    caster: Caster, platform: WholePlatform, tmp_path: Path
) -> None:
    key = fresh_spell()
    endless: Json = {"entry": "loop_for_ever", "timeout_ms": 50_000, "fuel": ENDLESS_FUEL}
    maker = await platform.maker()
    await maker.publish(package(key, guest("time"), pricing=METERED, **endless))
    cast_id = (await caster.admitted(key, INPUTS))["cast_id"]
    await caster.events(cast_id, until="running")
    path = f"/v1/casts/{cast_id}"
    problem(await caster.get(f"{path}/receipt"), 404, "RECEIPT_NOT_FOUND")
    again = {"inputs": INPUTS}
    problem(await caster.post(f"{path}/receipt:replay", json=again), 404, "RECEIPT_NOT_FOUND")
    cancelled = as_object(await caster.post(f"{path}:cancel"))["cast"]
    problem(await caster.get(f"{path}/output"), 404, "NOT_FOUND")
    held = await Held.of(caster, tmp_path, cancelled, b"")
    assert held.statement()["predicate"]["status"] == "cancelled"
    assert held.statement()["predicate"]["cost_micros"] > 0
    assert (await held.verify("--input", "inputs.json")).code == 0
    problem(await caster.post(f"{path}/receipt:replay", json=again), 422, "NOT_REPLAYABLE")


async def test_another_account_gets_nothing(
    caster: Caster, stranger: Caster, platform: WholePlatform
) -> None:
    spell = await platform.spell("echo")
    cast = await caster.ended(spell, INPUTS)
    path = f"/v1/casts/{cast['cast_id']}"
    problem(await stranger.get(f"{path}/receipt"), 404, "CAST_NOT_FOUND")
    problem(await stranger.get(f"{path}/output"), 404, "CAST_NOT_FOUND")
    answer = await stranger.post(f"{path}/receipt:replay", json={"inputs": INPUTS})
    problem(answer, 404, "CAST_NOT_FOUND")
    module = f"/v1/spells/{spell}/versions/1.0.0/module"
    problem(await stranger.get(module), 404, "SPELL_NOT_FOUND")
    mine = await (await platform.maker()).get(module)
    assert mine.content == guest("echo")
    assert mine.headers["content-type"] == "application/wasm"


async def test_anybody_may_have_the_public_keys(platform: WholePlatform) -> None:
    answer = await platform.http.get("/v1/receipts/keys")
    assert answer.status_code == 200
    (key,) = answer.json()["keys"]
    assert (key["kty"], key["crv"], len(key["x"])) == ("OKP", "Ed25519", 43)


async def test_the_platform_replays_a_cast_once_and_answers_the_same_again(
    caster: Caster, platform: WholePlatform
) -> None:
    cast = await caster.ended(await platform.spell("metered"), INPUTS)
    path = f"/v1/casts/{cast['cast_id']}/receipt:replay"
    before = await caster.credit_left()
    first = await caster.post(path, json={"inputs": INPUTS})
    assert first.status_code == 200, first.text
    report = as_object(first)
    assert report["matches"] is True, report
    assert {check["passed"] for check in report["checks"]} == {True}
    ran = await _replay_run(platform, cast["cast_id"])
    second = await caster.post(path, json={"inputs": INPUTS})
    assert second.json() == report
    assert await _replay_run(platform, cast["cast_id"]) == ran, "nothing was started"
    assert await caster.credit_left() == before
    assert await caster.open_holds() == 0


async def _replay_run(platform: WholePlatform, cast_id: str) -> str:
    """The newest run of the cast's replay, by Temporal's id."""
    client = await Client.connect(platform.embedded.endpoints.temporal_address)
    found = await client.get_workflow_handle(f"replay:{cast_id}").describe()
    return found.run_id


async def test_the_command_asks_the_platform_for_a_replay(
    caster: Caster, platform: WholePlatform, tmp_path: Path
) -> None:
    cast = await caster.ended(await platform.spell("metered"), INPUTS)
    (tmp_path / "inputs.json").write_text(json.dumps(INPUTS))
    shell = Shell.of(caster, tmp_path)
    asked = ("receipt", "replay", cast["cast_id"], "--input")
    document = await shell.json(*asked, "inputs.json")
    assert document["holds"] is True
    assert "replay fuel" in [check["name"] for check in document["checks"]]
    (tmp_path / "other.json").write_text("{}")
    said = await shell.spell("--json", *asked, "other.json")
    assert (said.code, said.document()["code"]) == (3, "VALIDATION_ERROR")


async def test_a_replay_of_other_inputs_is_refused_and_the_one_replay_not_used_up(
    caster: Caster, platform: WholePlatform
) -> None:
    cast = await caster.ended(await platform.spell("metered"), INPUTS)
    path = f"/v1/casts/{cast['cast_id']}/receipt:replay"
    refused = problem(await caster.post(path, json={"inputs": {}}), 422, "VALIDATION_ERROR")
    assert refused["details"]["errors"][0]["path"] == "/inputs"
    problem(await caster.post(path, json={"more": 1}), 422, "VALIDATION_ERROR")
    problem(await caster.post(path, content=b"x"), 415, "UNSUPPORTED_MEDIA_TYPE")
    answer = await caster.post(path, json={"inputs": INPUTS})
    assert as_object(answer)["matches"] is True


async def test_a_run_that_a_clock_ended_is_not_replayed(
    caster: Caster, platform: WholePlatform
) -> None:
    cast = await caster.ended(await platform.spell("loops"), INPUTS)
    assert cast["status"] == "timed_out"
    answer = await caster.post(
        f"/v1/casts/{cast['cast_id']}/receipt:replay", json={"inputs": INPUTS}
    )
    assert "TIME_EXCEEDED" in problem(answer, 422, "NOT_REPLAYABLE")["details"]["reason"]

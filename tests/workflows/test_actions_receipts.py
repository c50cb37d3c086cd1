"""Goal: whoever paid for an Actions run holds a statement of it that they can check alone.

Method: whole casts whose runs a told GitHub gives; the real RunActions is their child. The receipts
are checked by the command `spell` in a shell that knows neither the platform nor a key.
"""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client, WorkflowFailureError
from temporalio.testing import WorkflowEnvironment

from infra.postgres import Database
from infra.repositories.artifacts import PostgresArtifacts
from infra.signed_receipts import VaultSignedReceipts
from schema.contracts.cast import CastInput
from schema.contracts.receipt import ActionsReceipt, Check, Receipt
from schema.contracts.replay import ReplayInput
from schema.names import GITHUB_TASK_QUEUE
from schema.receipt_checks import replay_refusal, standing_checks
from schema.receipts import payload_of, read_envelope, read_statement
from tests.support.actions import ACTIONS_FIRST, BY_TIME, ON_ACTIONS, SERVICE_FIRST, TARGET
from tests.support.actions_platform import ActionsPlatform, ToldGitHub, a_zip
from tests.support.builders import FLAT_500, Person, a_cast, make_person, publish
from tests.support.e2e_cli import Said, Shell
from tests.support.money import assert_books_balance
from tests.support.platform import CastingPlatform, admit, cancel, make_vault

INPUTS = '{"n":1}'
OUTPUT = b'{ "ok": true }\n'
PICTURE = b"<svg/>"
NOWHERE = {"SPELL_API_URL": "http://127.0.0.1:9", "SPELL_API_KEY": "sk_nothing"}


@pytest.fixture
def client(fresh: WorkflowEnvironment) -> Client:
    """A clock of each test's own: what others leave open keeps a shared one from skipping."""
    return fresh.client


class Scene:
    """A spell on GitHub Actions, a caster, and both halves of the platform."""

    def __init__(self, client: Client, database: Database, github: ToldGitHub) -> None:
        self.client, self.database, self.github = client, database, github
        self.casting = CastingPlatform(client, database)
        self.actions = ActionsPlatform(client, database, github, task_queue=GITHUB_TASK_QUEUE)
        self.receipts = VaultSignedReceipts(self.casting.receipts, make_vault())
        self.caster: Person

    async def request(self, price: Any = BY_TIME, kind: Any = ON_ACTIONS) -> CastInput:
        """A cast of a version in a repository that nobody else has."""
        target = TARGET.model_copy(update={"repo": f"acme/{uuid.uuid4().hex}"})
        package = {**kind, "actions": target, "price": price}
        spell = await publish(self.database, await make_person(self.database), **package)
        self.caster = await make_person(self.database, credit_micros=1_000_000)
        return a_cast(self.caster, spell.spell_key, inputs_json=INPUTS)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with self.casting.worker, self.actions.worker:
            yield

    async def ended(self, request: CastInput, *, cancelled: bool = False) -> None:
        handle = await self.casting.start(request)
        await admit(handle, request)
        if cancelled:
            assert await asyncio.to_thread(self.github.began.wait, 20)
            await cancel(handle)
        await handle.result()

    async def receipt(self, request: CastInput) -> tuple[bytes, ActionsReceipt]:
        envelope = await self.receipts.envelope(request.account_id, request.cast_id)
        assert envelope is not None
        stated = read_statement(payload_of(read_envelope(envelope)))
        assert isinstance(stated, ActionsReceipt)
        return envelope, stated


@pytest.fixture
def scene_of(client: Client, database: Database) -> Callable[[ToldGitHub], Scene]:
    return lambda github: Scene(client, database, github)


async def verify(folder: Path, scene: Scene, envelope: bytes, *arguments: str) -> Said:
    (folder / "receipt.json").write_bytes(envelope)
    (folder / "keys.json").write_text(scene.receipts.keys().model_dump_json())
    for name, content in (
        ("inputs.json", INPUTS.encode()),
        ("output.json", OUTPUT),
        ("picture.svg", PICTURE),
    ):
        (folder / name).write_bytes(content)
    shell = Shell(folder, NOWHERE)
    options = ("receipt", "verify", "receipt.json", "--key", "keys.json", *arguments)
    return await shell.spell("--json", *options)


def a_success() -> ToldGitHub:
    github = ToldGitHub(seconds=2)
    files = {"output.json": OUTPUT, "picture.svg": PICTURE}
    github.uploads = {"spell-output": a_zip(files)}
    return github


async def test_a_success_is_checked_without_the_platform(
    scene_of: Callable[[ToldGitHub], Scene], tmp_path: Path
) -> None:
    scene = scene_of(a_success())
    request = await scene.request()
    async with scene.running():
        await scene.ended(request)
    envelope, stated = await scene.receipt(request)
    assert (stated.status, stated.engine) == ("succeeded", "github-actions")
    assert (stated.run.workflow, stated.run.ref) == (TARGET.workflow, TARGET.ref)
    assert stated.run.github.commit == scene.github.commit
    assert stated.cost_micros == BY_TIME.base_micros + 2_000
    assert [one.name for one in stated.run.artifacts] == ["picture.svg"]
    said = await verify(
        *(tmp_path, scene, envelope, "--input", "inputs.json", "--output", "output.json"),
        *("--artifacts", "."),
    )
    assert said.code == 0, said
    passed = {check["name"]: check["passed"] for check in said.document()["checks"]}
    assert set(passed.values()) == {True}
    assert {
        *("signature", "cost", "transfers", "usage within limits", "conclusion"),
        *("time by GitHub's clock", "input digest", "output digest", "artifact digest picture.svg"),
    } == set(passed)
    await assert_books_balance(scene.database)


async def test_a_replay_is_refused_here_and_there_with_the_reason(
    scene_of: Callable[[ToldGitHub], Scene], tmp_path: Path
) -> None:
    scene = scene_of(a_success())
    request = await scene.request()
    async with scene.running():
        await scene.ended(request)
        order = ReplayInput(cast_id=request.cast_id, inputs_json=INPUTS)
        with pytest.raises(WorkflowFailureError) as refused:
            await (await scene.casting.start_replay(order)).result()
    cause: Any = refused.value.cause
    assert cause.type == "NOT_REPLAYABLE"
    assert "ran on GitHub Actions" in json.dumps(cause.details)
    envelope, _ = await scene.receipt(request)
    arguments = ("--input", "inputs.json", "--replay", "--module", "output.json")
    said = await verify(tmp_path, scene, envelope, *arguments)
    assert said.code == 3
    assert "ran on GitHub Actions" in said.document()["message"]


async def test_an_artifact_that_is_another_or_not_at_hand_is_told(
    scene_of: Callable[[ToldGitHub], Scene], tmp_path: Path
) -> None:
    scene = scene_of(a_success())
    request = await scene.request()
    async with scene.running():
        await scene.ended(request)
    envelope, _ = await scene.receipt(request)
    for number, content in enumerate((None, b"another")):
        folder = tmp_path / str(number)
        folder.mkdir()
        if content is not None:
            (folder / "picture.svg").write_bytes(content)
        said = await verify(tmp_path, scene, envelope, "--artifacts", folder.name)
        assert said.code == 3, said
        wrong = [one["name"] for one in said.document()["checks"] if not one["passed"]]
        assert wrong == ["artifact digest picture.svg"]
    assert (await verify(tmp_path, scene, envelope, "--artifacts", "nowhere")).code == 2


@pytest.mark.parametrize(
    ("conclusion", "uploads", "code", "charged"),
    [
        ("failure", {}, "SPELL_FAILED", True),
        ("timed_out", {}, "TIME_EXCEEDED", True),
        ("success", {}, "OUTPUT_INVALID", False),
    ],
)
async def test_an_end_that_ran_has_a_receipt_whatever_came_of_it(
    scene_of: Callable[[ToldGitHub], Scene],
    tmp_path: Path,
    conclusion: str,
    uploads: dict[str, bytes],
    code: str,
    charged: bool,
) -> None:
    scene = scene_of(ToldGitHub(conclusion, seconds=2))
    scene.github.uploads = uploads
    request = await scene.request(FLAT_500)
    async with scene.running():
        await scene.ended(request)
    envelope, stated = await scene.receipt(request)
    assert (stated.code, stated.cost_micros) == (code, 500 if charged else 0)
    assert (stated.run.github.conclusion, stated.run.output_digest) == (conclusion, None)
    assert (await verify(tmp_path, scene, envelope, "--input", "inputs.json")).code == 0


async def test_a_cancelled_run_has_a_receipt_of_its_time(
    scene_of: Callable[[ToldGitHub], Scene], tmp_path: Path
) -> None:
    scene = scene_of(ToldGitHub(None, seconds=3))
    request = await scene.request()
    async with scene.running():
        await scene.ended(request, cancelled=True)
    envelope, stated = await scene.receipt(request)
    assert (stated.status, stated.run.github.conclusion) == ("cancelled", "cancelled")
    assert stated.cost_micros == BY_TIME.base_micros + 3_000
    assert (await verify(tmp_path, scene, envelope)).code == 0


async def test_of_what_never_ran_there_is_no_receipt(
    scene_of: Callable[[ToldGitHub], Scene],
) -> None:
    scene = scene_of(ToldGitHub("startup_failure"))
    scene.github.starts = False
    request = await scene.request()
    async with scene.running():
        await scene.ended(request)
    assert await scene.receipts.envelope(request.account_id, request.cast_id) is None


async def test_what_a_refused_output_came_with_is_on_record_to_be_deleted(
    scene_of: Callable[[ToldGitHub], Scene],
) -> None:
    """Goal: a run whose output is refused leaves nothing in object storage that nobody deletes."""
    scene = scene_of(ToldGitHub())
    scene.github.uploads = {
        "big": a_zip({"picture.svg": PICTURE}),
        "spell-output": a_zip({"no-output.json": b"{}"}),
    }
    request = await scene.request()
    async with scene.running():
        await scene.ended(request)
    found = await PostgresArtifacts(scene.database).of_cast(request.account_id, request.cast_id)
    assert {view.name for view, _ in found} == {"big/picture.svg", "no-output.json"}
    assert set(scene.actions.artifacts.content) == {view.name for view, _ in found}
    assert all(view.expires_at == view.created_at for view, _ in found), "the next look takes them"


async def test_a_cast_that_fell_back_to_actions_has_the_receipt_of_what_ran(
    scene_of: Callable[[ToldGitHub], Scene], tmp_path: Path
) -> None:
    scene = scene_of(a_success())
    scene.casting = CastingPlatform(scene.client, scene.database, lambda _: None, queue_seconds=0)
    request = await scene.request(kind=SERVICE_FIRST)
    async with scene.running():
        await scene.ended(request)
    envelope, stated = await scene.receipt(request)
    assert stated.cost_micros == BY_TIME.base_micros + 2_000
    assert (await verify(tmp_path, scene, envelope, "--input", "inputs.json")).code == 0


async def test_a_cast_that_fell_back_to_the_fleet_has_the_receipt_of_what_ran(
    scene_of: Callable[[ToldGitHub], Scene],
) -> None:
    scene = scene_of(ToldGitHub(None))
    scene.github.starts = False
    request = await scene.request(kind=ACTIONS_FIRST)
    async with scene.running():
        await scene.ended(request)
    found = await scene.receipts.receipt(request.account_id, request.cast_id)
    assert isinstance(found, Receipt)
    assert (found.status, replay_refusal(found)) == ("succeeded", None)
    assert wrong_of(standing_checks(found)) == []


def wrong_of(checks: list[Check]) -> list[str]:
    return [check.name for check in checks if not check.passed]

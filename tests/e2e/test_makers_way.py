"""Goal: a maker comes from nothing to a cast spell by what the documents say.

Method: the command `spell` as a process of its own at every step, in a folder of its own, against
the whole platform; the compiler, the signature and the sandbox are the real ones.
"""

import sys
from pathlib import Path

import pytest

from cli.client import ExitCode
from cli.packages import package_files
from infra.supply_chain.bills.reading import read_bill
from schema.contracts.supply_chain import Severity
from schema.ids import sha256_digest
from schema.supply_chain.completeness import check_completeness
from tests.support.e2e import Caster, Json, WholePlatform, fresh_spell
from tests.support.e2e_cli import Shell

COMPONENTIZE_PY = Path(sys.executable).parent / "componentize-py"
MAKER = "maker@acme.example"


@pytest.fixture
def shell(platform: WholePlatform, caster: Caster, tmp_path: Path) -> Shell:
    """Below the folder in which `spell dev` runs: commands find platform and Sigstore there."""
    Shell.of(caster, tmp_path)
    work = tmp_path / "work"
    work.mkdir()
    trust_root = platform.embedded.endpoints.trust_root_file
    return Shell(work, {"SPELL_TRUST_ROOT_FILE": trust_root})


@pytest.mark.skipif(not COMPONENTIZE_PY.exists(), reason="componentize-py is not installed")
@pytest.mark.timeout(300)
async def test_a_maker_comes_from_an_empty_folder_to_a_signed_and_cast_spell(shell: Shell) -> None:
    key = fresh_spell()
    made = await shell.json("new", "hello", "--language", "python", "--key", key)
    folder = shell.folder / made["folder"]

    built = await shell.json("build", "hello")
    assert (folder / "spell.wasm").stat().st_size == built["bytes"] > 1_000_000

    bill_of_build = (folder / "sbom.cdx.json").read_bytes()
    await shell.json("sbom", "generate", "hello")
    assert (folder / "sbom.cdx.json").read_bytes() == bill_of_build
    _check_bill(folder)

    tested = await shell.json("test", "hello")
    assert "tests/greets.json" in {found["name"] for found in tested["findings"]}
    assert tested["package_digest"] == built["package_digest"]

    refused = await shell.spell("--json", "publish", "hello")
    assert refused.code == ExitCode.REFUSED
    assert _refusing(refused.document()["details"]) == {"UNSIGNED"}

    signed = await shell.json("sign", "hello", "--identity", MAKER)
    assert signed["package_digest"] == built["package_digest"]

    verified = await shell.json("verify", "hello")
    assert verified["verified"] is True
    assert verified["package_digest"] == built["package_digest"]
    assert verified["signer"]["identity"] == MAKER

    published = await shell.json("publish", "hello")
    assert published["created"] is True
    assert published["package_digest"] == built["package_digest"]
    assert published["decision"]["passed"] is True
    assert published["decision"]["signer"]["identity"] == MAKER
    assert published["decision"]["signer"]["log_index"] == signed["log_index"]
    assert _refusing(published["decision"]) == set()
    await _check_log(shell, key)

    cast = await shell.json("cast", key, "-i", 'name="Åse"')
    assert (cast["status"], cast["result"]) == ("succeeded", {"greeting": "Hello, Åse!"})
    assert cast["cost"]["micros"] == 100

    # One line more, and it is another package, which nobody signed.
    readme = folder / "README.md"
    readme.write_text(readme.read_text() + "\nOne more line.\n")
    said = await shell.spell("--json", "verify", "hello")
    assert said.code == ExitCode.REFUSED
    assert said.document()["verified"] is False


def _refusing(decision: Json) -> set[str]:
    return {each["code"] for each in decision["reasons"] if each["severity"] == "refuse"}


async def _check_log(shell: Shell, key: str) -> None:
    """The log tells of the refusal, of the signer that is pinned, and of the version."""
    deeds = {entry["kind"]: entry for entry in (await shell.json("audit", "--spell", key))["items"]}
    assert list(deeds) == ["published", "identity_allowed", "refused"]
    published, refused = deeds["published"], deeds["refused"]
    assert published["details"]["signer"]["identity"] == MAKER
    assert refused["details"]["checks"]["signature"]["codes"] == ["UNSIGNED"]


def _check_bill(folder: Path) -> None:
    """The bill is valid, and the gate refuses nothing of it."""
    read = read_bill((folder / "sbom.cdx.json").read_bytes())
    assert read.bill is not None
    assert read.reasons == []
    files = {name: sha256_digest(content) for name, content in package_files(folder).items()}
    reasons = check_completeness(read.bill, files)
    assert [reason.code for reason in reasons if reason.severity is Severity.REFUSE] == []

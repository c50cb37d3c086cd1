"""`spell sign`, run as it is typed, against the local Sigstore."""

import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sigstore.models import Bundle
from sigstore.verify import policy

from cli.packages import bundle_for, package_folder
from infra.embedded.sigstore.tokens import ISSUER
from schema.package import read_package
from tests.support.e2e_cli import EXAMPLES, Said, Shell
from tests.support.local_sigstore import Place, running_sigstore


@pytest.fixture(scope="module")
async def place() -> AsyncIterator[Place]:
    async with running_sigstore() as place:
        yield place


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A spell's folder."""
    return shutil.copytree(EXAMPLES / "markdown", tmp_path / "markdown")


@pytest.fixture
def shell(place: Place, tmp_path: Path) -> Shell:
    """Where `spell dev` runs."""
    place.leave_profile(tmp_path)
    return Shell(tmp_path, {})


def by(identity: str) -> policy.Identity:
    return policy.Identity(identity=identity, issuer=ISSUER)


def refused(said: Said, code: int, words: str) -> None:
    assert said.code == code, said
    assert words in said.stderr


async def test_a_folder_is_signed_and_the_signature_stays_out_of_the_package(
    shell: Shell, place: Place, folder: Path
) -> None:
    archive = package_folder(folder)
    said = await shell.spell("sign", "markdown")
    assert said.code == 0, said
    assert "signed   by maker@spell.localhost (https://oidc.spell.localhost), log index" in (
        said.stdout
    )
    assert package_folder(folder) == archive
    bundle = bundle_for(folder)
    assert bundle is not None
    place.verifier().verify_artifact(archive, Bundle.from_json(bundle), by("maker@spell.localhost"))


async def test_what_was_signed_is_verified_by_the_command_that_makers_have(
    shell: Shell, place: Place, folder: Path
) -> None:
    assert (await shell.spell("sign", "markdown", "--identity", "me@example.com")).code == 0
    asked = ("verify", "markdown", "--identity", "me@example.com", "--issuer", ISSUER)
    root = str(place.trusted_root)
    verified = await shell.json(*asked, SPELL_TRUST_ROOT_FILE=root)
    assert (verified["verified"], verified["reasons"]) == (True, [])
    assert verified["signer"]["identity"] == "me@example.com"
    (folder / "README.md").write_text("Another text.\n")
    refused(await shell.spell(*asked, SPELL_TRUST_ROOT_FILE=root), 3, "DIGEST_MISMATCH")


async def test_a_tar_is_signed_by_whom_it_is_told_to_where_it_is_told_to(
    shell: Shell, place: Place, folder: Path, tmp_path: Path
) -> None:
    archive = package_folder(folder)
    (tmp_path / "package.tar").write_bytes(archive)
    arguments = ("--identity", "me@example.com", "--output", "out.sigstore", "--dsse")
    document = await shell.json("sign", "package.tar", *arguments)
    assert document["identity"] == "me@example.com"
    assert document["package_digest"] == read_package(archive).digest
    bundle = Bundle.from_json((tmp_path / "out.sigstore").read_bytes())
    assert bundle.log_entry._inner.log_index == document["log_index"]
    _, payload = place.verifier().verify_dsse(bundle, by("me@example.com"))
    statement = json.loads(payload)
    assert statement["predicate"] == {"purl": "pkg:generic/com.example.markdown@1.0.0"}
    [subject] = statement["subject"]
    assert f"sha256:{subject['digest']['sha256']}" == document["package_digest"]


async def test_what_is_no_package_is_not_signed(shell: Shell, place: Place, tmp_path: Path) -> None:
    (tmp_path / "package.tar").write_bytes(b"no tar")
    size = place.get("/api/v1/log")["treeSize"]
    refused(await shell.spell("sign", "package.tar"), 3, "PACKAGE_INVALID")
    refused(await shell.spell("sign", "nothing"), 2, "does not exist")
    assert place.get("/api/v1/log")["treeSize"] == size


async def test_an_identity_that_is_none_is_refused(shell: Shell, folder: Path) -> None:
    said = await shell.spell("sign", str(folder), "--identity", "nobody")
    refused(said, 3, "The local Sigstore gives no token: No identity")
    assert bundle_for(folder) is None


async def test_away_from_a_local_platform_somebody_has_to_sign_in(
    shell: Shell, folder: Path
) -> None:
    """Another API address means another platform, which trusts another Sigstore."""
    said = await shell.spell("sign", str(folder), SPELL_API_URL="https://spells.example.com")
    refused(said, 3, "Nobody is here to sign in")


async def test_a_github_job_without_the_permission_is_told_of_it(
    shell: Shell, folder: Path
) -> None:
    said = await shell.spell(
        "sign", str(folder), SPELL_API_URL="https://spells.example.com", GITHUB_ACTIONS="true"
    )
    refused(said, 3, "permissions: id-token: write")

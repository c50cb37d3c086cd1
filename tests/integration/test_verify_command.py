"""`spell verify` as a process, without any platform: what it says, and how it ends."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from infra.embedded.sigstore.tokens import ISSUER
from schema.ids import sha256_digest
from schema.package import SIGNATURE_FILE, build_package
from tests.support.e2e_cli import Shell
from tests.support.e2e_packages import files_of, says
from tests.support.signing import MAKER, WORKFLOW, shared_authority, sign, write_trusted_root

FILES = files_of("com.acme.words", says())
PACKAGE = build_package(FILES)
_SUITE = Path(__file__).parents[2].parent / "shared/conformance/sigstore-bundle-verify"


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A folder with a signed package, its spell's folder, and the local platform's root."""
    (tmp_path / "words").mkdir()
    for name, content in FILES.items():
        (tmp_path / "words" / name).write_bytes(content)
    (tmp_path / "words.tar").write_bytes(PACKAGE)
    for folder in (tmp_path, tmp_path / "words"):
        (folder / SIGNATURE_FILE).write_bytes(sign(PACKAGE))
    local = tmp_path / ".spell/sigstore"
    local.mkdir(parents=True)
    shutil.move(write_trusted_root(shared_authority(), tmp_path), local / "trusted_root.json")
    return Shell(tmp_path, {})


async def refused(shell: Shell, *arguments: str, **variables: Any) -> dict[str, Any]:
    said = await shell.spell("--json", "verify", *arguments, **variables)
    assert said.code == 3, said
    document: dict[str, Any] = said.document()
    assert document["verified"] is False
    return document


def codes(document: dict[str, Any]) -> list[str]:
    return [reason["code"] for reason in document["reasons"]]


@pytest.mark.parametrize("target", ["words.tar", "words", sha256_digest(PACKAGE)])
async def test_a_signed_package_is_verified_by_file_folder_and_digest(
    shell: Shell, target: str
) -> None:
    document = await shell.json(
        *("verify", target, "--identity", MAKER.email, "--issuer", ISSUER),
    )
    assert document["verified"] is True
    assert document["package_digest"] == sha256_digest(PACKAGE)
    assert document["signer"]["identity"] == MAKER.email
    assert document["trust_root_file"].endswith(".spell/sigstore/trusted_root.json")


async def test_people_read_who_signed_and_that_nobody_was_expected(shell: Shell) -> None:
    said = await shell.spell("verify", "words.tar")
    assert said.code == 0
    assert f"signed by '{MAKER.email}'" in said.stdout
    assert "No signer is expected" in said.stderr


async def test_another_signer_is_refused_in_words(shell: Shell) -> None:
    said = await shell.spell(
        *("verify", "words.tar", "--identity", "other@x.example", "--issuer", ISSUER)
    )
    assert said.code == 3
    assert "IDENTITY_MISMATCH" in said.stdout
    assert "spell identities allow" in said.stdout
    assert said.stderr.splitlines()[-1] == "The signature is refused: IDENTITY_MISMATCH."


async def test_the_signer_that_the_manifest_names_must_have_signed(shell: Shell) -> None:
    named = FILES["manifest.toml"] + (
        f'\n[supply_chain]\nissuer = "{ISSUER}"\nrepository = "acme/spells"\n'.encode()
    )
    archive = build_package({**FILES, "manifest.toml": named})
    (shell.folder / "named.tar").write_bytes(archive)
    (shell.folder / "by-maker.json").write_bytes(sign(archive))
    (shell.folder / "by-workflow.json").write_bytes(sign(archive, WORKFLOW))
    document = await refused(shell, "named.tar", "--bundle", "by-maker.json")
    assert codes(document) == ["REPOSITORY_MISMATCH"]
    document = await shell.json("verify", "named.tar", "--bundle", "by-workflow.json")
    assert document["verified"] is True


async def test_every_reason_is_listed(shell: Shell) -> None:
    (shell.folder / SIGNATURE_FILE).write_bytes(sign(b"another package"))
    document = await refused(shell, "words.tar")
    assert codes(document) == ["DIGEST_MISMATCH", "SIGNATURE_MISMATCH", "LOG_ENTRY_OTHER_ARTIFACT"]


async def test_a_package_without_a_signature_is_unsigned(shell: Shell) -> None:
    (shell.folder / SIGNATURE_FILE).unlink()
    assert codes(await refused(shell, "words.tar")) == ["UNSIGNED"]


async def test_a_package_in_another_form_is_refused_as_the_platform_would(shell: Shell) -> None:
    (shell.folder / "words.tar").write_bytes(PACKAGE + b"\0")
    said = await shell.spell("--json", "verify", "words.tar")
    assert said.code == 3
    assert said.document()["code"] == "PACKAGE_INVALID"


async def test_another_trusted_root_trusts_others(shell: Shell) -> None:
    """Sigstore's own root, by the setting, does not know the local Sigstore."""
    from infra.supply_chain.signatures.trusted_root import packaged_root

    (shell.folder / "public.json").write_bytes(packaged_root())
    for arguments, variables in (
        (("--trusted-root", "public.json"), {}),
        ((), {"SPELL_TRUST_ROOT_FILE": "public.json"}),
    ):
        document = await refused(shell, "words.tar", *arguments, **variables)
        assert codes(document) == ["CERTIFICATE_UNTRUSTED", "LOG_UNTRUSTED"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("absent.tar",),
        ("sha256:abc",),
        ("words.tar", "--identity", "x"),
        ("words.tar", "--issuer", "https://x.example"),
        ("words.tar", "--trusted-root", "absent.json"),
        ("words.tar", "--trusted-root", "words.tar"),
    ],
)
async def test_wrong_use_is_told_from_a_refusal(shell: Shell, arguments: tuple[str, ...]) -> None:
    said = await shell.spell("verify", *arguments)
    assert said.code == 2, said


@pytest.mark.conformance
async def test_any_file_signed_on_the_public_sigstore_is_verified(tmp_path: Path) -> None:
    if not _SUITE.is_dir():
        pytest.skip("no cases in ../shared/conformance")
    bundle = str(_SUITE / "happy-path-v0.3/bundle.sigstore.json")
    shell = Shell(tmp_path, {})
    artifact = str(_SUITE / "a.txt")
    document = await shell.json("verify", artifact, "--artifact", "--bundle", bundle)
    assert document["signer"]["repository"] == (
        "sigstore-conformance/extremely-dangerous-public-oidc-beacon"
    )
    assert document["trust_root_file"] is None
    json.dumps(document)

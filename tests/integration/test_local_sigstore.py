"""The local Sigstore as a process: sigstore's own client signs there, over HTTP, and verifies."""

import asyncio
import base64
import json
import os
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest
from sigstore.errors import VerificationError
from sigstore.models import Bundle
from sigstore.verify import policy

from infra.embedded.sigstore.files import CLIENT_CONFIG_REKOR_2
from infra.embedded.sigstore.tokens import ISSUER
from infra.supply_chain.signatures.signing import Release, SigningError, local_config, sign
from infra.supply_chain.signatures.signing_in import local_token
from schema.merkle import MerkleTree, leaf_hash
from tests.support.local_sigstore import ARCHIVE, BY_MAKER, DIGEST, Place, running_sigstore
from tests.support.signing import MAKER, WORKFLOW, new_authority


@pytest.fixture(scope="module")
async def place() -> AsyncIterator[Place]:
    async with running_sigstore() as place:
        assert set(place.platform.pids()) == {"sigstore"}
        yield place


async def test_a_person_signs_and_everybody_can_verify(place: Place) -> None:
    signed = await place.sign(ARCHIVE)
    assert (signed.identity, signed.issuer) == (MAKER.email, ISSUER)
    place.verify(signed)
    with pytest.raises(VerificationError):
        place.verify(signed, archive=ARCHIVE + b"!")
    with pytest.raises(VerificationError):
        place.verify(signed, policy.Identity(identity="another@example.com", issuer=ISSUER))


async def test_a_workflow_signs_as_its_repository(place: Place) -> None:
    signed = await place.sign(ARCHIVE, WORKFLOW.model_dump())
    place.verify(
        signed,
        policy.AllOf(
            [
                policy.GitHubWorkflowRepository("acme/spells"),
                policy.GitHubWorkflowRef("refs/tags/v1"),
                policy.OIDCSourceRepositoryURI("https://github.com/acme/spells"),
            ]
        ),
    )


async def test_a_statement_names_the_digest_and_the_release(place: Place) -> None:
    release = Release("com.acme.x-1.0.0.tar", "pkg:generic/com.acme.x@1.0.0")
    signed = await place.sign(ARCHIVE, release=release)
    kind, payload = place.verifier().verify_dsse(Bundle.from_json(signed.bundle), BY_MAKER)
    assert kind == "application/vnd.in-toto+json"
    statement = json.loads(payload)
    assert statement["predicateType"] == "https://in-toto.io/attestation/release/v0.1"
    assert statement["predicate"] == {"purl": release.purl}
    [subject] = statement["subject"]
    assert subject == {"name": release.name, "digest": {"sha256": DIGEST.removeprefix("sha256:")}}


@pytest.mark.parametrize("release", [None, Release("x.tar", "pkg:generic/com.acme.x@1.0.0")])
async def test_the_other_log_needs_the_time_stamp_and_gets_it(
    place: Place, release: Release | None
) -> None:
    config = local_config(place.folder / CLIENT_CONFIG_REKOR_2)
    signed = await asyncio.to_thread(sign, config, place.token(), DIGEST, release=release)
    bundle = Bundle.from_json(signed.bundle)
    assert bundle.log_entry._inner.kind_version.version == "0.0.2"
    assert bundle.log_entry._inner.integrated_time is None
    if release is None:
        place.verify(signed)
    else:
        place.verifier().verify_dsse(bundle, BY_MAKER)


async def test_another_sigstore_is_not_trusted(place: Place) -> None:
    signed = await place.sign(ARCHIVE)
    async with running_sigstore() as other:
        with pytest.raises(VerificationError, match="certificate chain"):
            other.verify(signed)


async def test_keys_log_and_trusted_root_survive_being_killed(place: Place) -> None:
    before = await place.sign(ARCHIVE)
    size, root = before.log_index + 1, place.trusted_root.read_bytes()
    assert place.get("/api/v1/log")["treeSize"] == size
    pid = place.platform.kill("sigstore")
    await place.platform.wait_replaced("sigstore", pid)
    assert place.trusted_root.read_bytes() == root
    state = place.get("/api/v1/log")
    assert state["treeSize"] == size
    after = await place.sign(ARCHIVE)
    assert after.log_index == size
    place.verify(before)
    place.verify(after)
    [entry] = place.get(f"/api/v1/log/entries?logIndex={before.log_index}").values()
    assert entry["verification"]["inclusionProof"]["treeSize"] == size + 1
    proof = place.get(f"/api/v1/log/proof?firstSize={size}&lastSize={size + 1}")
    whole = MerkleTree(leaf_hash(body) for body in bodies(place, size + 1))
    assert whole.root(size).hex() == state["rootHash"]
    assert whole.root(size + 1).hex() == proof["rootHash"]
    assert [each.hex() for each in whole.consistency_proof(size, size + 1)] == proof["hashes"]


def bodies(place: Place, size: int) -> list[bytes]:
    """What the log holds, as anybody can read it."""
    entries = (place.get(f"/api/v1/log/entries?logIndex={index}") for index in range(size))
    return [base64.b64decode(entry["body"]) for found in entries for entry in found.values()]


async def test_signatures_made_at_once_each_have_their_own_place(place: Place) -> None:
    signed = await asyncio.gather(*(place.sign(ARCHIVE) for _ in range(8)))
    assert len({each.log_index for each in signed}) == len(signed)
    for each in signed:
        place.verify(each)


async def test_everything_secret_is_its_owners_alone(place: Place) -> None:
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in place.folder.iterdir()}
    assert modes.keys() >= {"keys.json", "log.db", "trusted_root.json", "signing_config.json"}
    assert set(modes.values()) == {0o600}
    assert b"PRIVATE" not in place.trusted_root.read_bytes()
    pid = place.platform.pids()["sigstore"]
    assert place.secret not in " ".join(psutil.Process(pid).cmdline())


async def test_without_the_secret_nobody_gets_a_token(place: Place) -> None:
    with pytest.raises(SigningError, match="the secret is another one"):
        local_token(place.url, "guessed", MAKER.model_dump())
    with pytest.raises(SigningError, match="No identity"):
        place.token({"email": "nobody"})


async def test_a_token_of_another_issuer_is_refused_in_the_authoritys_words(place: Place) -> None:
    config = local_config(place.config_file)
    foreign = new_authority().tokens.issue(MAKER)
    size = place.get("/api/v1/log")["treeSize"]
    with pytest.raises(SigningError, match="No signing certificate: .* knows no other issuer"):
        sign(config, foreign, DIGEST)
    assert place.get("/api/v1/log")["treeSize"] == size


async def test_a_token_of_somebody_else_signs_nothing(place: Place) -> None:
    config = local_config(place.config_file)
    size = place.get("/api/v1/log")["treeSize"]
    with pytest.raises(SigningError, match=r"is maker@example\.com's, not boss@example\.com's"):
        sign(config, place.token(), DIGEST, identity="boss@example.com")
    assert place.get("/api/v1/log")["treeSize"] == size


async def test_a_sigstore_that_does_not_run_is_named(place: Place) -> None:
    with pytest.raises(SigningError, match="http://127.0.0.1:9 does not answer"):
        local_token("http://127.0.0.1:9", place.secret, MAKER.model_dump())
    path = place.config_file
    elsewhere = path.read_text().replace(place.url, "http://127.0.0.1:9")
    moved = path.with_name("moved.json")
    moved.touch(0o600)
    moved.write_text(elsewhere)
    with pytest.raises(SigningError, match="http://127.0.0.1:9/api/v2/signingCert does not answer"):
        sign(local_config(moved), place.token(), DIGEST)
    with pytest.raises(SigningError, match="no Sigstore client configuration"):
        local_config(Path(os.devnull))

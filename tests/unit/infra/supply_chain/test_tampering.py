"""Ways to tamper with a signed package's bundle, each refused with a reason of its own.

Goal: nothing that was not signed by who may sign, just so, passes; and a maker learns what is
wrong. Method: a package is signed for real on a local Sigstore; each case changes one thing, or
signs as an attacker would who holds that one thing. `own` is the reason that no other case is
refused for; more may be named beside it, since one change breaks several proofs. The untouched
bundles pass.
"""

import base64
import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from infra.embedded.sigstore.configs import trusted_root
from infra.embedded.sigstore.identities import Person, Workflow
from infra.embedded.sigstore.instance import LocalSigstore, wall_clock
from infra.embedded.sigstore.tokens import ISSUER
from infra.supply_chain.signatures.statement import PAYLOAD_TYPE
from schema.contracts.supply_chain import IdentityRule
from schema.limits import SIGNATURE_BYTES_MAX
from tests.support.bundles import (
    BY_MAKER,
    Json,
    Tampered,
    edited,
    entry_of,
    flipped,
    put,
    retired,
    sha256_hex,
    sign_envelope,
    statement,
)
from tests.support.reports import print_table
from tests.support.signing import (
    MAKER,
    WORKFLOW,
    new_authority,
    shared_authority,
    sign,
    with_other_log,
)

PACKAGE = b"the canonical archive of com.acme.words 1.0.0"
OTHER_VERSION = b"the canonical archive of com.acme.words 0.9.0"
OTHER_ISSUER = "https://accounts.evil.example"
BY_WORKFLOW = IdentityRule(issuer=ISSUER, repository="acme/spells", ref="refs/tags/*")


def _an_hour_ago() -> datetime:
    return wall_clock() - timedelta(hours=1)


def _in_two_hours() -> datetime:
    return wall_clock() + timedelta(hours=2)


AUTHORITY = shared_authority()
# An entry lies below ours, so that the proof has hashes.
EARLIER = sign(OTHER_VERSION, authority=AUTHORITY)
BUNDLE = sign(PACKAGE, authority=AUTHORITY)
SIGNED_AGAIN = sign(PACKAGE, authority=AUTHORITY)
ENVELOPE = sign(PACKAGE, authority=AUTHORITY, dsse=True)


def _change(change: Callable[[Json], object], bundle: bytes = BUNDLE) -> Tampered:
    return Tampered(edited(bundle, change))


def _entry(change: Callable[[Json], object]) -> Tampered:
    return _change(lambda document: change(entry_of(document)))


def _checkpoint(change: Callable[[str], str]) -> Tampered:
    def in_entry(entry: Json) -> None:
        checkpoint = entry["inclusionProof"]["checkpoint"]
        checkpoint["envelope"] = change(checkpoint["envelope"])

    return _entry(in_entry)


def _material(change: Callable[[Json], object]) -> Tampered:
    return _change(lambda document: change(document["verificationMaterial"]))


def _of(bundle: bytes) -> Json:
    document: Json = json.loads(bundle)
    return document


def _signed_by(content: bytes) -> str:
    """A signature by the attacker's own key."""
    key = ec.generate_private_key(ec.SECP256R1())
    return base64.b64encode(key.sign(content, ec.ECDSA(hashes.SHA256()))).decode()


def _at(certified: Callable[[], datetime], logged: Callable[[], datetime]) -> Tampered:
    authority = new_authority(certified_at=certified, logged_at=logged)
    return Tampered(sign(PACKAGE, authority=authority), authority)


def _elsewhere(authority: LocalSigstore) -> Tampered:
    """Signed on another Sigstore, and checked against ours."""
    return Tampered(sign(PACKAGE, authority=authority))


def _by(identity: Person | Workflow, rule: IdentityRule) -> Tampered:
    return Tampered(sign(PACKAGE, identity, authority=AUTHORITY), rule=rule)


def _by_other_issuer() -> Tampered:
    authority = new_authority(issuer=OTHER_ISSUER)
    return Tampered(sign(PACKAGE, authority=authority), authority)


def _der(content: Any) -> str:
    return base64.b64encode(content.public_bytes(Encoding.DER)).decode()


def _with_chain(document: Json) -> None:
    document["mediaType"] = "application/vnd.dev.sigstore.bundle+json;version=0.2"
    material = document["verificationMaterial"]
    root = {"rawBytes": _der(AUTHORITY.keys.root_certificate)}
    material["x509CertificateChain"] = {"certificates": [material.pop("certificate"), root]}


def _with_authoritys_certificate(material: Json) -> None:
    material["certificate"] = {"rawBytes": _der(AUTHORITY.keys.issuing_certificate)}


def _with_both_contents(document: Json) -> None:
    document["dsseEnvelope"] = _of(ENVELOPE)["dsseEnvelope"]


def _with_two_signatures(document: Json) -> None:
    document["dsseEnvelope"]["signatures"] *= 2


def _envelope(payload: bytes, payload_type: str = PAYLOAD_TYPE) -> Tampered:
    return Tampered(sign_envelope(payload, payload_type, MAKER, AUTHORITY))


def _other_certificate_log(root: Json) -> None:
    root["ctlogs"] = trusted_root(new_authority().keys)["ctlogs"]


MESSAGE = _of(BUNDLE)["messageSignature"]
TAMPERED: dict[str, tuple[str, Callable[[], Tampered]]] = {
    # Who signed.
    "another identity signs": (
        "IDENTITY_MISMATCH",
        lambda: _by(Person(email="mallory@example.com"), BY_MAKER),
    ),
    "another issuer vouches for the same name": ("ISSUER_MISMATCH", _by_other_issuer),
    "a workflow of another repository signs": (
        "REPOSITORY_MISMATCH",
        lambda: _by(Workflow(repository="mallory/spells", ref="refs/tags/v1"), BY_WORKFLOW),
    ),
    "a workflow on another ref signs": (
        "REF_MISMATCH",
        lambda: _by(Workflow(repository="acme/spells", ref="refs/heads/dev"), BY_WORKFLOW),
    ),
    # What was signed.
    "the bundle of another version is replayed": ("DIGEST_MISMATCH", lambda: Tampered(EARLIER)),
    "another key signs": (
        "SIGNATURE_MISMATCH",
        lambda: _change(lambda d: d["messageSignature"].update(signature=_signed_by(PACKAGE))),
    ),
    "the envelope's payload is edited": (
        "DSSE_SIGNATURE",
        lambda: _change(
            lambda d: d["dsseEnvelope"].update(payload=flipped(d["dsseEnvelope"]["payload"])),
            ENVELOPE,
        ),
    ),
    "the envelope is signed twice": (
        "DSSE_SIGNATURES_NUMBER",
        lambda: _change(_with_two_signatures, ENVELOPE),
    ),
    "the envelope holds something else than a statement": (
        "DSSE_PAYLOAD_TYPE",
        lambda: _envelope(statement(sha256_hex(PACKAGE)), "text/plain"),
    ),
    "the statement is of another type": (
        "DSSE_STATEMENT",
        lambda: _envelope(statement(sha256_hex(PACKAGE), _type="https://example.com/Note/v1")),
    ),
    "the statement is about another version": (
        "DSSE_SUBJECT",
        lambda: Tampered(sign(OTHER_VERSION, authority=AUTHORITY, dsse=True)),
    ),
    # The certificate.
    "another certificate authority": (
        "CERTIFICATE_UNTRUSTED",
        lambda: _elsewhere(new_authority()),
    ),
    "the certificate had expired": ("CERTIFICATE_EXPIRED", lambda: _at(_an_hour_ago, wall_clock)),
    "the certificate was not valid yet": (
        "CERTIFICATE_NOT_YET_VALID",
        lambda: _at(wall_clock, _an_hour_ago),
    ),
    "the certificate is left out": (
        "CERTIFICATE_MISSING",
        lambda: _material(lambda material: material.pop("certificate")),
    ),
    "the certificate is damaged": (
        "CERTIFICATE_MALFORMED",
        lambda: _material(put("certificate", {"rawBytes": "AAAA"})),
    ),
    "the authority's own certificate signs": (
        "CERTIFICATE_PURPOSE",
        lambda: _material(_with_authoritys_certificate),
    ),
    "a root comes along": ("CERTIFICATE_CHAIN_ROOT", lambda: _change(_with_chain)),
    "a key instead of a certificate": (
        "MANAGED_KEY",
        lambda: _material(
            lambda material: (
                material.pop("certificate"),
                material.update(publicKey={"hint": "mine"}),
            )
        ),
    ),
    "another certificate log": (
        "SCT_UNTRUSTED",
        lambda: Tampered(BUNDLE, root=_other_certificate_log),
    ),
    "the authority was retired before": (
        "AUTHORITY_EXPIRED",
        lambda: Tampered(BUNDLE, root=retired("certificateAuthorities")),
    ),
    # The transparency log.
    "another log": ("LOG_UNTRUSTED", lambda: _elsewhere(with_other_log(AUTHORITY))),
    "the log was retired before": (
        "LOG_EXPIRED",
        lambda: Tampered(BUNDLE, root=retired("tlogs")),
    ),
    "the log entry is left out": (
        "LOG_ENTRY_MISSING",
        lambda: _material(put("tlogEntries", [])),
    ),
    "the log entry is there twice": (
        "LOG_ENTRIES_SEVERAL",
        lambda: _material(lambda material: material["tlogEntries"].extend(material["tlogEntries"])),
    ),
    "the log entry is called another kind": (
        "LOG_ENTRY_KIND",
        lambda: _entry(put("kindVersion", {"kind": "intoto", "version": "0.0.2"})),
    ),
    "the log entry of another version": (
        "LOG_ENTRY_OTHER_ARTIFACT",
        lambda: _material(put("tlogEntries", _of(EARLIER)["verificationMaterial"]["tlogEntries"])),
    ),
    "the log entry's body is emptied": (
        "LOG_ENTRY_MALFORMED",
        lambda: _entry(put("canonicalizedBody", base64.b64encode(b"{}").decode())),
    ),
    "the log index is negative": ("BUNDLE_NUMBER", lambda: _entry(put("logIndex", "-1"))),
    "the promise is edited": (
        "SET_INVALID",
        lambda: _entry(
            lambda entry: entry["inclusionPromise"].update(signedEntryTimestamp=_signed_by(PACKAGE))
        ),
    ),
    "the promise is left out": (
        "TIMESTAMP_MISSING",
        lambda: _entry(lambda entry: entry.pop("inclusionPromise")),
    ),
    "the log's clock is in the future": (
        "TIME_IN_FUTURE",
        lambda: _at(_in_two_hours, _in_two_hours),
    ),
    "the inclusion proof is left out": (
        "INCLUSION_PROOF_MISSING",
        lambda: _entry(lambda entry: entry.pop("inclusionProof")),
    ),
    "a hash of the inclusion proof is edited": (
        "INCLUSION_PROOF_INVALID",
        lambda: _entry(
            lambda entry: entry["inclusionProof"]["hashes"].__setitem__(
                0, flipped(entry["inclusionProof"]["hashes"][0])
            )
        ),
    ),
    "the checkpoint is left out": (
        "CHECKPOINT_MISSING",
        lambda: _entry(lambda entry: entry["inclusionProof"].pop("checkpoint")),
    ),
    "the checkpoint's text is edited": (
        "CHECKPOINT_SIGNATURE",
        lambda: _checkpoint(lambda text: text.replace("rekor", "Rekor", 1)),
    ),
    "the checkpoint's signature is left out": (
        "CHECKPOINT_UNSIGNED",
        lambda: _checkpoint(lambda text: text.split("\n\n")[0] + "\n\n"),
    ),
    "the checkpoint is no text of a log": (
        "CHECKPOINT_MALFORMED",
        lambda: _checkpoint(lambda text: text.replace("\n\n", "\n")),
    ),
    "the checkpoint of another tree": (
        "CHECKPOINT_ROOT",
        lambda: _checkpoint(
            lambda _: entry_of(_of(EARLIER))["inclusionProof"]["checkpoint"]["envelope"]
        ),
    ),
    # The bundle's form.
    "the bundle is cut off": ("BUNDLE_MALFORMED", lambda: Tampered(BUNDLE[:-1])),
    "the bundle is blown up": (
        "BUNDLE_TOO_LARGE",
        lambda: Tampered(BUNDLE + b" " * SIGNATURE_BYTES_MAX),
    ),
    "the bundle says another version": (
        "BUNDLE_MEDIA_TYPE",
        lambda: _change(put("mediaType", "application/vnd.dev.sigstore.bundle+json;version=9.9")),
    ),
    "the signature is no base64": (
        "BUNDLE_BASE64",
        lambda: _change(lambda d: d["messageSignature"].update(signature="MEUCI")),
    ),
    "signature and envelope at once": ("BUNDLE_CONTENT", lambda: _change(_with_both_contents)),
}


@pytest.fixture(scope="module")
def table(request: pytest.FixtureRequest) -> Iterator[list[str]]:
    lines: list[str] = []
    yield lines
    print_table(request.config, [*lines, f"{len(lines)} ways to tamper with a bundle, all refused"])


def codes(tampered: Tampered, folder: Path) -> list[str]:
    return tampered.codes(PACKAGE, folder)


@pytest.mark.parametrize("name", TAMPERED)
def test_a_tampered_bundle_is_refused_for_its_own_reason(
    name: str, tmp_path: Path, table: list[str]
) -> None:
    own, tamper = TAMPERED[name]
    found = codes(tamper(), tmp_path)
    table.append(f"{name:<52}{own:<28}{', '.join(code for code in found if code != own)}")
    assert own in found


def test_every_way_has_a_reason_of_its_own() -> None:
    assert len({own for own, _ in TAMPERED.values()}) == len(TAMPERED) >= 25


@pytest.mark.parametrize("bundle", [BUNDLE, SIGNED_AGAIN, ENVELOPE])
def test_the_untouched_bundles_pass(bundle: bytes, tmp_path: Path) -> None:
    assert codes(Tampered(bundle), tmp_path) == []


def test_a_statement_whose_subject_has_a_list_for_a_digest_is_none(tmp_path: Path) -> None:
    tampered = _envelope(statement(sha256_hex(PACKAGE), subject=[{"digest": []}]))
    assert codes(tampered, tmp_path) == ["DSSE_STATEMENT"]


def test_the_untouched_envelope_of_the_tests_own_making_passes(tmp_path: Path) -> None:
    assert codes(_envelope(statement(sha256_hex(PACKAGE))), tmp_path) == []


def test_the_untouched_signature_of_a_workflow_passes(tmp_path: Path) -> None:
    assert codes(_by(WORKFLOW, BY_WORKFLOW), tmp_path) == []


@pytest.mark.parametrize("own", ["LOG_ENTRY_OTHER_SIGNATURE", "LOG_ENTRY_OTHER_CERTIFICATE"])
def test_the_log_entry_of_a_second_signature_is_another(own: str, tmp_path: Path) -> None:
    entries = _of(SIGNED_AGAIN)["verificationMaterial"]["tlogEntries"]
    assert own in codes(_material(put("tlogEntries", entries)), tmp_path)

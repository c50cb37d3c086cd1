"""What is logged, and what is not."""

import base64
import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from sigstore._internal.rekor.client import RekorClient
from sigstore.hashes import Hashed
from sigstore.models import Bundle
from sigstore_models.common.v1 import HashAlgorithm

from infra.embedded.sigstore.refusal import RefusedError
from tests.support.signing import new_authority, sign

ARCHIVE = b"the bytes of a package"
DIGEST = hashlib.sha256(ARCHIVE).digest()
Entry = dict[str, Any]


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return Bundle.from_json(sign(ARCHIVE))


@pytest.fixture
def hashed(bundle: Bundle) -> Entry:
    """A proposed entry over a digest."""
    made = RekorClient("http://nowhere")._build_hashed_rekord_request(
        hashed_input=Hashed(algorithm=HashAlgorithm.SHA2_256, digest=DIGEST),
        signature=bundle.signature,
        certificate=bundle.signing_certificate,
    )
    return dict(made)


@pytest.fixture
def envelope() -> Entry:
    """A proposed entry over an envelope."""
    signed = Bundle.from_json(sign(ARCHIVE, dsse=True))
    assert signed._dsse_envelope is not None
    made = RekorClient("http://nowhere")._build_dsse_request(
        envelope=signed._dsse_envelope, certificate=signed.signing_certificate
    )
    return dict(made)


def test_an_entry_is_logged_with_what_was_checked_and_no_more(hashed: Entry) -> None:
    log = new_authority().log
    hashed["extra"] = hashed["spec"]["extra"] = "smuggled"
    [entry] = log.add(hashed).values()
    body = json.loads(base64.b64decode(entry["body"]))
    assert body.keys() == {"apiVersion", "kind", "spec"}
    assert body["spec"].keys() == {"data", "signature"}


def test_of_an_envelope_only_digests_are_logged(envelope: Entry) -> None:
    [entry] = new_authority().log.add(envelope).values()
    body = json.loads(base64.b64decode(entry["body"]))
    text = envelope["spec"]["proposedContent"]["envelope"]
    payload = base64.b64decode(json.loads(text)["payload"])
    assert body["spec"]["envelopeHash"]["value"] == hashlib.sha256(text.encode()).hexdigest()
    assert body["spec"]["payloadHash"]["value"] == hashlib.sha256(payload).hexdigest()
    assert "payload" not in body["spec"]


def test_an_entry_sent_again_is_the_same_entry(hashed: Entry) -> None:
    log = new_authority().log
    [first] = log.add(hashed).items()
    [again] = log.add(hashed).items()
    assert first[0] == again[0]
    assert again[1]["logIndex"] == log.state()["treeSize"] - 1 == 0
    assert log.entry(0).keys() == log.entry_by_id(first[0]).keys() == {first[0]}


def flip(text: str) -> str:
    """The base64 of other bytes of the same length."""
    content = base64.b64decode(text)
    return base64.b64encode(content[:-1] + bytes([content[-1] ^ 1])).decode()


def _other_digest(entry: Entry) -> None:
    entry["spec"]["data"]["hash"]["value"] = "0" * 64


def _other_signature(entry: Entry) -> None:
    signature = entry["spec"]["signature"]
    signature["content"] = flip(signature["content"])


def _no_certificate(entry: Entry) -> None:
    entry["spec"]["signature"]["publicKey"]["content"] = base64.b64encode(b"no PEM").decode()


def _other_kind(entry: Entry) -> None:
    entry["kind"] = "intoto"


def _other_version(entry: Entry) -> None:
    entry["apiVersion"] = "0.0.2"


def _other_hash(entry: Entry) -> None:
    entry["spec"]["data"]["hash"]["algorithm"] = "sha512"


def _no_spec(entry: Entry) -> None:
    entry["spec"] = None


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_other_digest, "does not hold"),
        (_other_signature, "does not hold"),
        (_no_certificate, "not a certificate that can be read"),
        (_other_kind, "neither hashedrekord 0.0.1"),
        (_other_version, "apiVersion"),
        (_other_hash, "data.hash.algorithm"),
        (_no_spec, "see hashedrekord.spec"),
    ],
)
def test_an_entry_that_does_not_hold_is_not_logged(
    hashed: Entry, spoil: Callable[[Entry], None], words: str
) -> None:
    log = new_authority().log
    spoil(hashed)
    with pytest.raises(RefusedError, match=words):
        log.add(hashed)
    assert log.state()["treeSize"] == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not DSSE"),
        ('{"payloadType": "a", "payload": "", "signatures": []}', "see signatures"),
        ('{"payloadType": "a", "payload": "e30=", "signatures": [{"sig": "AAAA"}]}', "not hold"),
    ],
)
def test_an_envelope_that_does_not_hold_is_not_logged(
    envelope: Entry, text: str, words: str
) -> None:
    log = new_authority().log
    envelope["spec"]["proposedContent"]["envelope"] = text
    with pytest.raises(RefusedError, match=words):
        log.add(envelope)
    assert log.state()["treeSize"] == 0


# Of a certificate's DER: its version, and the object identifiers of its key and its curve.
@pytest.mark.parametrize("marker", ["a003020102", "06072a8648ce3d0201", "06082a8648ce3d030107"])
def test_a_certificate_of_an_unknown_kind_is_refused(
    hashed: Entry, bundle: Bundle, marker: str
) -> None:
    der = bundle.signing_certificate.public_bytes(Encoding.DER)
    found = bytes.fromhex(marker)
    assert der.count(found) == 1
    spoilt = der.replace(found, found[:-1] + b"\x7f")
    pem = b"-----BEGIN CERTIFICATE-----\n%b-----END CERTIFICATE-----\n" % base64.encodebytes(spoilt)
    hashed["spec"]["signature"]["publicKey"]["content"] = base64.b64encode(pem).decode()
    with pytest.raises(RefusedError, match="not a certificate that can be read"):
        new_authority().log.add(hashed)


@pytest.mark.parametrize("entry_id", ["", "zz", "00", "ff" * 40])
def test_an_unknown_entry_is_not_found(entry_id: str) -> None:
    with pytest.raises(RefusedError, match="no such entry"):
        new_authority().log.entry_by_id(entry_id)


def test_sizes_that_the_log_does_not_have_are_refused() -> None:
    with pytest.raises(RefusedError, match="The tree has 0 leaves"):
        new_authority().log.consistency(1, 2)

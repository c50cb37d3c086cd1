"""The log that is like Rekor v2: what it takes, and what it does not."""

import base64
import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from sigstore._internal.rekor.client_v2 import RekorV2Client
from sigstore.hashes import Hashed
from sigstore.models import Bundle
from sigstore_models.common.v1 import HashAlgorithm

from infra.embedded.sigstore.refusal import RefusedError
from tests.support.signing import new_authority, sign

ARCHIVE = b"the bytes of a package"
Entry = dict[str, Any]


@pytest.fixture
def proposed() -> Entry:
    bundle = Bundle.from_json(sign(ARCHIVE))
    made = RekorV2Client._build_hashed_rekord_request(
        Hashed(algorithm=HashAlgorithm.SHA2_256, digest=hashlib.sha256(ARCHIVE).digest()),
        bundle.signature,
        bundle.signing_certificate,
    )
    return dict(made)


def test_an_entry_is_logged_once_with_what_was_checked_and_no_more(proposed: Entry) -> None:
    log = new_authority().tile_log
    proposed["extra"] = proposed["hashedRekordRequestV002"]["extra"] = "smuggled"
    first, again = log.add(proposed), log.add(proposed)
    assert first["logIndex"] == again["logIndex"] == "0"
    assert again["inclusionProof"]["treeSize"] == "1"
    assert b"smuggled" not in base64.b64decode(first["canonicalizedBody"])
    body = json.loads(base64.b64decode(first["canonicalizedBody"]))
    assert body["spec"]["hashedRekordV002"]["data"] == {
        "algorithm": "SHA2_256",
        "digest": base64.b64encode(hashlib.sha256(ARCHIVE).digest()).decode(),
    }


def _request(entry: Entry) -> Entry:
    request: Entry = entry["hashedRekordRequestV002"]
    return request


def _other_digest(entry: Entry) -> None:
    _request(entry)["digest"] = base64.b64encode(bytes(32)).decode()


def _short_digest(entry: Entry) -> None:
    _request(entry)["digest"] = base64.b64encode(bytes(20)).decode()


def _no_certificate(entry: Entry) -> None:
    verifier = _request(entry)["signature"]["verifier"]
    verifier["x509Certificate"]["rawBytes"] = base64.b64encode(b"none").decode()


def _other_kind_of_key(entry: Entry) -> None:
    _request(entry)["signature"]["verifier"]["keyDetails"] = "PKIX_ED25519"


def _nothing(entry: Entry) -> None:
    entry.clear()


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_other_digest, "does not hold"),
        (_short_digest, "not one of SHA-256"),
        (_no_certificate, "not a certificate that can be read"),
        (_other_kind_of_key, "keyDetails"),
        (_nothing, "not hashedrekord 0.0.2"),
    ],
)
def test_an_entry_that_does_not_hold_is_not_logged(
    proposed: Entry, spoil: Callable[[Entry], None], words: str
) -> None:
    log = new_authority().tile_log
    spoil(proposed)
    with pytest.raises(RefusedError, match=words):
        log.add(proposed)

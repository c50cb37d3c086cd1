"""Bundles that were tampered with: JSON in, one change, JSON out, and why that is refused."""

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from sigstore.models import Bundle, TransparencyLogEntry
from sigstore_models.bundle.v1 import Bundle as BundleDocument

from infra.embedded.sigstore.configs import trusted_root
from infra.embedded.sigstore.identities import Person, Workflow
from infra.embedded.sigstore.instance import LocalSigstore
from infra.embedded.sigstore.tokens import ISSUER
from infra.supply_chain.signatures.trusted_root import TrustedRoots
from infra.supply_chain.signatures.verifier import SigstoreVerifier
from schema.contracts.supply_chain import IdentityRule
from schema.ids import sha256_digest
from schema.supply_chain.identities import identity_reasons
from tests.support.signing import MAKER, shared_authority

Json = dict[str, Any]
BY_MAKER = IdentityRule(issuer=ISSUER, identity=MAKER.email)


@dataclass(frozen=True)
class Tampered:
    """What an attacker sends."""

    bundle: bytes
    authority: LocalSigstore = field(default_factory=shared_authority)
    """Whom the platform trusts."""
    rule: IdentityRule = BY_MAKER
    root: Callable[[Json], object] = lambda _: None
    """A change to the trusted root."""

    def codes(self, package: bytes, folder: Path) -> list[str]:
        """Why it is refused for this package: for its signature, or for who signed."""
        root = trusted_root(self.authority.keys)
        self.root(root)
        path = folder / "trusted_root.json"
        path.write_text(json.dumps(root))
        check = SigstoreVerifier(TrustedRoots(path)).check(sha256_digest(package), self.bundle)
        if check.signer is None:
            return [reason.code for reason in check.reasons]
        return [reason.code for reason in identity_reasons(check.signer, None, [self.rule])]


def put(name: str, value: Any) -> Callable[[Json], object]:
    """A change that sets a member."""
    return lambda document: document.__setitem__(name, value)


def retired(member: str, index: int = 0) -> Callable[[Json], object]:
    """The trusted root after an authority or log was retired an hour ago."""

    def change(root: Json) -> None:
        valid_for = root[member][index].get("publicKey", root[member][index])["validFor"]
        valid_for["end"] = (datetime.now(UTC) - timedelta(hours=1)).isoformat()

    return change


def edited(bundle: bytes, change: Callable[[Json], object]) -> bytes:
    """The bundle after a change to its JSON document."""
    document: Json = json.loads(bundle)
    change(document)
    return json.dumps(document).encode()


def entry_of(document: Json) -> Json:
    """The transparency log entry of a bundle's document."""
    entry: Json = document["verificationMaterial"]["tlogEntries"][0]
    return entry


def flipped(encoded: str) -> str:
    """Base64 of the same bytes but for one bit in the middle."""
    content = bytearray(base64.b64decode(encoded))
    content[len(content) // 2] ^= 1
    return base64.b64encode(content).decode()


def certificate_of(bundle: bytes) -> x509.Certificate:
    """The signing certificate."""
    raw = json.loads(bundle)["verificationMaterial"]["certificate"]["rawBytes"]
    return x509.load_der_x509_certificate(base64.b64decode(raw))


def sign_envelope(
    payload: bytes, payload_type: str, identity: Person | Workflow, authority: LocalSigstore
) -> bytes:
    """A bundle of an envelope with any content of any type, signed and logged for real.

    sigstore's client signs nothing but in-toto statements, so this goes around it.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    request = x509.CertificateSigningRequestBuilder(x509.Name([])).sign(key, hashes.SHA256())
    certificate = authority.certify(request, authority.tokens.issue(identity))[0]
    kind = payload_type.encode()
    signed = b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)
    envelope = {
        "payload": _base64(payload),
        "payloadType": payload_type,
        "signatures": [{"sig": _base64(key.sign(signed, ec.ECDSA(hashes.SHA256())))}],
    }
    content = {
        "envelope": json.dumps(envelope),
        "verifiers": [_base64(certificate.public_bytes(Encoding.PEM))],
    }
    proposed = {"kind": "dsse", "apiVersion": "0.0.1", "spec": {"proposedContent": content}}
    entry = TransparencyLogEntry._from_v1_response(authority.log.add(proposed))
    document = {
        "mediaType": Bundle.BundleType.BUNDLE_0_3.value,
        "verificationMaterial": {
            "certificate": {"rawBytes": _base64(certificate.public_bytes(Encoding.DER))},
            "tlogEntries": [json.loads(entry._inner.to_json())],
        },
        "dsseEnvelope": envelope,
    }
    return BundleDocument.from_json(json.dumps(document)).to_json().encode()


def statement(digest: str, **changes: Any) -> bytes:
    """An in-toto statement about a SHA-256 digest in hexadecimal."""
    made = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "package.tar", "digest": {"sha256": digest}}],
        "predicateType": "https://example.com/published/v1",
        "predicate": {},
        **changes,
    }
    return json.dumps(made).encode()


def sha256_hex(content: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()

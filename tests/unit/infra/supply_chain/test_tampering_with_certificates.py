"""Certificates that no Fulcio issues, in bundles that are otherwise as they were signed.

Goal and method are those of `test_tampering.py`: one change, a reason of its own.
"""

import base64
import json
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from infra.embedded.sigstore.ca_certificates import usage
from infra.embedded.sigstore.configs import trusted_root
from infra.embedded.sigstore.instance import wall_clock
from tests.support.bundles import Json, Tampered, edited, entry_of, put
from tests.support.signing import MAKER, new_authority, sign

PACKAGE = b"the canonical archive of com.acme.words 1.0.0"
BUNDLE = sign(PACKAGE)
ISSUER_OID = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.1")
ISSUER_DER_OID = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.8")
NAME = x509.RFC822Name(MAKER.email)


def _made(
    names: Sequence[x509.GeneralName] = (NAME,),
    issuers: Sequence[tuple[x509.ObjectIdentifier, bytes]] = ((ISSUER_OID, b"https://x.example"),),
    key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | None = None,
) -> Tampered:
    """The bundle with a certificate of the attacker's own making."""
    signing = key or ec.generate_private_key(ec.SECP256R1())
    now = wall_clock()
    builder = (
        x509.CertificateBuilder(x509.Name([]), x509.Name([]))
        .public_key(signing.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + timedelta(minutes=10))
        .add_extension(usage(digital_signature=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=True)
    for oid, content in issuers:
        builder = builder.add_extension(x509.UnrecognizedExtension(oid, content), critical=False)
    is_edwards = isinstance(signing, ed25519.Ed25519PrivateKey)
    certificate = builder.sign(signing, None if is_edwards else hashes.SHA256())
    encoded = base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()
    change = put("certificate", {"rawBytes": encoded})
    return Tampered(edited(BUNDLE, lambda document: change(document["verificationMaterial"])))


def _with_other_log_key(root: Json) -> None:
    """The certificate log's name on another key."""
    other = trusted_root(new_authority().keys)["ctlogs"][0]
    root["ctlogs"][0]["publicKey"] = other["publicKey"]


def _of_the_first_version(document: Json) -> None:
    document["mediaType"] = "application/vnd.dev.sigstore.bundle+json;version=0.1"
    material = document["verificationMaterial"]
    material["x509CertificateChain"] = {"certificates": [material.pop("certificate")]}
    entry_of(document).pop("inclusionPromise")


TAMPERED: dict[str, tuple[str, Callable[[], Tampered]]] = {
    "made by the attacker": ("CERTIFICATE_UNTRUSTED", _made),
    "with a key of another kind": (
        "CERTIFICATE_KEY",
        lambda: _made(key=ed25519.Ed25519PrivateKey.generate()),
    ),
    "without a name": ("SIGNER_UNNAMED", lambda: _made(names=())),
    "with two names": ("SIGNER_UNNAMED", lambda: _made((NAME, x509.RFC822Name("m@x.example")))),
    "with a second name of another kind": (
        "SIGNER_UNNAMED",
        lambda: _made((NAME, x509.DNSName("x.example"))),
    ),
    "without an issuer": ("SIGNER_UNNAMED", lambda: _made(issuers=())),
    "with two issuers": (
        "SIGNER_UNNAMED",
        lambda: _made(
            issuers=(
                (ISSUER_OID, b"https://x.example"),
                (ISSUER_DER_OID, b"\x0c\x11https://y.example"),
            )
        ),
    ),
    "with an issuer that is no text": (
        "CERTIFICATE_MALFORMED",
        lambda: _made(issuers=((ISSUER_OID, b"\xff\xfe"),)),
    ),
    "with an issuer that is no DER": (
        "CERTIFICATE_MALFORMED",
        lambda: _made(issuers=((ISSUER_DER_OID, b"https://x.example"),)),
    ),
    "logged by a log of the same name with another key": (
        "SCT_INVALID",
        lambda: Tampered(BUNDLE, root=_with_other_log_key),
    ),
    "in a bundle of version 0.1 without a promise": (
        "SET_MISSING",
        lambda: Tampered(edited(BUNDLE, _of_the_first_version)),
    ),
}


@pytest.mark.parametrize("name", TAMPERED)
def test_a_certificate_that_no_fulcio_issues_is_refused(name: str, tmp_path: Path) -> None:
    own, tamper = TAMPERED[name]
    assert own in tamper().codes(PACKAGE, tmp_path)


def test_a_bundle_of_version_0_1_passes_with_its_promise(tmp_path: Path) -> None:
    promise = entry_of(json.loads(BUNDLE))["inclusionPromise"]

    def change(document: Json) -> None:
        _of_the_first_version(document)
        entry_of(document)["inclusionPromise"] = promise

    assert Tampered(edited(BUNDLE, change)).codes(PACKAGE, tmp_path) == []

"""What is wrong with a transparency log entry: its proof, its promise, and what it is about.

Explains refusals; it never accepts anything. The proofs are the library's own functions, called one
by one so that each fault is named and not only the first.
"""

import base64
import hashlib
import json
from collections.abc import Iterator
from typing import Any

from cryptography import x509
from sigstore._internal.merkle import verify_merkle_inclusion
from sigstore._internal.rekor.checkpoint import SignedCheckpoint
from sigstore._internal.trust import KeyringPurpose, RekorKeyring
from sigstore._utils import KeyID
from sigstore.dsse import Envelope
from sigstore.errors import VerificationError
from sigstore.models import TransparencyLogEntry
from sigstore_models.trustroot.v1 import TransparencyLogInstance

from infra.supply_chain.signatures.bundle import SignedBundle
from infra.supply_chain.signatures.trusted_root import LoadedRoot
from schema.contracts.supply_chain import Reason
from schema.supply_chain.reasons import reason

_NO_SIGNATURE = ("at least one signature", "Signature not found")


def log_of(signed: SignedBundle, loaded: LoadedRoot) -> TransparencyLogInstance | None:
    """The log of the trusted root that holds the entry; None when it is of another log."""
    log_id = signed.entry.log_id.key_id
    for log in loaded.document.tlogs:
        ids = [log.log_id, *([log.checkpoint_key_id] if log.checkpoint_key_id else [])]
        if any(each.key_id == log_id for each in ids):
            return log
    return None


def kind_faults(signed: SignedBundle) -> Iterator[Reason]:
    """Whether the entry is of a kind that can be verified at all with what the bundle holds."""
    name = _kind_of(signed)
    if name not in _READERS[signed.document.dsse_envelope is not None]:
        message = f"The transparency log entry is of kind {name!r}."
        yield reason("LOG_ENTRY_KIND", message, details={"kind": name})


def proof_faults(signed: SignedBundle, loaded: LoadedRoot) -> Iterator[Reason]:
    """What is wrong with the proof and the promise that the log holds the entry."""
    if log_of(signed, loaded) is None:
        log_id = base64.b64encode(signed.entry.log_id.key_id).decode()
        yield reason("LOG_UNTRUSTED", details={"log_id": log_id})
        return
    entry = TransparencyLogEntry(signed.entry)
    keys = loaded.root.rekor_keyring(KeyringPurpose.VERIFY)
    try:
        verify_merkle_inclusion(entry)
    except VerificationError:
        yield reason("INCLUSION_PROOF_INVALID")
    yield from _checkpoint_faults(signed, keys)
    if signed.entry.inclusion_promise and signed.entry.integrated_time:
        yield from _promise_faults(entry, keys)


def content_faults(signed: SignedBundle, package_sha256: bytes) -> Iterator[Reason]:
    """Whether the entry is about this package, this signature and this certificate."""
    try:
        artifact, signature, certificate = _entry_parts(signed)
        own = signed.certificate == certificate
    except (KeyError, IndexError, TypeError, ValueError) as error:
        message = f"The transparency log entry cannot be read: {type(error).__name__}."
        yield reason("LOG_ENTRY_MALFORMED", message)
        return
    if artifact != _expected_digest(signed, package_sha256):
        yield reason("LOG_ENTRY_OTHER_ARTIFACT", details={"logged": artifact.hex()})
    if signature != signed.signature:
        yield reason("LOG_ENTRY_OTHER_SIGNATURE")
    if not own:
        yield reason("LOG_ENTRY_OTHER_CERTIFICATE")


def _checkpoint_faults(signed: SignedBundle, keys: RekorKeyring) -> Iterator[Reason]:
    proof = signed.entry.inclusion_proof
    assert proof.checkpoint is not None, "`read_bundle` refuses an entry without one"
    text = proof.checkpoint.envelope
    try:
        signed_checkpoint = SignedCheckpoint.from_text(text)
    except Exception as error:  # noqa: BLE001 - the library raises many kinds for bad text
        unsigned = any(part in str(error) for part in _NO_SIGNATURE)
        yield reason("CHECKPOINT_UNSIGNED" if unsigned else "CHECKPOINT_MALFORMED")
        return
    try:
        signed_checkpoint.signed_note.verify(keys, KeyID(signed.entry.log_id.key_id))
    except VerificationError as error:
        unsigned = any(part in str(error) for part in _NO_SIGNATURE)
        yield reason("CHECKPOINT_UNSIGNED" if unsigned else "CHECKPOINT_SIGNATURE")
    if signed_checkpoint.checkpoint.log_hash != proof.root_hash.hex():
        yield reason("CHECKPOINT_ROOT")


def _promise_faults(entry: TransparencyLogEntry, keys: RekorKeyring) -> Iterator[Reason]:
    try:
        entry._verify_set(keys)  # noqa: SLF001 - the library checks a promise in no other place
    except VerificationError:
        yield reason("SET_INVALID")


def _expected_digest(signed: SignedBundle, package_sha256: bytes) -> bytes:
    """What the entry should say: the package's digest, or that of what the envelope signs."""
    envelope = signed.document.dsse_envelope
    if envelope is None:
        return package_sha256
    if signed.entry.kind_version.kind == "dsse":
        return hashlib.sha256(envelope.payload).digest()
    # Rekor v2 logs an envelope as the hash of its pre-authentication encoding.
    return hashlib.sha256(Envelope(envelope).pae()).digest()


def _entry_parts(signed: SignedBundle) -> tuple[bytes, bytes, x509.Certificate]:
    """(digest, signature, certificate) that the log recorded."""
    body: Any = json.loads(signed.entry.canonicalized_body)
    readers = _READERS[signed.document.dsse_envelope is not None]
    return readers[_kind_of(signed)](body["spec"])


def _kind_of(signed: SignedBundle) -> str:
    kind = signed.entry.kind_version
    return f"{kind.kind}/{kind.version}"


def _hashedrekord_v1(spec: Any) -> tuple[bytes, bytes, x509.Certificate]:
    return (
        bytes.fromhex(spec["data"]["hash"]["value"]),
        base64.b64decode(spec["signature"]["content"]),
        _pem(spec["signature"]["publicKey"]["content"]),
    )


def _dsse_v1(spec: Any) -> tuple[bytes, bytes, x509.Certificate]:
    (signature,) = spec["signatures"]
    return (
        bytes.fromhex(spec["payloadHash"]["value"]),
        base64.b64decode(signature["signature"]),
        _pem(signature["verifier"]),
    )


def _hashedrekord_v2(spec: Any) -> tuple[bytes, bytes, x509.Certificate]:
    record = spec["hashedRekordV002"]
    signature = record["signature"]
    encoded = signature["verifier"]["x509Certificate"]["rawBytes"]
    return (
        base64.b64decode(record["data"]["digest"]),
        base64.b64decode(signature["content"]),
        x509.load_der_x509_certificate(base64.b64decode(encoded)),
    )


def _pem(encoded: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(base64.b64decode(encoded))


# By whether the bundle holds an envelope: which kinds of entry go with it.
_READERS = {
    False: {"hashedrekord/0.0.1": _hashedrekord_v1, "hashedrekord/0.0.2": _hashedrekord_v2},
    True: {"dsse/0.0.1": _dsse_v1, "hashedrekord/0.0.2": _hashedrekord_v2},
}

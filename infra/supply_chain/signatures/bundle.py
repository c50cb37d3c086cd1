"""Read a Sigstore bundle that nobody vouches for, and say what is wrong with its form.

Format: protobuf-specs, sigstore_bundle.proto, as JSON. All faults of form are named, each with the
member it is about. What has passed may still be signed by anybody.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import ValidationError
from rfc3161_client import TimeStampResponse, decode_timestamp_response
from sigstore.models import Bundle
from sigstore_models.bundle.v1 import Bundle as BundleDocument
from sigstore_models.rekor.v1 import TransparencyLogEntry

from infra.supply_chain.signatures.certificate import chain_faults, read_certificates
from schema.canonical import JsonRefusedError, parse_json
from schema.contracts.supply_chain import Reason
from schema.limits import SIGNATURE_BYTES_MAX
from schema.packaging.refusal import printable
from schema.supply_chain.reasons import reason

# As many as the library takes; more would only cost time.
TIMESTAMPS_MAX = 32
# The end of the year 9999, where times end.
_SECONDS_MAX = 253_402_300_799


class BundleRefusedError(Exception):
    """The bytes are no bundle that can be verified; `reasons` says why."""

    def __init__(self, reasons: list[Reason]) -> None:
        super().__init__([each.code for each in reasons])
        self.reasons = reasons


@dataclass(frozen=True)
class SignedBundle:
    """A bundle of the right form."""

    bundle: Bundle
    document: BundleDocument
    certificate: x509.Certificate
    """The signing certificate; its key is an elliptic-curve one."""
    entry: TransparencyLogEntry
    signature: bytes
    timestamps: list[TimeStampResponse]


def read_bundle(content: bytes) -> SignedBundle:
    """Read a bundle.

    Raises:
        BundleRefusedError: with every fault of form that was found.
    """
    document, faults = _read_document(content)
    if document is None:
        raise BundleRefusedError(faults)
    certificates, certificate_faults = read_certificates(document)
    timestamps, timestamp_faults = _read_timestamps(document)
    faults = [
        *certificate_faults,
        *chain_faults(certificates),
        *_document_faults(document),
        *timestamp_faults,
    ]
    if faults:
        raise BundleRefusedError(faults)
    try:
        bundle = Bundle.from_json(content)
    except Exception as error:
        raise BundleRefusedError([_malformed(str(error))]) from error
    return SignedBundle(
        bundle=bundle,
        document=document,
        certificate=certificates[0],
        entry=document.verification_material.tlog_entries[0],
        signature=bundle.signature,
        timestamps=timestamps,
    )


def public_key_of(certificate: x509.Certificate) -> ec.EllipticCurvePublicKey:
    """The signing key. Raises TypeError when it is of another kind, which `chain_faults` sees."""
    key = certificate.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise TypeError("not an elliptic-curve key")
    return key


def _read_document(content: bytes) -> tuple[BundleDocument | None, list[Reason]]:
    if len(content) > SIGNATURE_BYTES_MAX:
        message = f"The bundle has {len(content)} bytes; at most {SIGNATURE_BYTES_MAX} are read."
        return None, [reason("BUNDLE_TOO_LARGE", message)]
    try:
        # Stricter than the library: of a name that appears twice, two readers may see two values.
        raw = parse_json(content)
    except JsonRefusedError as error:
        return None, [_malformed(f"The bundle is no strict JSON: {error}.")]
    try:
        return BundleDocument.from_json(content), []
    except ValidationError as error:
        return None, _unique([*_member_faults(error), *_raw_faults(raw)])


def _member_faults(error: ValidationError) -> Iterator[Reason]:
    """One reason for each member that the format does not allow."""
    for fault in error.errors(include_url=False, include_context=False):
        member = printable(".".join(map(str, fault["loc"])))
        if fault["loc"][-1:] == ("inclusionProof",) and fault["type"] == "missing":
            yield reason("INCLUSION_PROOF_MISSING", subject=member)
            continue
        if not member or member == "verificationMaterial":
            # "Exactly one of": `_raw_faults` says of which.
            continue
        yield reason(_code_of(fault), f"{member}: {printable(fault['msg'])}", subject=member)


def _code_of(fault: Any) -> str:
    if fault["loc"] == ("mediaType",):
        return "BUNDLE_MEDIA_TYPE"
    if fault["type"] == "value_error":
        message = fault["msg"]
        if "base64" in message or "padding" in message or "ASCII" in message:
            return "BUNDLE_BASE64"
        if "uint64" in message or "int()" in message or "treeSize" in message:
            return "BUNDLE_NUMBER"
    return "BUNDLE_MALFORMED"


def _raw_faults(raw: Any) -> Iterator[Reason]:
    """What is missing, or there twice, in a document that the format does not allow."""
    if not isinstance(raw, dict):
        yield _malformed("The bundle is not a JSON object.")
        return
    if bool(raw.get("messageSignature")) == bool(raw.get("dsseEnvelope")):
        yield reason("BUNDLE_CONTENT")
    material = raw.get("verificationMaterial")
    if not isinstance(material, dict):
        yield _malformed("The bundle has no verificationMaterial.")
        return
    if not any(name in material for name in ("publicKey", "x509CertificateChain", "certificate")):
        yield reason("CERTIFICATE_MISSING")
    if not material.get("tlogEntries"):
        yield reason("LOG_ENTRY_MISSING")


def _document_faults(document: BundleDocument) -> Iterator[Reason]:
    """Faults that the format allows and Sigstore's client specification does not."""
    material = document.verification_material
    if material.public_key is not None:
        hint = material.public_key.hint
        yield reason("MANAGED_KEY", details={"key_hint": hint})
    entries = material.tlog_entries
    if not entries:
        yield reason("LOG_ENTRY_MISSING")
    if len(entries) > 1:
        message = f"The bundle holds {len(entries)} transparency log entries."
        yield reason("LOG_ENTRIES_SEVERAL", message)
    for entry in entries:
        yield from _entry_faults(entry, document)
    envelope = document.dsse_envelope
    if envelope is not None and len(envelope.signatures) != 1:
        message = f"The envelope has {len(envelope.signatures)} signatures instead of one."
        yield reason("DSSE_SIGNATURES_NUMBER", message)


def _entry_faults(entry: TransparencyLogEntry, document: BundleDocument) -> Iterator[Reason]:
    if entry.inclusion_proof.checkpoint is None:
        yield reason("CHECKPOINT_MISSING")
    if (entry.integrated_time or 0) > _SECONDS_MAX:
        yield reason("BUNDLE_NUMBER", "integratedTime: lies behind the year 9999.")
    if entry.inclusion_promise is None:
        yield from _untimed_faults(document)


def _untimed_faults(document: BundleDocument) -> Iterator[Reason]:
    """Without the log's promise, version 0.1 says nothing and later ones need a timestamp."""
    timestamps = document.verification_material.timestamp_verification_data
    if document.media_type.endswith("version=0.1"):
        yield reason("SET_MISSING")
    elif timestamps is None or not timestamps.rfc3161_timestamps:
        yield reason("TIMESTAMP_MISSING")


def _read_timestamps(document: BundleDocument) -> tuple[list[TimeStampResponse], list[Reason]]:
    """The bundle's timestamps, made by nobody in particular; or why they cannot be read."""
    verification = document.verification_material.timestamp_verification_data
    timestamps = verification.rfc3161_timestamps if verification is not None else []
    encoded = [each.signed_timestamp for each in timestamps]
    if len(encoded) > TIMESTAMPS_MAX or len(set(encoded)) < len(encoded):
        return [], [reason("TIMESTAMPS_REPEATED", details={"timestamps": len(encoded)})]
    try:
        return [decode_timestamp_response(each) for each in encoded], []
    except ValueError as error:
        return [], [reason("TIMESTAMP_MALFORMED", f"A timestamp cannot be read: {error}")]


def _malformed(message: str) -> Reason:
    return reason("BUNDLE_MALFORMED", printable(message))


def _unique(reasons: list[Reason]) -> list[Reason]:
    found = {(each.code, each.subject): each for each in reasons}
    unnamed = _malformed("The bundle does not have the form of a Sigstore bundle.")
    return list(found.values()) or [unnamed]

"""What may be logged: signatures that hold, in the entry types of Rekor v1 that clients verify.

Only members that were checked are logged, in canonical form (RFC 8785): nobody can have the log
carry anything else.
"""

import base64
import hashlib
from typing import Annotated, Any, Literal

import rfc8785
from pydantic import Base64Bytes, BaseModel, Field, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

from infra.embedded.sigstore.refusal import RefusedError
from infra.embedded.sigstore.signature_check import check_pem


class _Part(BaseModel):
    model_config = {"alias_generator": to_camel}


class _Key(_Part):
    content: Base64Bytes


class _Signature(_Part):
    content: Base64Bytes
    public_key: _Key


class _Hash(_Part):
    algorithm: Literal["sha256"]
    value: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Data(_Part):
    hash: _Hash


class _HashedSpec(_Part):
    data: _Data
    signature: _Signature


class _ProposedContent(_Part):
    envelope: str
    verifiers: Annotated[list[Base64Bytes], Field(min_length=1, max_length=1)]


class _EnvelopeSpec(_Part):
    proposed_content: _ProposedContent


class HashedEntry(_Part):
    """`hashedrekord` 0.0.1: a signature over a digest."""

    kind: Literal["hashedrekord"]
    api_version: Literal["0.0.1"]
    spec: _HashedSpec

    def body(self) -> bytes:
        """What is logged.

        Raises:
            RefusedError: the signature does not hold.
        """
        signature, digest = self.spec.signature, self.spec.data.hash.value
        check_pem(signature.public_key.content, signature.content, bytes.fromhex(digest))
        spec = {
            "data": {"hash": {"algorithm": "sha256", "value": digest}},
            "signature": {
                "content": base64_text(signature.content),
                "publicKey": {"content": base64_text(signature.public_key.content)},
            },
        }
        return _canonical(self.kind, spec)


class EnvelopeEntry(_Part):
    """`dsse` 0.0.1: an envelope with one signature, of which only digests are logged."""

    kind: Literal["dsse"]
    api_version: Literal["0.0.1"]
    spec: _EnvelopeSpec

    def body(self) -> bytes:
        """What is logged.

        Raises:
            RefusedError: there is no envelope with one signature that holds.
        """
        proposed = self.spec.proposed_content
        envelope = _Envelope.read(proposed.envelope)
        [verifier], [signature] = proposed.verifiers, envelope.signatures
        digest = hashlib.sha256(envelope.signed_bytes()).digest()
        check_pem(verifier, signature.sig, digest)
        spec = {
            "envelopeHash": _hash(proposed.envelope.encode()),
            "payloadHash": _hash(envelope.payload),
            "signatures": [
                {"signature": base64_text(signature.sig), "verifier": base64_text(verifier)}
            ],
        }
        return _canonical(self.kind, spec)


class _EnvelopeSignature(BaseModel):
    sig: Base64Bytes


class _Envelope(_Part):
    payload_type: str
    payload: Base64Bytes
    signatures: Annotated[list[_EnvelopeSignature], Field(min_length=1, max_length=1)]

    @classmethod
    def read(cls, text: str) -> "_Envelope":
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise RefusedError(
                f"The envelope is not DSSE with one signature{place_of(error)}"
            ) from None

    def signed_bytes(self) -> bytes:
        """DSSE's pre-authentication encoding, PAE."""
        kind = self.payload_type.encode()
        return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(self.payload), self.payload)


_PROPOSED: TypeAdapter[HashedEntry | EnvelopeEntry] = TypeAdapter(
    Annotated[HashedEntry | EnvelopeEntry, Field(discriminator="kind")]
)


def body_of(proposed: Any) -> bytes:
    """What is logged of a proposed entry.

    Args:
        proposed: the request's JSON document.

    Raises:
        RefusedError: it is of no kind that is logged here, or its signature does not hold.
    """
    try:
        entry = _PROPOSED.validate_python(proposed)
    except ValidationError as error:
        raise RefusedError(
            "The proposed entry is neither hashedrekord 0.0.1 over SHA-256 nor dsse 0.0.1 with one "
            f"verifier{place_of(error)}"
        ) from None
    return entry.body()


def _canonical(kind: str, spec: dict[str, Any]) -> bytes:
    return rfc8785.dumps({"apiVersion": "0.0.1", "kind": kind, "spec": spec})


def _hash(content: bytes) -> dict[str, str]:
    return {"algorithm": "sha256", "value": hashlib.sha256(content).hexdigest()}


def base64_text(content: bytes) -> str:
    """Base64 as text."""
    return base64.b64encode(content).decode("ascii")


def place_of(error: ValidationError) -> str:
    """Where it is wrong, without what is there."""
    place = ".".join(str(part) for part in error.errors(include_input=False)[0]["loc"])
    return f": see {place}." if place else "."

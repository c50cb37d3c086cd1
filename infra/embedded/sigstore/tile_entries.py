"""What a log in the manner of Rekor v2 takes: `hashedrekord` 0.0.2, for envelopes too.

The digest of an envelope is that of its pre-authentication encoding (rekor-v2-spec 6.1.4).
"""

from typing import Any, Literal

import rfc8785
from pydantic import Base64Bytes, BaseModel, Field, ValidationError
from pydantic.alias_generators import to_camel

from infra.embedded.sigstore.proposed_entries import base64_text, place_of
from infra.embedded.sigstore.refusal import RefusedError
from infra.embedded.sigstore.signature_check import check_der

_SHA256_BYTES = 32


class _Part(BaseModel):
    model_config = {"alias_generator": to_camel}


class _Certificate(_Part):
    raw_bytes: Base64Bytes


class _Verifier(_Part):
    certificate: _Certificate = Field(alias="x509Certificate")
    key_details: Literal["PKIX_ECDSA_P256_SHA_256"]


class _Signature(_Part):
    content: Base64Bytes
    verifier: _Verifier


class _Request(_Part):
    digest: Base64Bytes
    signature: _Signature


class _Proposed(BaseModel):
    request: _Request = Field(alias="hashedRekordRequestV002")


def tile_body_of(proposed: Any) -> bytes:
    """What is logged of a proposed entry.

    Args:
        proposed: the request's JSON document.

    Raises:
        RefusedError: it is of no kind that is logged here, or its signature does not hold.
    """
    request = _read(proposed)
    certificate = request.signature.verifier.certificate.raw_bytes
    check_der(certificate, request.signature.content, request.digest)
    verifier = {
        "keyDetails": request.signature.verifier.key_details,
        "x509Certificate": {"rawBytes": base64_text(certificate)},
    }
    entry = {
        "data": {"algorithm": "SHA2_256", "digest": base64_text(request.digest)},
        "signature": {"content": base64_text(request.signature.content), "verifier": verifier},
    }
    spec: dict[str, Any] = {"hashedRekordV002": entry}
    return rfc8785.dumps({"apiVersion": "0.0.2", "kind": "hashedrekord", "spec": spec})


def _read(proposed: Any) -> _Request:
    try:
        request = _Proposed.model_validate(proposed).request
    except ValidationError as error:
        raise RefusedError(
            "The proposed entry is not hashedrekord 0.0.2 with an ECDSA P-256 certificate"
            f"{place_of(error)}"
        ) from None
    if len(request.digest) != _SHA256_BYTES:
        raise RefusedError("The digest is not one of SHA-256.")
    return request

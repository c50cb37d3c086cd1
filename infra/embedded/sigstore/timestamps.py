"""The time-stamp authority of RFC 3161: says that a signature was there at a time."""

import hashlib
import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Any

from asn1crypto import algos, cms, core, tsp
from asn1crypto import x509 as asn1_x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from infra.embedded.sigstore.keys import Keys
from infra.embedded.sigstore.refusal import RefusedError

# The one under which Sigstore's public authority stamps.
_POLICY = "1.3.6.1.4.1.57264.2"
_DIGEST_BYTES = {"sha256": 32, "sha384": 48, "sha512": 64}
_SHA256_WITH_ECDSA = {"algorithm": "sha256_ecdsa"}


class TimestampAuthority:
    """Answers time-stamp queries.

    Args:
        keys: the instance's keys.
        clock: the time now, with its zone.
    """

    def __init__(self, keys: Keys, clock: Callable[[], datetime]) -> None:
        self._key = keys.time_stamping
        self._certificate = keys.time_stamping_certificate
        self._clock = clock

    def stamp(self, query: bytes) -> bytes:
        """The response to a query, both as DER.

        Raises:
            RefusedError: it is no query, or over no digest that counts.
        """
        asked = _read(query)
        info = tsp.TSTInfo(
            {
                "version": "v1",
                "policy": _POLICY,
                "message_imprint": asked["message_imprint"],
                "serial_number": secrets.randbits(63),
                "gen_time": self._clock().replace(microsecond=0),
            }
        )
        if asked["nonce"].native is not None:
            info["nonce"] = asked["nonce"]
        response = tsp.TimeStampResp(
            {"status": {"status": "granted"}, "time_stamp_token": self._token(info, asked)}
        )
        der: bytes = response.dump()
        return der

    def _token(self, info: tsp.TSTInfo, asked: tsp.TimeStampReq) -> cms.ContentInfo:
        """The stamp in its CMS signature (RFC 5652, RFC 5816)."""
        certificate = asn1_x509.Certificate.load(self._certificate.public_bytes(Encoding.DER))
        content = info.dump()
        attributes = self._attributes(content, certificate)
        # Signed as a SET OF, although it travels under an implicit tag (RFC 5652 5.4).
        signature = self._key.sign(attributes.dump(), ec.ECDSA(hashes.SHA256()))
        signer = {
            "version": "v1",
            "sid": {
                "issuer_and_serial_number": {
                    "issuer": certificate.issuer,
                    "serial_number": certificate.serial_number,
                }
            },
            "digest_algorithm": {"algorithm": "sha256"},
            "signed_attrs": attributes,
            "signature_algorithm": _SHA256_WITH_ECDSA,
            "signature": signature,
        }
        signed: dict[str, Any] = {
            "version": "v3",
            "digest_algorithms": [{"algorithm": "sha256"}],
            "encap_content_info": {
                "content_type": "tst_info",
                "content": core.ParsableOctetString(content),
            },
            "signer_infos": [signer],
        }
        if asked["cert_req"].native:
            signed["certificates"] = [certificate]
        return cms.ContentInfo({"content_type": "signed_data", "content": cms.SignedData(signed)})

    def _attributes(self, content: bytes, certificate: asn1_x509.Certificate) -> cms.CMSAttributes:
        this_certificate = tsp.ESSCertIDv2(
            {
                "hash_algorithm": algos.DigestAlgorithm({"algorithm": "sha256"}),
                "cert_hash": hashlib.sha256(certificate.dump()).digest(),
            }
        )
        values = {
            "content_type": "tst_info",
            "message_digest": hashlib.sha256(content).digest(),
            "signing_certificate_v2": tsp.SigningCertificateV2({"certs": [this_certificate]}),
        }
        return cms.CMSAttributes(
            [cms.CMSAttribute({"type": name, "values": [value]}) for name, value in values.items()]
        )


def _read(query: bytes) -> tsp.TimeStampReq:
    try:
        asked = tsp.TimeStampReq.load(query, strict=True)
        imprint = asked["message_imprint"]
        algorithm = imprint["hash_algorithm"]["algorithm"].native
        size = len(imprint["hashed_message"].native)
        _ = asked["nonce"].native, asked["cert_req"].native
    except (ValueError, TypeError, KeyError):
        raise RefusedError("The body is not a time-stamp query (RFC 3161) as DER.") from None
    if _DIGEST_BYTES.get(algorithm) != size:
        raise RefusedError("Time stamps are given over SHA-256, SHA-384 and SHA-512 digests only.")
    return asked

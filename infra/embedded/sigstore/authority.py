"""The certificate authority, as Fulcio: ten-minute certificates over identities.

Every certificate holds the promise of a certificate log (SCT, RFC 6962 3) that it is logged. Here
the promise is all there is: a development server has nobody who would watch such a log.
"""

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from infra.embedded.sigstore.ca_certificates import usage
from infra.embedded.sigstore.identities import Identity
from infra.embedded.sigstore.keys import Keys, public_der
from infra.embedded.sigstore.refusal import RefusedError

LIFETIME = timedelta(minutes=10)
_FULCIO = "1.3.6.1.4.1.57264.1"
_ISSUER, _ISSUER_DER = 1, 8
# Up to .1.6 the extensions hold bare text, from .1.8 on a DER UTF8String.
_BARE_TEXT_MAX = 6
_SCT_LIST = x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
_UTF8_STRING, _OCTET_STRING = 0x0C, 0x04
_V1, _NO_EXTENSIONS, _SHA256_WITH_ECDSA = b"\0", b"\0\0", b"\4\3"


class CertificateAuthority:
    """Issues signing certificates.

    Args:
        keys: the instance's keys.
        clock: the time now, with its zone.
        lifetime: how long a certificate is valid.
    """

    def __init__(
        self, keys: Keys, clock: Callable[[], datetime], lifetime: timedelta = LIFETIME
    ) -> None:
        self._keys = keys
        self._clock = clock
        self._lifetime = lifetime

    def issue(
        self, request: x509.CertificateSigningRequest, identity: Identity, issuer: str
    ) -> list[x509.Certificate]:
        """A certificate over the request's key, which the requester has shown to hold.

        Args:
            request: only its key is heeded, as Fulcio does.
            identity: who asks, as their token says.
            issuer: who vouches for that.

        Returns:
            The certificate, then the issuing authority's, then the root's.

        Raises:
            RefusedError: the key is not P-256, or did not sign the request.
        """
        key = request.public_key()
        if not (isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1)):
            raise RefusedError("The key to certify is not an ECDSA P-256 key.")
        if not request.is_signature_valid:
            raise RefusedError("The certificate request is not signed by the key that it names.")
        draft = self._draft(key, identity, issuer)
        certificate = self._signed(self._with_promise(draft))
        return [certificate, self._keys.issuing_certificate, self._keys.root_certificate]

    def _draft(
        self, key: ec.EllipticCurvePublicKey, identity: Identity, issuer: str
    ) -> x509.CertificateBuilder:
        now = self._clock().replace(microsecond=0)
        above = self._keys.issuing_certificate
        builder = (
            x509.CertificateBuilder(subject_name=x509.Name([]), issuer_name=above.subject)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now)
            .not_valid_after(now + self._lifetime)
            .add_extension(usage(digital_signature=True), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._keys.issuing.public_key()),
                critical=False,
            )
            # Critical, as RFC 5280 4.2.1.6 wants where the subject is empty.
            .add_extension(x509.SubjectAlternativeName([identity.name()]), critical=True)
        )
        values = {_ISSUER: issuer, _ISSUER_DER: issuer, **identity.extensions()}
        for number, value in sorted(values.items()):
            builder = builder.add_extension(_fulcio_extension(number, value), critical=False)
        return builder

    def _with_promise(self, draft: x509.CertificateBuilder) -> x509.CertificateBuilder:
        """The draft with its SCT, as the last extension: verifiers take it out again to check."""
        unlogged = self._signed(draft).tbs_certificate_bytes
        promise = self._promise(unlogged)
        inner = len(promise).to_bytes(2) + promise
        listed = _der(_OCTET_STRING, len(inner).to_bytes(2) + inner)
        return draft.add_extension(x509.UnrecognizedExtension(_SCT_LIST, listed), critical=False)

    def _promise(self, unlogged: bytes) -> bytes:
        """A SignedCertificateTimestamp over a precertificate (RFC 6962 3.2)."""
        key = self._keys.certificate_log
        log_id = hashlib.sha256(public_der(key.public_key())).digest()
        milliseconds = int(self._clock().timestamp() * 1000).to_bytes(8)
        issuer_digest = hashlib.sha256(public_der(self._keys.issuing.public_key())).digest()
        precertificate = b"\0\1" + issuer_digest + len(unlogged).to_bytes(3) + unlogged
        signed = _V1 + b"\0" + milliseconds + precertificate + _NO_EXTENSIONS
        signature = key.sign(signed, ec.ECDSA(hashes.SHA256()))
        stamp = _V1 + log_id + milliseconds + _NO_EXTENSIONS
        return stamp + _SHA256_WITH_ECDSA + len(signature).to_bytes(2) + signature

    def _signed(self, builder: x509.CertificateBuilder) -> x509.Certificate:
        return builder.sign(self._keys.issuing, hashes.SHA384())


def _fulcio_extension(number: int, value: str) -> x509.UnrecognizedExtension:
    text = value.encode()
    content = text if number <= _BARE_TEXT_MAX else _der(_UTF8_STRING, text)
    return x509.UnrecognizedExtension(x509.ObjectIdentifier(f"{_FULCIO}.{number}"), content)


def _der(tag: int, content: bytes) -> bytes:
    """One DER value: tag, length, content (X.690 8.1)."""
    size = len(content)
    short_form_below = 128
    if size < short_form_below:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes((tag, 0x80 | len(length))) + length + content

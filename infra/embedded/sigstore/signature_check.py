"""Whether a signature to be logged holds: logs take no others."""

from collections.abc import Callable

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from infra.embedded.sigstore.refusal import RefusedError

_PREHASHED = ec.ECDSA(Prehashed(hashes.SHA256()))


def check_pem(certificate: bytes, signature: bytes, digest: bytes) -> None:
    """Whether the key of a certificate in PEM made this signature.

    Args:
        certificate: as nobody has checked it.
        signature: ECDSA, as DER.
        digest: of SHA-256, 32 bytes.

    Raises:
        RefusedError: it did not, or there is no certificate over an elliptic-curve key.
    """
    _check(x509.load_pem_x509_certificate, certificate, signature, digest)


def check_der(certificate: bytes, signature: bytes, digest: bytes) -> None:
    """As `check_pem`, of a certificate in DER."""
    _check(x509.load_der_x509_certificate, certificate, signature, digest)


def _check(
    load: Callable[[bytes], x509.Certificate], certificate: bytes, signature: bytes, digest: bytes
) -> None:
    try:
        key = load(certificate).public_key()
    except (ValueError, UnsupportedAlgorithm, x509.InvalidVersion):
        raise RefusedError("The verifier is not a certificate that can be read.") from None
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise RefusedError("The verifier's key is not an elliptic-curve key.")
    try:
        key.verify(signature, digest, _PREHASHED)
    except InvalidSignature:
        raise RefusedError("The signature does not hold under the verifier's key.") from None

"""The signing certificate: what is wrong with it before anybody asks who issued it.

Profile: https://github.com/sigstore/fulcio/blob/main/docs/certificate-specification.md
"""

from collections.abc import Iterator, Sequence

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID
from sigstore_models.bundle.v1 import Bundle as BundleDocument
from sigstore_models.common.v1 import X509Certificate

from infra.supply_chain.signatures.signer import signer_names
from schema.contracts.supply_chain import Reason
from schema.supply_chain.reasons import reason


def read_certificates(document: BundleDocument) -> tuple[list[x509.Certificate], list[Reason]]:
    """The bundle's certificates, the signing one first; or why they cannot be read."""
    material = document.verification_material
    if material.public_key is not None:
        return [], []
    encoded = _encoded(document)
    if not encoded:
        return [], [reason("CERTIFICATE_MISSING")]
    try:
        return [x509.load_der_x509_certificate(each.raw_bytes) for each in encoded], []
    except (ValueError, x509.InvalidVersion) as error:
        return [], [reason("CERTIFICATE_MALFORMED", f"A certificate cannot be read: {error}")]


def chain_faults(certificates: Sequence[x509.Certificate]) -> Iterator[Reason]:
    """Why these are not the certificates of one signer; nothing for none."""
    if not certificates:
        return
    try:
        yield from _leaf_faults(certificates[0])
        roots = [each for each in certificates[1:] if _is_self_issued(each)]
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        message = f"An extension of a certificate cannot be read: {error}"
        yield reason("CERTIFICATE_MALFORMED", message)
        return
    if roots:
        name = roots[0].subject.rfc4514_string()
        message = f"The bundle brings the root certificate {name!r} along."
        yield reason("CERTIFICATE_CHAIN_ROOT", message)


def _encoded(document: BundleDocument) -> list[X509Certificate]:
    """Version 0.3 has one certificate, the versions before a chain; never the one in the other."""
    material = document.verification_material
    if "0.3" in document.media_type:
        return [material.certificate] if material.certificate is not None else []
    chain = material.x509_certificate_chain
    return chain.certificates if chain is not None else []


def _leaf_faults(certificate: x509.Certificate) -> Iterator[Reason]:
    if not _signs_code(certificate):
        yield reason("CERTIFICATE_PURPOSE")
    if not isinstance(certificate.public_key(), ec.EllipticCurvePublicKey):
        yield reason("CERTIFICATE_KEY")
    names = signer_names(certificate)
    if len(names.identities) != 1 or len(names.issuers) != 1:
        message = (
            f"The certificate names {len(names.identities)} identities and "
            f"{len(names.issuers)} issuers instead of one each."
        )
        yield reason("SIGNER_UNNAMED", message)


def _signs_code(certificate: x509.Certificate) -> bool:
    if certificate.version is not x509.Version.v3 or _is_authority(certificate):
        return False
    extensions = certificate.extensions
    try:
        usage = extensions.get_extension_for_class(x509.KeyUsage).value
        purposes = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return False
    return usage.digital_signature and ExtendedKeyUsageOID.CODE_SIGNING in purposes


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    except x509.ExtensionNotFound:
        return False
    return constraints.value.ca


def _is_self_issued(certificate: x509.Certificate) -> bool:
    return _is_authority(certificate) and certificate.subject == certificate.issuer

"""What is wrong with how a certificate was issued: by whom, when, and whether that was logged.

Explains refusals; it never accepts anything.
"""

import base64
from collections.abc import Iterator, Sequence
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from sigstore._internal.sct import verify_sct
from sigstore._internal.trust import KeyringPurpose
from sigstore.errors import VerificationError
from sigstore_models.trustroot.v1 import CertificateAuthority

from infra.supply_chain.signatures.attested_times import encloses
from infra.supply_chain.signatures.trusted_root import LoadedRoot
from schema.contracts.supply_chain import Reason
from schema.supply_chain.reasons import reason


def issuance_faults(
    certificate: x509.Certificate, times: Sequence[datetime], loaded: LoadedRoot
) -> Iterator[Reason]:
    """Why the trusted root does not vouch for the certificate at the times of signing."""
    yield from _validity_faults(certificate, times)
    found = issuer_in(certificate, loaded)
    if found is None:
        yield reason("CERTIFICATE_UNTRUSTED", subject=certificate.issuer.rfc4514_string() or None)
        return
    yield from _log_faults(certificate, found[1], loaded)


def issuer_in(
    certificate: x509.Certificate, loaded: LoadedRoot
) -> tuple[CertificateAuthority, x509.Certificate] | None:
    """The authority of the trusted root, and its certificate, that issued this one."""
    for authority in loaded.document.certificate_authorities:
        for encoded in authority.cert_chain.certificates:
            issuer = x509.load_der_x509_certificate(encoded.raw_bytes)
            if _issued(issuer, certificate):
                return authority, issuer
    return None


def authority_faults(
    certificate: x509.Certificate, times: Sequence[datetime], loaded: LoadedRoot
) -> Iterator[Reason]:
    """Whether the issuing authority was trusted when it should count. The library does not ask."""
    found = issuer_in(certificate, loaded)
    if found is None:
        return
    for moment in times:
        if not encloses(found[0].valid_for, moment):
            message = f"The certificate authority was not trusted at {moment.isoformat()}."
            yield reason("AUTHORITY_EXPIRED", message)
            return


def _validity_faults(certificate: x509.Certificate, times: Sequence[datetime]) -> Iterator[Reason]:
    start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    span = f"the certificate is valid from {start.isoformat()} to {end.isoformat()}"
    for moment in times:
        if moment > end:
            yield reason("CERTIFICATE_EXPIRED", f"Signed at {moment.isoformat()}; {span}.")
        elif moment < start:
            yield reason("CERTIFICATE_NOT_YET_VALID", f"Signed at {moment.isoformat()}; {span}.")


def _issued(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _log_faults(
    certificate: x509.Certificate, issuer: x509.Certificate, loaded: LoadedRoot
) -> Iterator[Reason]:
    """Whether a trusted certificate transparency log has promised to log the certificate."""
    try:
        promises = list(
            certificate.extensions.get_extension_for_class(
                x509.PrecertificateSignedCertificateTimestamps
            ).value
        )
    except x509.ExtensionNotFound:
        promises = []
    if len(promises) != 1:
        message = f"The certificate has {len(promises)} signed certificate timestamps, not one."
        yield reason("SCT_MISSING", message)
        return
    try:
        verify_sct(certificate, [issuer], loaded.root.ct_keyring(KeyringPurpose.VERIFY))
    except VerificationError:
        log_id = promises[0].log_id
        known = any(log.log_id.key_id == log_id for log in loaded.document.ctlogs)
        details = {"log_id": base64.b64encode(log_id).decode()}
        yield reason("SCT_INVALID" if known else "SCT_UNTRUSTED", details=details)

"""When a package was signed: what a log or a timestamp authority of the trusted root attests.

A signer's own word counts for nothing. The log's time counts only with its promise (SET), whose
signature is checked with the rest of the log entry.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from rfc3161_client import TimeStampResponse, VerificationError, VerifierBuilder
from sigstore_models.common.v1 import TimeRange
from sigstore_models.trustroot.v1 import CertificateAuthority

from infra.supply_chain.signatures.bundle import SignedBundle
from infra.supply_chain.signatures.trusted_root import LoadedRoot
from schema.contracts.supply_chain import Reason
from schema.supply_chain.reasons import reason

_HASHES = {
    "2.16.840.1.101.3.4.2.1": hashlib.sha256,
    "2.16.840.1.101.3.4.2.2": hashlib.sha384,
    "2.16.840.1.101.3.4.2.3": hashlib.sha512,
}


@dataclass(frozen=True)
class Times:
    """What is attested about the time of signing."""

    attested: list[datetime]
    """In UTC; every one of them counts."""
    reasons: list[Reason]
    """Why a timestamp does not count, or that there is none."""


def establish_times(signed: SignedBundle, loaded: LoadedRoot) -> Times:
    """Every attested time of a signature, and what is wrong with the others."""
    attested: list[datetime] = []
    reasons: list[Reason] = []
    for response in signed.timestamps:
        found = list(_timestamp_faults(response, signed.signature, loaded))
        reasons += found
        if not found:
            attested.append(response.tst_info.gen_time)
    entry = signed.entry
    if entry.integrated_time and entry.inclusion_promise is not None:
        attested.append(datetime.fromtimestamp(entry.integrated_time, tz=UTC))
    if not attested and not reasons:
        reasons.append(reason("TIMESTAMP_MISSING"))
    return Times(attested, reasons)


def encloses(period: TimeRange | None, moment: datetime) -> bool:
    """Whether the moment is within a period of the trusted root; both ends count in."""
    if period is None:
        return True
    return period.start <= moment and (period.end is None or moment <= period.end)


def _timestamp_faults(
    response: TimeStampResponse, signature: bytes, loaded: LoadedRoot
) -> Iterator[Reason]:
    """Why a timestamp attests nothing about this signature."""
    moment = response.tst_info.gen_time
    if not _is_over(response, signature):
        yield reason("TIMESTAMP_OTHER_SIGNATURE")
    authorities = loaded.document.timestamp_authorities
    makers = [each for each in authorities if _made_by(response, _certificates(each))]
    if any(encloses(each.valid_for, moment) for each in makers):
        return
    if makers or any(_had_expired(response, _certificates(each)) for each in authorities):
        message = f"The timestamp authority was not trusted at {moment.isoformat()}."
        yield reason("TIMESTAMP_OUTSIDE_VALIDITY", message)
    else:
        yield reason("TIMESTAMP_UNTRUSTED")


def _is_over(response: TimeStampResponse, signature: bytes) -> bool:
    imprint = response.tst_info.message_imprint
    hashed = _HASHES.get(imprint.hash_algorithm.dotted_string)
    return hashed is not None and hashed(signature).digest() == imprint.message


def _made_by(response: TimeStampResponse, certificates: Sequence[x509.Certificate]) -> bool:
    """Whether this authority made the timestamp, whatever it is a timestamp of."""
    if not certificates[1:]:
        # A signing certificate and its root, at least.
        return False
    builder = VerifierBuilder().tsa_certificate(certificates[0])
    builder = builder.add_root_certificate(certificates[-1])
    for certificate in certificates[1:-1]:
        builder = builder.add_intermediate_certificate(certificate)
    try:
        return builder.build().verify(response, response.tst_info.message_imprint.message)
    except VerificationError:
        return False


def _had_expired(response: TimeStampResponse, certificates: Sequence[x509.Certificate]) -> bool:
    """Whether the authority signed at a time at which one of its certificates did not hold."""
    signers = response.signed_data.signer_infos
    named = any(
        (each.issuer, each.serial_number) == (certificates[0].issuer, certificates[0].serial_number)
        for each in signers
    )
    moment = response.tst_info.gen_time
    return named and any(
        not each.not_valid_before_utc <= moment <= each.not_valid_after_utc for each in certificates
    )


def _certificates(authority: CertificateAuthority) -> list[x509.Certificate]:
    encoded = authority.cert_chain.certificates
    return [x509.load_der_x509_certificate(each.raw_bytes) for each in encoded]

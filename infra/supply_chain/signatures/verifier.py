"""Verify Sigstore bundles over package digests, offline. Fits the port `SignatureVerifier`.

sigstore-python decides. Rules that it does not have are added here, and its refusals, which are
free text and stop at the first fault, are explained fault by fault. Whatever goes wrong is a
refusal.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from sigstore.dsse import Envelope
from sigstore.errors import CertValidationError, VerificationError
from sigstore.hashes import Hashed
from sigstore_models.common.v1 import HashAlgorithm

from infra.supply_chain.signatures.attested_times import Times, encloses, establish_times
from infra.supply_chain.signatures.bundle import (
    BundleRefusedError,
    SignedBundle,
    public_key_of,
    read_bundle,
)
from infra.supply_chain.signatures.issuance import authority_faults, issuance_faults
from infra.supply_chain.signatures.log_entry import (
    content_faults,
    kind_faults,
    log_of,
    proof_faults,
)
from infra.supply_chain.signatures.signer import signer_names, signer_of
from infra.supply_chain.signatures.statement import statement_faults
from infra.supply_chain.signatures.trusted_root import LoadedRoot, TrustedRoots
from schema.contracts.supply_chain import Reason, SignatureCheck
from schema.packaging.refusal import printable
from schema.supply_chain.reasons import reason

_log = logging.getLogger(__name__)

# What two honest clocks may differ by.
CLOCK_SKEW = timedelta(minutes=5)
# Of this machine, whatever the bundle is: no verdict may come of it.
_TROUBLE = (MemoryError, OSError)


class NamesOneSigner:
    """The policy given to the library: the certificate names one identity and one issuer.

    Whether that signer may sign is asked afterwards, of rules that nobody needs keys for
    (`schema/supply_chain/identities.py`).
    """

    def verify(self, cert: x509.Certificate) -> None:
        """Raises VerificationError when the certificate names nobody, or several."""
        names = signer_names(cert)
        if len(names.identities) != 1 or len(names.issuers) != 1:
            raise VerificationError("the certificate does not name one identity and one issuer")


def _utc_now() -> datetime:
    return datetime.now(UTC)


class SigstoreVerifier:
    """Says who signed a package digest, and when; or every reason why that cannot be said.

    Args:
        roots: the trusted root in force.
        now: the clock, for times that lie in the future.
    """

    def __init__(self, roots: TrustedRoots, now: Callable[[], datetime] = _utc_now) -> None:
        self._roots = roots
        self._now = now

    @property
    def trust_root(self) -> str:
        """Digest of the trusted root in force; another one after it was rotated."""
        return self._roots.current().digest

    async def verify(self, package_digest: str, bundle: bytes) -> SignatureCheck:
        """Check a bundle beside the event loop: it takes milliseconds of processor time."""
        return await asyncio.to_thread(self.check, package_digest, bundle)

    def check(self, package_digest: str, bundle: bytes) -> SignatureCheck:
        """Check a bundle. Content never raises; this machine's trouble does.

        Nothing is looked up anywhere.

        Args:
            package_digest: `sha256:<hex>` of what should be signed.
            bundle: a Sigstore bundle as JSON, from nobody in particular.
        """
        try:
            return self._check(bytes.fromhex(package_digest.removeprefix("sha256:")), bundle)
        except BundleRefusedError as refused:
            return SignatureCheck(reasons=refused.reasons)
        except _TROUBLE:
            raise
        except Exception as error:  # noqa: BLE001 - fail closed on whatever it is
            _log.exception("a bundle for %s made the verifier stumble", package_digest)
            return SignatureCheck(reasons=[_unnamed(error)])

    def _check(self, package_sha256: bytes, content: bytes) -> SignatureCheck:
        signed, loaded = read_bundle(content), self._roots.current()
        unsupported = list(kind_faults(signed))
        if unsupported:
            return SignatureCheck(reasons=unsupported)
        times = establish_times(signed, loaded)
        faults = list(self._further_faults(signed, package_sha256, times, loaded))
        refusal = _refusal_of_the_library(signed, package_sha256, loaded)
        if refusal is not None:
            explained = [*times.reasons, *_explanations(signed, package_sha256, times, loaded)]
            faults = [*explained, *faults] or [_unnamed(refusal)]
        if faults:
            return SignatureCheck(reasons=_once_each(faults))
        signer = signer_of(signed.certificate, signed.entry, min(times.attested))
        return SignatureCheck(signer=signer)

    def _further_faults(
        self, signed: SignedBundle, package_sha256: bytes, times: Times, loaded: LoadedRoot
    ) -> Iterator[Reason]:
        """Rules that the library leaves to its caller."""
        yield from statement_faults(signed.document, package_sha256)
        yield from authority_faults(signed.certificate, times.attested, loaded)
        yield from _log_period_faults(signed, times, loaded)
        if not times.attested:
            yield from times.reasons
        latest = self._now() + CLOCK_SKEW
        for moment in times.attested:
            if moment > latest:
                yield reason("TIME_IN_FUTURE", f"The package was signed at {moment.isoformat()}.")


def _refusal_of_the_library(
    signed: SignedBundle, package_sha256: bytes, loaded: LoadedRoot
) -> Exception | None:
    """What sigstore-python says against the bundle. It raises many kinds on bad content."""
    policy = NamesOneSigner()
    try:
        if signed.document.dsse_envelope is not None:
            # What the envelope says is checked in `statement_faults`.
            loaded.verifier.verify_dsse(signed.bundle, policy)
        else:
            digest = Hashed(algorithm=HashAlgorithm.SHA2_256, digest=package_sha256)
            loaded.verifier.verify_artifact(digest, signed.bundle, policy)
    except _TROUBLE:
        raise
    except Exception as error:  # noqa: BLE001 - fail closed on whatever it is
        return error
    return None


def _explanations(
    signed: SignedBundle, package_sha256: bytes, times: Times, loaded: LoadedRoot
) -> Iterator[Reason]:
    """Every fault that can be named in a bundle that the library refused."""
    yield from issuance_faults(signed.certificate, times.attested, loaded)
    yield from _signature_faults(signed, package_sha256)
    yield from content_faults(signed, package_sha256)
    yield from proof_faults(signed, loaded)


def _signature_faults(signed: SignedBundle, package_sha256: bytes) -> Iterator[Reason]:
    envelope, message = signed.document.dsse_envelope, signed.document.message_signature
    if message is not None and message.message_digest is not None:
        stated = message.message_digest.digest
        if stated != package_sha256:
            details = {"stated": f"sha256:{stated.hex()}"}
            yield reason("DIGEST_MISMATCH", details=details)
    key = public_key_of(signed.certificate)
    try:
        if envelope is not None:
            key.verify(signed.signature, Envelope(envelope).pae(), ec.ECDSA(hashes.SHA256()))
        else:
            key.verify(signed.signature, package_sha256, ec.ECDSA(Prehashed(hashes.SHA256())))
    except InvalidSignature:
        yield reason("SIGNATURE_MISMATCH" if envelope is None else "DSSE_SIGNATURE")


def _log_period_faults(signed: SignedBundle, times: Times, loaded: LoadedRoot) -> Iterator[Reason]:
    """Whether the log's key was trusted at the time of signing. The library does not ask."""
    log = log_of(signed, loaded)
    if log is None:
        yield reason("LOG_UNTRUSTED")
        return
    if not all(encloses(log.public_key.valid_for, moment) for moment in times.attested):
        yield reason("LOG_EXPIRED", subject=log.base_url)


def _unnamed(error: Exception) -> Reason:
    """A refusal that nothing here explains, in the library's words."""
    code = (
        "CERTIFICATE_UNTRUSTED" if isinstance(error, CertValidationError) else "SIGNATURE_REFUSED"
    )
    return reason(code, f"The signature does not verify: {printable(str(error))}")


def _once_each(reasons: Iterable[Reason]) -> list[Reason]:
    """The first reason of each code and subject."""
    return list({(each.code, each.subject): each for each in reversed(list(reasons))}.values())[
        ::-1
    ]

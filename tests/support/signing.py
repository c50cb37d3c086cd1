"""Signing for real without a server: sigstore's own client on a local Sigstore in this process.

    bundle = sign(archive)                                # by MAKER, on the shared authority
    bundle = sign(archive, Workflow(repository="acme/x"), authority=other, dsse=True)
    path = write_trusted_root(authority, tmp_path)        # for SPELL_TRUST_ROOT_FILE

Authorities are independent of each other. `new_authority` takes clocks: a log that is an hour late
makes bundles whose certificate had expired when they were logged. `with_other_log` has the same
certificates and a log that the first one's trusted root does not know.
"""

import hashlib
import json
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Literal

from cryptography import x509
from rfc3161_client import TimestampRequestBuilder, TimeStampResponse, decode_timestamp_response
from sigstore._internal.fulcio import ExpiredCertificate, FulcioClient
from sigstore._internal.fulcio.client import FulcioCertificateSigningResponse
from sigstore._internal.rekor.client import RekorClient
from sigstore._internal.rekor.client_v2 import RekorV2Client
from sigstore._internal.timestamp import TimestampAuthorityClient
from sigstore.dsse import StatementBuilder, Subject
from sigstore.hashes import Hashed
from sigstore.models import ClientTrustConfig, TransparencyLogEntry
from sigstore.oidc import IdentityToken
from sigstore.sign import Signer, SigningContext
from sigstore_models.common.v1 import HashAlgorithm
from sigstore_models.rekor.v1 import TransparencyLogEntry as LogEntryDocument

from infra.embedded.sigstore.authority import LIFETIME, CertificateAuthority
from infra.embedded.sigstore.configs import client_config, trusted_root
from infra.embedded.sigstore.identities import Person, Workflow
from infra.embedded.sigstore.instance import Clock, LocalSigstore, wall_clock
from infra.embedded.sigstore.keys import Keys
from infra.embedded.sigstore.log_store import IN_MEMORY, LogStore
from infra.embedded.sigstore.tile_log import TileLog
from infra.embedded.sigstore.timestamps import TimestampAuthority
from infra.embedded.sigstore.tokens import ISSUER, TokenIssuer
from infra.embedded.sigstore.transparency_log import TransparencyLog

MAKER = Person(email="maker@example.com")
WORKFLOW = Workflow(repository="acme/spells", ref="refs/tags/v1", sha="a1" * 20)
NOWHERE = "http://nowhere"
PREDICATE_TYPE = "https://example.com/published/v1"


def new_authority(
    *,
    issuer: str = ISSUER,
    certified_at: Clock = wall_clock,
    logged_at: Clock = wall_clock,
    lifetime: timedelta = LIFETIME,
    born_at: datetime | None = None,
) -> LocalSigstore:
    """A Sigstore of its own, in memory.

    Args:
        issuer: the name of its token issuer.
        certified_at: the certificate authority's clock.
        logged_at: the clock of logs and time stamps.
        lifetime: of its certificates.
        born_at: from when on its own certificates are valid; a day before they are needed.
    """
    born_at = born_at or min(certified_at(), logged_at()) - timedelta(days=1)
    keys = Keys.generate(born_at.replace(microsecond=0))
    return LocalSigstore(
        keys=keys,
        tokens=TokenIssuer(keys.token, wall_clock, issuer),
        certificates=CertificateAuthority(keys, certified_at, lifetime),
        log=TransparencyLog(LogStore(IN_MEMORY), keys.entry_log, logged_at),
        tile_log=TileLog(LogStore(IN_MEMORY), keys.tile_log, logged_at),
        timestamps=TimestampAuthority(keys, logged_at),
    )


def with_other_log(authority: LocalSigstore) -> LocalSigstore:
    """The same certificates, but signatures go to a log with another key."""
    other = Keys.generate(wall_clock())
    return replace(authority, log=TransparencyLog(LogStore(IN_MEMORY), other.entry_log, wall_clock))


@cache
def shared_authority() -> LocalSigstore:
    """One for all tests that only need a signature."""
    return new_authority()


def sign(
    archive: bytes,
    identity: Person | Workflow = MAKER,
    *,
    authority: LocalSigstore | None = None,
    dsse: bool = False,
    rekor: Literal[1, 2] = 1,
    stamped: bool = False,
    **statement: Any,
) -> bytes:
    """The Sigstore bundle over an archive, as JSON.

    Args:
        archive: what is signed, by its digest.
        identity: who signs.
        authority: where; the shared one by default.
        dsse: sign a statement about the digest instead of the digest.
        rekor: log it as this version of Rekor does; 2 has no time of its own, so it is stamped.
        stamped: have it stamped by the time-stamp authority, too.
        statement: members of the statement, see `statement_over`.
    """
    authority = authority or shared_authority()
    digest = hashlib.sha256(archive).digest()
    token = IdentityToken(authority.tokens.issue(identity))
    signer = _PatientSigner(token, _context(authority, rekor, stamped=stamped or rekor == 2))
    if dsse:
        bundle = signer.sign_dsse(statement_over(digest, **statement))
    else:
        bundle = signer.sign_artifact(Hashed(algorithm=HashAlgorithm.SHA2_256, digest=digest))
    return bundle.to_json().encode()


def statement_over(
    digest: bytes, *, name: str = "package.tar", predicate_type: str = PREDICATE_TYPE
) -> Any:
    """An in-toto statement with one subject."""
    subject = Subject(name=name, digest={"sha256": digest.hex()})
    return StatementBuilder([subject], predicate_type, {}).build()


def write_trusted_root(authority: LocalSigstore, folder: Path) -> Path:
    """The authority's trusted root as a file."""
    path = folder / f"trusted_root-{authority.log.log_id.hex()[:8]}.json"
    path.write_text(json.dumps(trusted_root(authority.keys)), "utf-8")
    return path


def _context(authority: LocalSigstore, rekor: Literal[1, 2], *, stamped: bool) -> SigningContext:
    config = ClientTrustConfig.from_json(json.dumps(client_config(authority.keys, NOWHERE)))
    return SigningContext(
        fulcio=_Fulcio(authority),
        rekor=_Rekor(authority) if rekor == 1 else _Rekor2(authority),
        trusted_root=config.trusted_root,
        tsa_clients=[_Timestamps(authority)] if stamped else [],
    )


class _PatientSigner(Signer):
    """Signs with a certificate that has expired, too, as thieves of keys do."""

    def _signing_cert(self) -> x509.Certificate:
        try:
            return super()._signing_cert()
        except ExpiredCertificate:
            made: x509.Certificate = self._Signer__cached_signing_certificate  # type: ignore[attr-defined]
            return made


class _Fulcio(FulcioClient):
    """The certificate authority, without HTTP."""

    def __init__(self, authority: LocalSigstore) -> None:
        super().__init__(NOWHERE)
        self._authority = authority

    @property
    def signing_cert(self) -> Any:
        return self

    def post(
        self, request: x509.CertificateSigningRequest, token: IdentityToken
    ) -> FulcioCertificateSigningResponse:
        certificate, *chain = self._authority.certify(request, str(token))
        return FulcioCertificateSigningResponse(certificate, chain)


class _Rekor(RekorClient):
    """The log, without HTTP."""

    def __init__(self, authority: LocalSigstore) -> None:
        super().__init__(NOWHERE)
        self._authority = authority

    def create_entry(self, request: Any) -> TransparencyLogEntry:
        return TransparencyLogEntry._from_v1_response(self._authority.log.add(request))


class _Rekor2(RekorV2Client):
    """The log that is like Rekor v2, without HTTP."""

    def __init__(self, authority: LocalSigstore) -> None:
        super().__init__(NOWHERE)
        self._authority = authority

    def create_entry(self, request: Any) -> TransparencyLogEntry:
        entry = self._authority.tile_log.add(request)
        return TransparencyLogEntry(LogEntryDocument.from_dict(entry))


class _Timestamps(TimestampAuthorityClient):
    """The time-stamp authority, without HTTP."""

    def __init__(self, authority: LocalSigstore) -> None:
        super().__init__(NOWHERE)
        self._authority = authority

    def request_timestamp(self, signature: bytes) -> TimeStampResponse:
        query = TimestampRequestBuilder().data(signature).nonce(nonce=True).build()
        return decode_timestamp_response(self._authority.timestamps.stamp(query.as_bytes()))

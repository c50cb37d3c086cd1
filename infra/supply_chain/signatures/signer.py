"""Who signed, out of the certificate that Fulcio issued.

Extensions: https://github.com/sigstore/fulcio/blob/main/docs/oid-info.md (1.3.6.1.4.1.57264.1.x).
The first ones hold the text itself, those from .8 on a DER UTF8String.
"""

import base64
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sigstore_models.rekor.v1 import TransparencyLogEntry

from schema.contracts.supply_chain import Signer
from schema.ids import sha256_digest

_FULCIO = "1.3.6.1.4.1.57264.1."
_ISSUER, _ISSUER_DER = _FULCIO + "1", _FULCIO + "8"
_WORKFLOW_NAME = _FULCIO + "4"
_REPOSITORY, _REPOSITORY_URI_DER = _FULCIO + "5", _FULCIO + "12"
_REF, _REF_DER = _FULCIO + "6", _FULCIO + "14"
_OTHER_NAME = x509.ObjectIdentifier(_FULCIO + "7")
_GITHUB = "https://github.com/"


@dataclass(frozen=True)
class SignerNames:
    """Whom a certificate names. One of each, or it names nobody."""

    identities: frozenset[str]
    issuers: frozenset[str]


def signer_names(certificate: x509.Certificate) -> SignerNames:
    """Every identity and issuer in the certificate, in whichever extension they stand.

    Raises:
        ValueError: an extension does not hold what it should.
    """
    found = (_plain(certificate, _ISSUER), _der(certificate, _ISSUER_DER))
    issuers = frozenset(issuer for issuer in found if issuer)
    return SignerNames(_identities(certificate), issuers)


def signer_of(
    certificate: x509.Certificate, entry: TransparencyLogEntry, signed_at: datetime
) -> Signer:
    """The signer that a verified certificate names.

    Args:
        certificate: names exactly one identity and one issuer.
        entry: the transparency log entry of the signature.
        signed_at: the time that was established for it.
    """
    names = signer_names(certificate)
    (identity,), (issuer,) = names.identities, names.issuers
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return Signer(
        identity=identity,
        issuer=issuer,
        signed_at=signed_at,
        key_digest=sha256_digest(key),
        log_id=base64.b64encode(entry.log_id.key_id).decode(),
        log_index=entry.log_index,
        repository=_repository(certificate),
        ref=_plain(certificate, _REF) or _der(certificate, _REF_DER),
        workflow=_plain(certificate, _WORKFLOW_NAME),
    )


def _identities(certificate: x509.Certificate) -> frozenset[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return frozenset()
    texts = [
        *names.get_values_for_type(x509.RFC822Name),
        *names.get_values_for_type(x509.UniformResourceIdentifier),
        *(
            asn1.decode_der(str, name.value)
            for name in names.get_values_for_type(x509.OtherName)
            if name.type_id == _OTHER_NAME
        ),
    ]
    # A name of another kind beside it would be a second identity that nobody looks at.
    return frozenset(texts) if len(texts) == len(list(names)) else frozenset()


def _repository(certificate: x509.Certificate) -> str | None:
    plain = _plain(certificate, _REPOSITORY)
    if plain:
        return plain
    uri = _der(certificate, _REPOSITORY_URI_DER) or ""
    return uri.removeprefix(_GITHUB) if uri.startswith(_GITHUB) else None


def _plain(certificate: x509.Certificate, oid: str) -> str | None:
    content = _extension(certificate, oid)
    return None if content is None else content.decode("utf-8")


def _der(certificate: x509.Certificate, oid: str) -> str | None:
    content = _extension(certificate, oid)
    return None if content is None else asn1.decode_der(str, content)


def _extension(certificate: x509.Certificate, oid: str) -> bytes | None:
    try:
        extension = certificate.extensions.get_extension_for_oid(x509.ObjectIdentifier(oid))
    except x509.ExtensionNotFound:
        return None
    value = extension.value
    return value.value if isinstance(value, x509.UnrecognizedExtension) else None

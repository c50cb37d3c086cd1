"""The certificates of the authorities themselves: root, issuer, time stamping."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_LIFETIME = timedelta(days=3653)
_ORGANISATION = "spell.localhost"
# An extension and whether it is critical.
Extensions = Iterable[tuple[x509.ExtensionType, bool]]


def root_certificate(key: ec.EllipticCurvePrivateKey, born_at: datetime) -> x509.Certificate:
    """The root, by itself."""
    name = _name("root")
    builder = _builder(key.public_key(), name, name, born_at, born_at + _LIFETIME)
    return _with(builder, _authority(path_length=1)).sign(key, hashes.SHA384())


def issuing_certificate(
    public_key: ec.EllipticCurvePublicKey,
    root: x509.Certificate,
    root_key: ec.EllipticCurvePrivateKey,
) -> x509.Certificate:
    """Of the authority that issues signing certificates, by the root."""
    builder = _below(public_key, "issuing authority", root)
    code_signing = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING])
    extensions = [*_authority(path_length=0), (code_signing, False), _issued_by(root)]
    return _with(builder, extensions).sign(root_key, hashes.SHA384())


def time_stamping_certificate(
    public_key: ec.EllipticCurvePublicKey,
    root: x509.Certificate,
    root_key: ec.EllipticCurvePrivateKey,
) -> x509.Certificate:
    """Of the time-stamp authority, by the root; for that one use, as RFC 3161 2.3 wants."""
    builder = _below(public_key, "time stamps", root)
    time_stamping = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
    extensions = [(time_stamping, True), (usage(digital_signature=True), True), _issued_by(root)]
    return _with(builder, extensions).sign(root_key, hashes.SHA384())


def usage(*, digital_signature: bool = False, key_cert_sign: bool = False) -> x509.KeyUsage:
    """What a key may be used for."""
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_cert_sign=key_cert_sign,
        crl_sign=key_cert_sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _below(
    public_key: ec.EllipticCurvePublicKey, name: str, root: x509.Certificate
) -> x509.CertificateBuilder:
    return _builder(
        public_key, _name(name), root.subject, root.not_valid_before_utc, root.not_valid_after_utc
    )


def _builder(
    public_key: ec.EllipticCurvePublicKey,
    subject: x509.Name,
    issuer: x509.Name,
    start: datetime,
    end: datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder(subject_name=subject, issuer_name=issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _with(builder: x509.CertificateBuilder, extensions: Extensions) -> x509.CertificateBuilder:
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder


def _authority(path_length: int) -> list[tuple[x509.ExtensionType, bool]]:
    return [
        (x509.BasicConstraints(ca=True, path_length=path_length), True),
        (usage(key_cert_sign=True), True),
    ]


def _issued_by(issuer: x509.Certificate) -> tuple[x509.ExtensionType, bool]:
    key = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(key), False


def _name(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, _ORGANISATION),
            x509.NameAttribute(NameOID.COMMON_NAME, f"Spell local Sigstore: {common_name}"),
        ]
    )

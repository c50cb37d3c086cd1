"""Keys and certificates of a local Sigstore: made once, kept in `keys.json`, never printed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from infra.embedded.errors import EmbeddedPlatformError
from infra.embedded.private_file import OWNER_ONLY, write_private
from infra.embedded.sigstore.ca_certificates import (
    issuing_certificate,
    root_certificate,
    time_stamping_certificate,
)


@dataclass(frozen=True, repr=False)
class Keys:
    """Everything secret, and the certificates over it. The root's key is not kept."""

    token: ec.EllipticCurvePrivateKey
    """Signs identity tokens."""
    issuing: ec.EllipticCurvePrivateKey
    """Signs signing certificates."""
    certificate_log: ec.EllipticCurvePrivateKey
    """Promises that certificates are logged (RFC 6962)."""
    entry_log: ec.EllipticCurvePrivateKey
    """Signs the log of signatures, as Rekor v1 does."""
    tile_log: ed25519.Ed25519PrivateKey
    """Signs the log of signatures, as Rekor v2 does."""
    time_stamping: ec.EllipticCurvePrivateKey
    """Signs time stamps (RFC 3161)."""
    root_certificate: x509.Certificate
    issuing_certificate: x509.Certificate
    time_stamping_certificate: x509.Certificate

    @classmethod
    def generate(cls, born_at: datetime) -> Self:
        """New ones.

        Args:
            born_at: from when on the certificates are valid; ten years long.
        """
        root, issuing = _p384(), _p384()
        time_stamping = _p256()
        top = root_certificate(root, born_at)
        return cls(
            token=_p256(),
            issuing=issuing,
            certificate_log=_p256(),
            entry_log=_p256(),
            tile_log=ed25519.Ed25519PrivateKey.generate(),
            time_stamping=time_stamping,
            root_certificate=top,
            issuing_certificate=issuing_certificate(issuing.public_key(), top, root),
            time_stamping_certificate=time_stamping_certificate(
                time_stamping.public_key(), top, root
            ),
        )

    @classmethod
    def load_or_generate(cls, path: Path, born_at: datetime) -> Self:
        """Those of the file; new ones, and the file, when it is not there.

        Raises:
            EmbeddedPlatformError: the file cannot be read.
        """
        if not path.exists():
            keys = cls.generate(born_at)
            write_private(path, json.dumps(keys.as_pem(), indent=2))
            return keys
        try:
            path.chmod(OWNER_ONLY)
            return cls._from_pem(json.loads(path.read_text("utf-8")))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            # The error itself may quote the file's content.
            raise EmbeddedPlatformError(
                f"{path} cannot be read ({type(error).__name__}). Restore it from a copy, or "
                f"remove {path.parent}: then a new local Sigstore begins, and what the old one "
                "signed is signed by nobody."
            ) from None

    def as_pem(self) -> dict[str, str]:
        """All of it as text, by name. Secret."""
        return {field.name: _pem(getattr(self, field.name)) for field in fields(self)}

    @classmethod
    def _from_pem(cls, stored: Mapping[str, str]) -> Self:
        return cls(**{field.name: _read_pem(stored[field.name]) for field in fields(cls)})


def public_der(key: ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey) -> bytes:
    """The key's SubjectPublicKeyInfo, of which key ids are digests."""
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _p256() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _p384() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP384R1())


def _pem(secret: PrivateKeyTypes | x509.Certificate) -> str:
    if isinstance(secret, x509.Certificate):
        return secret.public_bytes(Encoding.PEM).decode("ascii")
    return secret.private_bytes(
        Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode("ascii")


def _read_pem(text: str) -> Any:
    """A key or a certificate, whichever `_pem` wrote."""
    content = text.encode("ascii")
    if b"BEGIN CERTIFICATE" in content:
        return x509.load_pem_x509_certificate(content)
    return serialization.load_pem_private_key(content, None)

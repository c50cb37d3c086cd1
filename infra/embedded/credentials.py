"""Keys and passwords of a local platform: made once, kept in `secrets.json`, never printed."""

import base64
import json
import secrets
from dataclasses import asdict, dataclass, field, fields

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from nacl.public import PrivateKey

from infra.embedded.errors import EmbeddedPlatformError
from infra.embedded.layout import Layout
from infra.embedded.private_file import OWNER_ONLY, write_private

_KEY_BYTES = 32
_PASSWORD_BYTES = 24
# Data directories of before have a file without these; no data depends on them.
_ADDED_LATER = (
    *("sigstore_token_secret", "stripe_key", "stripe_webhook_secret"),
    *("github_app_key", "github_client_secret", "github_webhook_secret"),
)
_RSA_BITS = 2048


@dataclass(frozen=True)
class Credentials:
    """Everything secret that the platform's processes share. Its `repr` shows none of it."""

    master_key: str = field(repr=False)
    """Base64 of 32 random bytes."""
    runner_private_key: str = field(repr=False)
    """Base64 X25519 private key of the runner fleet."""
    runner_public_key: str
    nats_platform_password: str = field(repr=False)
    nats_runner_password: str = field(repr=False)
    postgres_admin_password: str = field(repr=False)
    """Of the superuser, used only to make the platform's own role and database."""
    postgres_password: str = field(repr=False)
    """Of the platform's role, which owns the platform's database and nothing else."""
    redis_password: str = field(repr=False)
    sigstore_token_secret: str = field(repr=False)
    """Whoever knows it signs as anybody, at the local Sigstore."""
    stripe_key: str = field(repr=False)
    """The secret key of the local Stripe's one account."""
    stripe_webhook_secret: str = field(repr=False)
    """What the local Stripe signs its deliveries with."""
    github_app_key: str = field(repr=False)
    """PEM: the private key of the App that the local GitHub knows."""
    github_client_secret: str = field(repr=False)
    github_webhook_secret: str = field(repr=False)


def load_or_create(layout: Layout) -> Credentials:
    """The data directory's credentials; new ones for a new directory.

    Raises:
        EmbeddedPlatformError: the file cannot be read, or is gone while the data is still there.
    """
    path = layout.credentials_file
    if not path.exists():
        if layout.postgres_cluster.exists():
            raise EmbeddedPlatformError(
                f"{path} is gone, but {layout.root} holds data that only its keys can open. "
                "Put the file back, or remove the whole directory to start afresh."
            )
        credentials = _generate()
        write_private(path, json.dumps(asdict(credentials), indent=2))
        return credentials
    try:
        path.chmod(OWNER_ONLY)
        stored = json.loads(path.read_text(encoding="utf-8"))
        missing = {name: _secret(name) for name in _ADDED_LATER if name not in stored}
        known = {each.name: (stored | missing)[each.name] for each in fields(Credentials)}
        if missing:
            write_private(path, json.dumps(known, indent=2))
        return Credentials(**known)
    except (OSError, ValueError, KeyError, TypeError) as error:
        # The error itself may quote the file's content.
        raise EmbeddedPlatformError(
            f"{path} cannot be read ({type(error).__name__}). Restore it from a copy, or remove "
            f"{layout.root} to start afresh."
        ) from None


def _generate() -> Credentials:
    runner_key = PrivateKey.generate()
    return Credentials(
        master_key=_base64(secrets.token_bytes(_KEY_BYTES)),
        runner_private_key=_base64(bytes(runner_key)),
        runner_public_key=_base64(bytes(runner_key.public_key)),
        nats_platform_password=_password(),
        nats_runner_password=_password(),
        postgres_admin_password=_password(),
        postgres_password=_password(),
        redis_password=_password(),
        **{name: _secret(name) for name in _ADDED_LATER},
    )


def _secret(name: str) -> str:
    return _rsa_key() if name == "github_app_key" else _password()


def _rsa_key() -> str:
    private = rsa.generate_private_key(public_exponent=65537, key_size=_RSA_BITS)
    return private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    ).decode("ascii")


def _password() -> str:
    return secrets.token_urlsafe(_PASSWORD_BYTES)


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")

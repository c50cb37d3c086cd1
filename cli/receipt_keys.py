"""Which keys a receipt is checked by, and whether one of them signed it."""

import base64
import binascii
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from pydantic import ValidationError

from cli.client import CliError, ExitCode
from cli.files import read_file
from schema.contracts.receipt import Check, Envelope, ReceiptKeys
from schema.receipts import (
    PUBLIC_KEY_BYTES,
    ReceiptRefusedError,
    bytes_of_web_key,
    decoded,
    key_id_of,
    pae,
    payload_of,
)

_KEY_FILE_BYTES_MAX = 64 * 1024
_PEM_BEGINS = b"-----BEGIN PUBLIC KEY-----"


def given_keys(given: str) -> list[bytes]:
    """The keys of a file (key set, PEM or base64), or of the base64 itself.

    Raises:
        CliError: it is none of these.
    """
    path = Path(given)
    if not path.is_file():
        return [_raw_key(given)]
    content = read_file(path, bytes_max=_KEY_FILE_BYTES_MAX).strip()
    if content.startswith(_PEM_BEGINS):
        return [_pem_key(content)]
    return key_set(content) if content.startswith(b"{") else [_raw_key(content.decode("latin-1"))]


def key_set(content: bytes) -> list[bytes]:
    """The keys of a JSON Web Key Set. Raises CliError when it is none."""
    try:
        found = ReceiptKeys.model_validate_json(content)
    except ValidationError as error:
        message = "The keys are no JSON Web Key Set of Ed25519 keys."
        raise CliError(message, ExitCode.USAGE) from error
    return [bytes_of_web_key(one) for one in found.keys]


def signature_check(envelope: Envelope, public_keys: list[bytes]) -> Check:
    """Whether one of the keys signed exactly this payload, as what it says that it is."""
    named = ", ".join(signature.keyid for signature in envelope.signatures)
    for public_key in public_keys:
        if _signed_by(envelope, public_key):
            found = f"valid, by {key_id_of(public_key)}"
            return Check(name="signature", passed=True, signed=named, found=found)
    known = ", ".join(key_id_of(public_key) for public_key in public_keys)
    return Check(name="signature", passed=False, signed=named, found=f"not by {known or 'any key'}")


def _signed_by(envelope: Envelope, public_key: bytes) -> bool:
    signed = pae(envelope.payload_type, payload_of(envelope))
    for signature in envelope.signatures:
        try:
            content = decoded(signature.sig, "the signature")
            Ed25519PublicKey.from_public_bytes(public_key).verify(content, signed)
        except (InvalidSignature, ReceiptRefusedError):
            continue
        return True
    return False


def _pem_key(content: bytes) -> bytes:
    try:
        loaded = load_pem_public_key(content)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise CliError("The key cannot be read as PEM.", ExitCode.USAGE) from error
    if not isinstance(loaded, Ed25519PublicKey):
        raise CliError("The key is no Ed25519 key.", ExitCode.USAGE)
    return loaded.public_bytes_raw()


def _raw_key(text: str) -> bytes:
    standard = text.strip().replace("-", "+").replace("_", "/")
    try:
        content = base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except (binascii.Error, ValueError):
        content = b""
    if len(content) != PUBLIC_KEY_BYTES:
        message = "--key is neither a file nor base64 of 32 bytes."
        raise CliError(message, ExitCode.USAGE)
    return content

"""Tells the platform's own compiled code from everything else that may lie in the bucket."""

import base64
import binascii

from nacl.exceptions import CryptoError
from nacl.signing import VerifyKey

from schema.compiled_code import code_statement, split_signed


class CodeVerifier:
    """Checks signatures of compiled code.

    Args:
        public_key: base64 Ed25519 key of the platform, for code.

    Raises:
        ValueError: that is no such key.
    """

    def __init__(self, public_key: str) -> None:
        try:
            self._key = VerifyKey(base64.b64decode(public_key, validate=True))
        except (binascii.Error, CryptoError, TypeError) as error:
            raise ValueError("the public key of code is not a base64 Ed25519 key") from error

    def verified(self, engine: str, digest: str, signed: bytes) -> bytes | None:
        """The code, if the platform says that this engine made it of this module; else None."""
        signature, content = split_signed(signed)
        try:
            self._key.verify(code_statement(engine, digest, content), signature)
        except (CryptoError, ValueError):
            return None
        return content

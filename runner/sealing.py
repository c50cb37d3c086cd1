"""Sealed boxes (libsodium): only the fleet opens inputs, only the platform opens outputs."""

import base64
import binascii

from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, PublicKey, SealedBox


class RunnerKey:
    """The fleet's private key. It stays in the supervisor; sandbox processes never see it.

    Args:
        private_key: base64 of 32 bytes.

    Raises:
        ValueError: that is not a key.
    """

    def __init__(self, private_key: str) -> None:
        try:
            key = PrivateKey(base64.b64decode(private_key, validate=True))
        except (binascii.Error, CryptoError) as error:
            raise ValueError("the runner's private key is not base64 of 32 bytes") from error
        self._box = SealedBox(key)
        self.public_key = base64.b64encode(bytes(key.public_key)).decode("ascii")
        """What to seal to, so that this key opens it."""

    def open(self, sealed: str) -> bytes:
        """The content of a box that was sealed to this fleet.

        Raises:
            ValueError: it was not, or it was changed.
        """
        try:
            return bytes(self._box.decrypt(base64.b64decode(sealed, validate=True)))
        except (binascii.Error, CryptoError) as error:
            raise ValueError("the inputs are not sealed to this fleet's key") from error


def seal(public_key: str, content: bytes) -> str:
    """Base64 of a box that only the owner of the key opens.

    Args:
        public_key: base64 X25519 key.
        content: what to seal.

    Raises:
        ValueError: that is not a key.
    """
    try:
        box = SealedBox(PublicKey(base64.b64decode(public_key, validate=True)))
    except (binascii.Error, CryptoError) as error:
        raise ValueError("the reply key is not base64 of 32 bytes") from error
    return base64.b64encode(box.encrypt(content)).decode("ascii")

"""Keys and what they protect. Everything derives from one master key; keys never leave here.

Bytes at rest are AES-256-GCM under a key of their owner (an account, or the platform), so that an
account's key can later be its own and be destroyed. What goes to runners and back is in libsodium
sealed boxes: the bus and whoever reads its files sees neither inputs nor outputs. What others check
without us (receipts, compiled code) is signed with Ed25519, by one key for each purpose.
"""

import base64
import binascii
import hashlib
import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, PublicKey, SealedBox

from schema.compiled_code import CODE_SIGNING_PURPOSE

MASTER_KEY_BYTES = 32
_NONCE_BYTES = 12
# What `encrypt` adds to the content: the nonce, and the tag of AES-GCM.
ENCRYPTION_BYTES = _NONCE_BYTES + 16
PLATFORM_OWNER = "platform"


class PlatformVault:
    """Encryption for the platform's own processes. Fits the port `Vault`.

    Args:
        master_key: 32 random bytes.
        runner_public_key: base64 X25519 public key of the runner fleet.
    """

    def __init__(self, master_key: bytes, runner_public_key: str) -> None:
        if len(master_key) != MASTER_KEY_BYTES:
            raise ValueError("the master key must be 32 bytes (base64 in SPELL_MASTER_KEY)")
        self._master_key = master_key
        self._to_runners = SealedBox(PublicKey(_from_base64(runner_public_key)))
        reply_key = PrivateKey(self._derive("reply"))
        self._from_runners = SealedBox(reply_key)
        self._reply_public_key = base64.b64encode(bytes(reply_key.public_key)).decode("ascii")
        self._ciphers: dict[str, AESGCM] = {}
        self._derivation_key = self._derive("derivation")
        self._signing_keys: dict[str, Ed25519PrivateKey] = {}

    @property
    def reply_public_key(self) -> str:
        """Base64 X25519 key that runners seal their replies to."""
        return self._reply_public_key

    @property
    def api_key_pepper(self) -> bytes:
        """The key of API-key hashes."""
        return self._derive("api-key-pepper")

    def encrypt(self, owner: str, content: bytes) -> bytes:
        """Nonce and ciphertext under the owner's key; the owner is authenticated with them."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher(owner).encrypt(nonce, content, owner.encode("utf-8"))

    def decrypt(self, owner: str, content: bytes) -> bytes:
        """The content again. Raises ValueError when the key or the content is not the right one."""
        nonce, ciphertext = content[:_NONCE_BYTES], content[_NONCE_BYTES:]
        try:
            return self._cipher(owner).decrypt(nonce, ciphertext, owner.encode("utf-8"))
        except InvalidTag as error:
            raise ValueError("does not decrypt: another key, or changed content") from error

    def seal_to_runners(self, content: bytes) -> str:
        """Base64 sealed box that only the runner fleet opens."""
        return base64.b64encode(self._to_runners.encrypt(content)).decode("ascii")

    def open_reply(self, sealed: str) -> bytes:
        """What a runner sealed to us. Raises ValueError when it does not open."""
        try:
            return self._from_runners.decrypt(_from_base64(sealed))
        except CryptoError as error:
            raise ValueError("the runner's reply does not open") from error

    def derive(self, owner: str, purpose: str, length: int) -> bytes:
        """Bytes that only this platform can make, the same whenever the same is asked for.

        Args:
            owner: whom or what they belong to, such as a cast's id.
            purpose: what they are for; another purpose of the same owner gives other bytes.
            length: how many, at most 32.
        """
        if not 0 < length <= MASTER_KEY_BYTES:
            raise ValueError("1 to 32 bytes can be derived")
        mac = hmac.new(self._derivation_key, digestmod=hashlib.sha256)
        for part in (owner.encode("utf-8"), purpose.encode("utf-8")):
            mac.update(len(part).to_bytes(8, "big") + part)
        return mac.digest()[:length]

    def sign(self, purpose: str, content: bytes) -> bytes:
        """Ed25519 signature by the platform's key for this purpose; same content, same bytes."""
        return self._signing_key(purpose).sign(content)

    def public_key(self, purpose: str) -> bytes:
        """The 32 bytes that whoever checks `sign` for this purpose needs."""
        return self._signing_key(purpose).public_key().public_bytes_raw()

    def _signing_key(self, purpose: str) -> Ed25519PrivateKey:
        if purpose not in self._signing_keys:
            self._signing_keys[purpose] = _signing_key(self._master_key, purpose)
        return self._signing_keys[purpose]

    def _cipher(self, owner: str) -> AESGCM:
        if owner not in self._ciphers:
            if len(self._ciphers) > 10_000:  # noqa: PLR2004  (bounded: accounts are many)
                self._ciphers.clear()
            self._ciphers[owner] = AESGCM(self._derive(f"owner:{owner}"))
        return self._ciphers[owner]

    def _derive(self, purpose: str) -> bytes:
        return _derive(self._master_key, purpose)


def code_public_key(master_key: str) -> str:
    """What runners know the platform's compiled code by: base64, from the base64 master key.

    Raises:
        ValueError: the master key is not base64.
    """
    signing_key = _signing_key(_from_base64(master_key), CODE_SIGNING_PURPOSE)
    return base64.b64encode(signing_key.public_key().public_bytes_raw()).decode("ascii")


def _signing_key(master_key: bytes, purpose: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(_derive(master_key, f"sign:{purpose}"))


def _derive(master_key: bytes, purpose: str) -> bytes:
    info = f"spell-platform/{purpose}".encode()
    return HKDF(SHA256(), MASTER_KEY_BYTES, salt=None, info=info).derive(master_key)


def _from_base64(value: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error

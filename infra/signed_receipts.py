"""Receipts, signed when they are read (ADR 0012). Fits the API's port `SignedReceipts`."""

from infra.repositories.receipts import PostgresReceipts
from infra.vault import PlatformVault
from schema.contracts.receipt import PAYLOAD_TYPE, SIGNING_PURPOSE, AnyReceipt, ReceiptKeys
from schema.receipts import envelope_of, key_id_of, pae, statement_of, web_key_of


class VaultSignedReceipts:
    """Puts receipts together and signs them with the platform's key.

    Nothing of an ended cast changes, and Ed25519 needs no chance: the same bytes every time.
    """

    def __init__(self, receipts: PostgresReceipts, vault: PlatformVault) -> None:
        self._receipts = receipts
        self._vault = vault

    async def receipt(self, account_id: str, cast_id: str) -> AnyReceipt | None:
        """The receipt without its signature; None while there is none."""
        return await self._receipts.receipt(account_id, cast_id)

    async def envelope(self, account_id: str, cast_id: str) -> bytes | None:
        """The receipt in its signed envelope; None while there is none."""
        receipt = await self._receipts.receipt(account_id, cast_id)
        if receipt is None:
            return None
        payload = statement_of(receipt)
        signature = self._vault.sign(SIGNING_PURPOSE, pae(PAYLOAD_TYPE, payload))
        key_id = key_id_of(self._vault.public_key(SIGNING_PURPOSE))
        return envelope_of(payload, key_id, signature)

    def keys(self) -> ReceiptKeys:
        """The public keys that check receipts."""
        return ReceiptKeys(keys=[web_key_of(self._vault.public_key(SIGNING_PURPOSE))])

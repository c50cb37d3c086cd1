"""Encryption of every Temporal payload: histories hold nothing readable.

The key is the account's whose id the workflow id carries, or the platform's; its id travels in the
payload's metadata. Encrypted payloads under an unknown key are refused, never passed through.
"""

from collections.abc import Sequence
from typing import Self

from temporalio.api.common.v1 import Payload
from temporalio.converter import (
    ActivitySerializationContext,
    PayloadCodec,
    SerializationContext,
    WithSerializationContext,
    WorkflowSerializationContext,
)

from infra.vault import PLATFORM_OWNER, PlatformVault
from schema.ids import account_of_workflow

_ENCODING = b"binary/encrypted"
_KEY_VERSION = "1"
_KEY_ID = "encryption-key-id"


class PayloadDecryptionError(RuntimeError):
    """A payload does not open: its key is unknown or destroyed, or it was changed."""


def owner_of(payload: Payload) -> str | None:
    """Whose key encrypts a payload; None for one that is not encrypted."""
    if payload.metadata.get("encoding") != _ENCODING:
        return None
    return payload.metadata[_KEY_ID].decode("utf-8", "replace").partition("/")[2]


class EncryptingCodec(PayloadCodec, WithSerializationContext):
    """AES-256-GCM over whole payloads; learns the owner from the serialization context."""

    def __init__(self, vault: PlatformVault, owner: str = PLATFORM_OWNER) -> None:
        self._vault = vault
        self._owner = owner

    @property
    def owner(self) -> str:
        """Whose key this codec encrypts under."""
        return self._owner

    def with_context(self, context: SerializationContext) -> Self:
        """A codec that encrypts for the account that the workflow id names."""
        workflow_id = None
        if isinstance(context, WorkflowSerializationContext | ActivitySerializationContext):
            workflow_id = context.workflow_id
        owner = (account_of_workflow(workflow_id) if workflow_id else None) or PLATFORM_OWNER
        return self if owner == self._owner else type(self)(self._vault, owner)

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Encrypt each payload under the context's owner."""
        key_id = f"{_KEY_VERSION}/{self._owner}".encode()
        return [
            Payload(
                metadata={"encoding": _ENCODING, _KEY_ID: key_id},
                data=self._vault.encrypt(self._owner, payload.SerializeToString()),
            )
            for payload in payloads
        ]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Decrypt what was encrypted here; pass other encodings through.

        Raises:
            PayloadDecryptionError: the key is unknown, or the content was changed.
        """
        return [self._decode_one(payload) for payload in payloads]

    def _decode_one(self, payload: Payload) -> Payload:
        if payload.metadata.get("encoding") != _ENCODING:
            return payload
        version, _, owner = payload.metadata[_KEY_ID].decode("utf-8", "replace").partition("/")
        if version != _KEY_VERSION or not owner:
            raise PayloadDecryptionError(f"unknown encryption key {version!r}")
        try:
            return Payload.FromString(self._vault.decrypt(owner, payload.data))
        except ValueError as error:
            raise PayloadDecryptionError(str(error)) from error

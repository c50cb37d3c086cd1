"""The way to Temporal: one data converter for client, workers, codec server and replayer.

Every payload is encrypted, failure messages included, and what is larger than the threshold is
kept in object storage (encrypted too) so that histories stay small (architecture.md 2).
"""

import dataclasses
import hashlib
from collections.abc import Sequence
from typing import Self

from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import (
    AddSearchAttributesRequest,
    ListSearchAttributesRequest,
)
from temporalio.client import Client
from temporalio.contrib.pydantic import PydanticPayloadConverter
from temporalio.converter import (
    DataConverter,
    DefaultFailureConverterWithEncodedAttributes,
    ExternalStorage,
    SerializationContext,
    StorageDriver,
    StorageDriverClaim,
    StorageDriverRetrieveContext,
    StorageDriverStoreContext,
    StorageDriverWorkflowInfo,
)

from infra.blob_store import ObjectBlobStore
from infra.payload_codec import EncryptingCodec
from infra.settings import PlatformSettings
from infra.vault import PlatformVault
from schema.names import SEARCH_ACCOUNT, SEARCH_COST, SEARCH_MODE, SEARCH_SPELL, SEARCH_STATUS

# Temporal refuses payloads above 2 MB; far below that, histories already get slow to replay.
INLINE_PAYLOAD_BYTES_MAX = 128 * 1024
_VARIANTS_MAX = 10_000


class BlobStorageDriver(StorageDriver):
    """Keeps large payloads, already encrypted by the codec, under their own SHA-256."""

    def __init__(self, blobs: ObjectBlobStore) -> None:
        self._blobs = blobs

    def name(self) -> str:
        """The name in references; changing it loses what was stored."""
        return "blobs"

    async def store(
        self, context: StorageDriverStoreContext, payloads: Sequence[Payload]
    ) -> list[StorageDriverClaim]:
        """Store each payload below its workflow's id, so that it can be removed with it."""
        target = context.target
        folder = target.id if isinstance(target, StorageDriverWorkflowInfo) else None
        claims = []
        for payload in payloads:
            content = payload.SerializeToString()
            digest = hashlib.sha256(content).hexdigest()
            key = f"payloads/{(folder or 'unbound').replace(':', '/')}/{digest}"
            await self._blobs.put(key, content)
            claims.append(StorageDriverClaim(claim_data={"key": key, "sha256": digest}))
        return claims

    async def retrieve(
        self, context: StorageDriverRetrieveContext, claims: Sequence[StorageDriverClaim]
    ) -> list[Payload]:
        """The payloads again. Raises RuntimeError when one is gone or was changed."""
        del context
        return [await self._retrieve_one(claim) for claim in claims]

    async def _retrieve_one(self, claim: StorageDriverClaim) -> Payload:
        content = await self._blobs.get(claim.claim_data["key"])
        if content is None:
            raise RuntimeError(f"payload {claim.claim_data['key']} is gone from object storage")
        if hashlib.sha256(content).hexdigest() != claim.claim_data["sha256"]:
            raise RuntimeError(f"payload {claim.claim_data['key']} was changed in object storage")
        return Payload.FromString(content)


class SharedPydanticConverter(PydanticPayloadConverter):
    """One instance for the process: the SDK makes a converter for every payload it looks at.

    It has no state, and making it took a twelfth of a worker's time (measured with py-spy).
    """

    _shared: "SharedPydanticConverter | None" = None

    def __new__(cls) -> "SharedPydanticConverter":  # noqa: PYI034  (the one instance, no other)
        """The one instance."""
        if cls._shared is None:
            shared = super().__new__(cls)
            PydanticPayloadConverter.__init__(shared)
            cls._shared = shared
        return cls._shared

    def __init__(self) -> None:
        """Nothing: `__new__` did it, once."""


@dataclasses.dataclass(frozen=True)
class OwnerDataConverter(DataConverter):
    """The converter with its variants by owner kept: the SDK asks for one at every payload."""

    variants: dict[str, Self] = dataclasses.field(default_factory=dict, repr=False, compare=False)

    def with_context(self, context: SerializationContext) -> Self:
        """The variant whose codec encrypts for the account that the context names."""
        assert isinstance(self.payload_codec, EncryptingCodec)
        codec = self.payload_codec.with_context(context)
        if codec is self.payload_codec:
            return self
        variant = self.variants.get(codec.owner)
        if variant is None:
            variant = dataclasses.replace(self, payload_codec=codec)
            if len(self.variants) >= _VARIANTS_MAX:
                self.variants.clear()
            self.variants[codec.owner] = variant
        return variant


def data_converter(vault: PlatformVault, blobs: ObjectBlobStore) -> DataConverter:
    """The one converter: pydantic in, encryption over it, large payloads aside."""
    return OwnerDataConverter(
        payload_converter_class=SharedPydanticConverter,
        payload_codec=EncryptingCodec(vault),
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
        external_storage=ExternalStorage(
            drivers=[BlobStorageDriver(blobs)], payload_size_threshold=INLINE_PAYLOAD_BYTES_MAX
        ),
    )


SEARCH_ATTRIBUTES = {
    SEARCH_SPELL: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    SEARCH_ACCOUNT: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    SEARCH_MODE: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    SEARCH_STATUS: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    SEARCH_COST: IndexedValueType.INDEXED_VALUE_TYPE_INT,
}


async def ensure_search_attributes(client: Client) -> None:
    """Register what workflows are found by; those that are there stay.

    Raises:
        RPCError: the cluster refuses, for instance for lack of permission.
    """
    known = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=client.namespace)
    )
    missing = {
        name: kind
        for name, kind in SEARCH_ATTRIBUTES.items()
        if name not in known.custom_attributes
    }
    if missing:
        await client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(namespace=client.namespace, search_attributes=missing)
        )


async def connect(settings: PlatformSettings, converter: DataConverter) -> Client:
    """A client for the cluster. Raises RuntimeError when it is not reachable."""
    key = settings.temporal_api_key
    return await Client.connect(
        settings.temporal_address,
        namespace=settings.temporal_namespace,
        tls=settings.temporal_tls,
        api_key=key.get_secret_value() if key else None,
        data_converter=converter,
    )

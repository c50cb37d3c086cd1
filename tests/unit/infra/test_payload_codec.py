"""Encryption of Temporal's payloads: by owner, refused under unknown keys, others pass through."""

import base64

import pytest
from nacl.public import PrivateKey
from temporalio.api.common.v1 import Payload
from temporalio.converter import (
    ActivitySerializationContext,
    SerializationContext,
    WorkflowSerializationContext,
)

from infra.payload_codec import EncryptingCodec, PayloadDecryptionError, owner_of
from infra.vault import PLATFORM_OWNER, PlatformVault
from schema.ids import cast_workflow_id, publication_id_for, publish_workflow_id

PUBLIC_KEY = base64.b64encode(bytes(PrivateKey(b"r" * 32).public_key)).decode()
ACCOUNT = "acct_" + "a" * 16
CAST = f"cast_{'a' * 16}_{'b' * 26}"
CLEAR = Payload(metadata={"encoding": b"json/plain", "more": b"kept"}, data=b'{"secret":1}')


def _codec(master: bytes = b"m" * 32) -> EncryptingCodec:
    return EncryptingCodec(PlatformVault(master, PUBLIC_KEY))


def _workflow(workflow_id: str) -> WorkflowSerializationContext:
    return WorkflowSerializationContext(namespace="default", workflow_id=workflow_id)


def _activity(workflow_id: str | None) -> ActivitySerializationContext:
    return ActivitySerializationContext(
        namespace="default",
        activity_id="1",
        activity_type="running.run",
        activity_task_queue="casts",
        workflow_id=workflow_id,
        workflow_type="cast_spell",
        is_local=False,
    )


async def test_a_payload_comes_back_whole() -> None:
    codec = _codec()
    sealed = await codec.encode([CLEAR, Payload(), CLEAR])
    assert await codec.decode(sealed) == [CLEAR, Payload(), CLEAR]
    assert await codec.encode([]) == await codec.decode([]) == []


async def test_nothing_of_a_payload_can_be_read() -> None:
    (sealed,) = await _codec().encode([CLEAR])
    raw = sealed.SerializeToString()
    assert b"secret" not in raw
    assert b"json/plain" not in raw
    assert set(sealed.metadata) == {"encoding", "encryption-key-id"}


@pytest.mark.parametrize(
    ("context", "owner"),
    [
        (_workflow(cast_workflow_id(CAST)), ACCOUNT),
        (_workflow(publish_workflow_id(publication_id_for(ACCOUNT, b"s", "k"))), ACCOUNT),
        (_activity(cast_workflow_id(CAST)), ACCOUNT),
        (_workflow("reconcile-holds"), PLATFORM_OWNER),
        (_activity(None), PLATFORM_OWNER),
        (None, PLATFORM_OWNER),
    ],
    ids=["cast", "publish", "activity", "platform workflow", "standalone activity", "none"],
)
async def test_the_context_leads_to_the_owner(
    context: SerializationContext | None, owner: str
) -> None:
    codec = _codec() if context is None else _codec().with_context(context)
    (sealed,) = await codec.encode([CLEAR])
    assert sealed.metadata["encryption-key-id"] == f"1/{owner}".encode()
    assert owner_of(sealed) == owner
    assert await _codec().decode([sealed]) == [CLEAR], "the key's id travels with the payload"


async def test_a_context_does_not_stick_to_the_codec_it_came_from() -> None:
    codec = _codec()
    codec.with_context(_workflow(cast_workflow_id(CAST)))
    (sealed,) = await codec.encode([CLEAR])
    assert owner_of(sealed) == PLATFORM_OWNER


@pytest.mark.parametrize("encoding", ["json/plain", "json/protobuf", "binary/null", ""])
async def test_other_encodings_pass_through(encoding: str) -> None:
    foreign = Payload(metadata={"encoding": encoding.encode()}, data=b"in clear")
    assert await _codec().decode([foreign]) == [foreign]
    assert owner_of(foreign) is None


@pytest.mark.parametrize(
    "key_id", [b"", b"1", b"1/", b"/platform", b"2/platform", b"0/" + ACCOUNT.encode(), b"\xff/x"]
)
async def test_an_unknown_key_is_refused_and_never_passed_through(key_id: bytes) -> None:
    (sealed,) = await _codec().encode([CLEAR])
    sealed.metadata["encryption-key-id"] = key_id
    with pytest.raises(PayloadDecryptionError, match="unknown encryption key"):
        await _codec().decode([sealed])


async def test_a_payload_without_a_key_id_is_refused() -> None:
    (sealed,) = await _codec().encode([CLEAR])
    del sealed.metadata["encryption-key-id"]
    with pytest.raises(PayloadDecryptionError):
        await _codec().decode([sealed])


async def test_a_payload_of_one_account_does_not_open_as_anothers() -> None:
    (sealed,) = await _codec().with_context(_workflow(cast_workflow_id(CAST))).encode([CLEAR])
    for owner in ("acct_" + "b" * 16, PLATFORM_OWNER):
        sealed.metadata["encryption-key-id"] = f"1/{owner}".encode()
        with pytest.raises(PayloadDecryptionError, match="does not decrypt"):
            await _codec().decode([sealed])


@pytest.mark.parametrize("change", [b"", b"x", b"x" * 64])
async def test_a_changed_payload_is_refused(change: bytes) -> None:
    (sealed,) = await _codec().encode([CLEAR])
    sealed.data = change
    with pytest.raises(PayloadDecryptionError):
        await _codec().decode([sealed])


async def test_another_master_key_opens_nothing() -> None:
    (sealed,) = await _codec().encode([CLEAR])
    with pytest.raises(PayloadDecryptionError, match="does not decrypt"):
        await _codec(b"n" * 32).decode([sealed])

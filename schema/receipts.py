"""Receipts as bytes: the statement, its envelope, and reading both again. No cryptography here.

The signature covers `pae(payload type, payload)`, as the DSSE protocol has it; whoever signs or
checks brings Ed25519.
"""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from schema.canonical import JsonRefusedError, canonical_json, parse_json
from schema.contracts.base import Contract
from schema.contracts.cast import ArtifactDigest
from schema.contracts.receipt import (
    ACTIONS_PREDICATE_TYPE,
    PAYLOAD_TYPE,
    PREDICATE_TYPE,
    PREDICATE_TYPE_WITH_ARTIFACTS,
    STATEMENT_TYPE,
    ActionsReceipt,
    ActionsStatement,
    AnyReceipt,
    CommitDigest,
    Envelope,
    EnvelopeSignature,
    ReceiptKey,
    Statement,
    Subject,
    SubjectDigest,
)

RECEIPT_BYTES_MAX = 256 * 1024
PUBLIC_KEY_BYTES = 32

SALT_PURPOSE, SALT_BYTES = "receipt-salt", 16
"""What the salt of a cast's digests is derived with; it is stored nowhere."""
ENVELOPE_MEMBERS = ("payload", "payloadType", "signatures")

_Model = TypeVar("_Model", bound=Contract)


class ReceiptRefusedError(ValueError):
    """The text is no receipt; the message says what is wrong with it."""


def salted_digest(salt: str, content: bytes) -> str:
    """`sha256:<hex>` of salt and content.

    Args:
        salt: hex; without it the digest of a small content could be guessed back.
        content: exactly what the spell read or wrote.
    """
    digest = hashlib.sha256(bytes.fromhex(salt))
    digest.update(content)
    return f"sha256:{digest.hexdigest()}"


def artifact_digests(salt: str, files: Mapping[str, bytes]) -> list[ArtifactDigest]:
    """What a run left besides its output, as its record has it."""
    return [
        ArtifactDigest(name=name, digest=salted_digest(salt, content))
        for name, content in sorted(files.items())
    ]


def statement_of(receipt: AnyReceipt) -> bytes:
    """The payload of a receipt's envelope: the same bytes for the same receipt."""
    model = ActionsStatement if isinstance(receipt, ActionsReceipt) else Statement
    statement = model(
        _type=STATEMENT_TYPE,
        subject=subjects_of(receipt),
        predicateType=predicate_type_of(receipt),
        predicate=receipt,
    )
    return canonical_json(statement.model_dump(mode="json", by_alias=True))


def predicate_type_of(receipt: AnyReceipt) -> str:
    """That of its mode; of the fleet's the first, unless the run could leave artifacts.

    So older receipts keep every byte.
    """
    if isinstance(receipt, ActionsReceipt):
        return ACTIONS_PREDICATE_TYPE
    new = receipt.run.limits.artifacts_bytes_max
    return PREDICATE_TYPE_WITH_ARTIFACTS if new else PREDICATE_TYPE


def subjects_of(receipt: AnyReceipt) -> list[Subject]:
    """What a receipt is about: the package of the version, and the module or the commit."""
    package = _subject(f"{receipt.spell}@{receipt.version}", receipt.package_digest)
    if not isinstance(receipt, ActionsReceipt):
        return [package, _subject("spell.wasm", receipt.run.module_digest)]
    run = receipt.run
    if run.github.commit is None:
        return [package]
    # The name is what GitHub calls the repository, wherever the installation's GitHub is.
    commit = CommitDigest(gitCommit=run.github.commit)
    return [package, Subject(name=f"{run.repo}/.github/workflows/{run.workflow}", digest=commit)]


def _subject(name: str, digest: str) -> Subject:
    return Subject(name=name, digest=SubjectDigest(sha256=digest.removeprefix("sha256:")))


def pae(payload_type: str, payload: bytes) -> bytes:
    """DSSE's pre-authentication encoding: what is signed."""
    kind = payload_type.encode("utf-8")
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def envelope_of(payload: bytes, key_id: str, signature: bytes) -> bytes:
    """The envelope of a signed payload, as canonical JSON."""
    envelope = Envelope(
        payload=base64.b64encode(payload).decode("ascii"),
        payloadType=PAYLOAD_TYPE,
        signatures=[
            EnvelopeSignature(keyid=key_id, sig=base64.b64encode(signature).decode("ascii"))
        ],
    )
    return canonical_json(envelope.model_dump(mode="json", by_alias=True))


def read_envelope(text: bytes) -> Envelope:
    """The envelope in a file or an answer. Raises ReceiptRefusedError."""
    if len(text) > RECEIPT_BYTES_MAX:
        raise ReceiptRefusedError(f"the receipt is larger than {RECEIPT_BYTES_MAX:,} bytes")
    try:
        members = parse_json(text)
    except JsonRefusedError as error:
        raise ReceiptRefusedError(f"the envelope is {error}") from error
    return _parsed(Envelope, canonical_json(_known(members)), "the envelope")


def _known(members: Any) -> Any:
    """Without members that DSSE does not know, which readers are to ignore: nobody signed them."""
    if not isinstance(members, dict):
        return members
    known = {name: members[name] for name in ENVELOPE_MEMBERS if name in members}
    if isinstance(known.get("signatures"), list):
        known["signatures"] = [
            {name: one[name] for name in ("keyid", "sig") if name in one}
            if isinstance(one, dict)
            else one
            for one in known["signatures"]
        ]
    return known


def payload_of(envelope: Envelope) -> bytes:
    """The bytes that the envelope's signatures are about. Raises ReceiptRefusedError."""
    if envelope.payload_type != PAYLOAD_TYPE:
        raise ReceiptRefusedError(f"the payload is not of type {PAYLOAD_TYPE}")
    return decoded(envelope.payload, "the payload")


def read_statement(payload: bytes) -> AnyReceipt:
    """The receipt in a payload, once its statement is about what the receipt is about.

    Raises:
        ReceiptRefusedError: it is no statement of a type that we know, or contradicts itself.
    """
    receipt: AnyReceipt
    statement: Statement | ActionsStatement
    if _predicate_type(payload) == ACTIONS_PREDICATE_TYPE:
        statement = _parsed(ActionsStatement, payload, "the statement")
    else:
        statement = _parsed(Statement, payload, "the statement")
    receipt = statement.predicate
    if statement.subject != subjects_of(receipt):
        raise ReceiptRefusedError("the statement's subjects are not the receipt's digests")
    if statement.predicate_type != predicate_type_of(receipt):
        raise ReceiptRefusedError("the predicateType is not that of such a receipt")
    return receipt


def _predicate_type(payload: bytes) -> Any:
    """What the statement says it is; None of what is no statement."""
    try:
        members = parse_json(payload)
    except JsonRefusedError:
        return None
    return members.get("predicateType") if isinstance(members, dict) else None


def key_id_of(public_key: bytes) -> str:
    """What a key is called in envelopes and key sets: a short digest of it."""
    return hashlib.sha256(public_key).hexdigest()[:16]


def web_key_of(public_key: bytes) -> ReceiptKey:
    """A public key in the form in which it is published."""
    text = base64.urlsafe_b64encode(public_key).decode("ascii").rstrip("=")
    return ReceiptKey(kid=key_id_of(public_key), x=text)


def bytes_of_web_key(key: ReceiptKey) -> bytes:
    """The 32 bytes of a published key."""
    return base64.urlsafe_b64decode(key.x + "=")


def decoded(text: str, what: str) -> bytes:
    """Bytes from base64, in the standard or the URL-safe alphabet. Raises ReceiptRefusedError."""
    try:
        return base64.b64decode(text.replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ReceiptRefusedError(f"{what} is not base64") from error


def _parsed(model: type[_Model], text: bytes, what: str) -> _Model:
    try:
        parse_json(text)
        return model.model_validate_json(text, strict=True)
    except JsonRefusedError as error:
        raise ReceiptRefusedError(f"{what} is {error}") from error
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "itself"
        raise ReceiptRefusedError(f"{what}: {place}: {first['msg']}") from error

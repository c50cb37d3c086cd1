"""Identifiers, and how a workflow id leads to an account without naming a person.

All ids are opaque. A cast id is derived from (account, Idempotency-Key) by a keyed hash, so a
retried POST finds the same cast and the key cannot be guessed back from the id (decision 2):

    cast_<account part, 16>_<keyed hash of the Idempotency-Key, 26>

The account part is the opaque tail of the account id. The payload codec uses it to find the key
that encrypts a workflow's history.
"""

import base64
import hashlib
import hmac
import re
import secrets
from datetime import UTC, datetime
from typing import Annotated

from pydantic import StringConstraints

_OPAQUE = "[a-z2-7]"

AccountId = Annotated[str, StringConstraints(pattern=rf"^acct_{_OPAQUE}{{16}}$")]
ExceptionId = Annotated[str, StringConstraints(pattern=rf"^exc_{_OPAQUE}{{16}}$")]
ApiKeyId = Annotated[str, StringConstraints(pattern=rf"^key_{_OPAQUE}{{16}}$")]
CastId = Annotated[str, StringConstraints(pattern=rf"^cast_{_OPAQUE}{{16}}_{_OPAQUE}{{26}}$")]
SigningIdentityId = Annotated[str, StringConstraints(pattern=rf"^sid_{_OPAQUE}{{16}}$")]
MessageId = Annotated[str, StringConstraints(pattern=rf"^msg_{_OPAQUE}{{26}}$")]
"""Of what accounts are told: derived from what it tells of, and the `webhook-id` of webhooks."""
NotificationId = MessageId
Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
Fingerprint = Annotated[str, StringConstraints(pattern=rf"^{_OPAQUE}{{26}}$")]
SpellKey = Annotated[
    str,
    StringConstraints(
        pattern=r"^[a-z][a-z0-9-]*(\.[a-z][a-z0-9-]*)+$", min_length=3, max_length=128
    ),
]
Version = Annotated[
    str,
    StringConstraints(
        # [0-9], not \d: pydantic's \d takes the digits of every script.
        pattern=r"^(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})"
        r"(-[0-9A-Za-z.-]{1,64})?$"
    ),
]

AliasName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
"""What a maker calls a version; no version begins with a letter."""
LATEST = "latest"
"""The alias that nobody sets: the highest published release."""
UploadId = Annotated[str, StringConstraints(pattern=rf"^upl_{_OPAQUE}{{16}}_{_OPAQUE}{{26}}$")]
PublicationId = Annotated[str, StringConstraints(pattern=rf"^pub_{_OPAQUE}{{16}}_{_OPAQUE}{{26}}$")]

CAST_ID_PATTERN = re.compile(rf"^cast_({_OPAQUE}{{16}})_{_OPAQUE}{{26}}$")
LEDGER_ACCOUNT_ID = re.compile(rf"[a-z_]{{1,32}}(:acct_{_OPAQUE}{{16}})?:[A-Z]{{3}}")
TRANSFER_ID_MAX = 2**63 - 1
PURCHASE_ID_PATTERN = re.compile(rf"^pur_{_OPAQUE}{{16}}_{_OPAQUE}{{26}}$")
PurchaseId = Annotated[str, StringConstraints(pattern=rf"^pur_{_OPAQUE}{{16}}_{_OPAQUE}{{26}}$")]
ScheduleId = Annotated[str, StringConstraints(pattern=rf"^sch_{_OPAQUE}{{16}}_{_OPAQUE}{{26}}$")]
WebhookEndpointId = Annotated[str, StringConstraints(pattern=rf"^whe_{_OPAQUE}{{16}}$")]
_ACCOUNT_IN_WORKFLOW_ID = re.compile(rf"(?:cast|acct|pub|pur|sch)_({_OPAQUE}{{16}})")


def _opaque(raw: bytes, length: int) -> str:
    return base64.b32encode(raw).decode("ascii").lower()[:length]


def new_account_id() -> str:
    """A fresh random account id (80 bits)."""
    return "acct_" + _opaque(secrets.token_bytes(10), 16)


def new_exception_id() -> str:
    """A fresh random id of an advisory exception (80 bits)."""
    return "exc_" + _opaque(secrets.token_bytes(10), 16)


def new_signing_identity_id() -> str:
    """A fresh random id of a rule on who may sign (80 bits)."""
    return "sid_" + _opaque(secrets.token_bytes(10), 16)


def new_webhook_endpoint_id() -> str:
    """A fresh random id of a webhook endpoint (80 bits)."""
    return "whe_" + _opaque(secrets.token_bytes(10), 16)


def new_ping_id() -> str:
    """A fresh random message id, for what tells of nothing but itself."""
    return "msg_" + _opaque(secrets.token_bytes(17), 26)


def new_api_key_id() -> str:
    """A fresh random API-key id (80 bits)."""
    return "key_" + _opaque(secrets.token_bytes(10), 16)


def keyed_digest(secret: bytes, *parts: bytes) -> str:
    """HMAC-SHA256 over length-prefixed parts, as 26 base32 characters (130 bits).

    The length prefixes keep ("ab", "c") apart from ("a", "bc").
    """
    mac = hmac.new(secret, digestmod=hashlib.sha256)
    for part in parts:
        mac.update(len(part).to_bytes(8, "big"))
        mac.update(part)
    return _opaque(mac.digest(), 26)


def cast_id_for(account_id: str, account_secret: bytes, idempotency_key: str) -> str:
    """The cast id that (account, Idempotency-Key) always leads to."""
    tail = keyed_digest(account_secret, b"cast-id", idempotency_key.encode("utf-8"))
    return f"cast_{account_id.removeprefix('acct_')}_{tail}"


def upload_id_for(account_id: str, account_secret: bytes, idempotency_key: str) -> str:
    """The upload id that (account, Idempotency-Key) always leads to."""
    tail = keyed_digest(account_secret, b"upload-id", idempotency_key.encode("utf-8"))
    return f"upl_{account_id.removeprefix('acct_')}_{tail}"


def publication_id_for(account_id: str, account_secret: bytes, idempotency_key: str) -> str:
    """The publication id that (account, Idempotency-Key) always leads to."""
    tail = keyed_digest(account_secret, b"publication-id", idempotency_key.encode("utf-8"))
    return f"pub_{account_id.removeprefix('acct_')}_{tail}"


def purchase_id_for(account_id: str, account_secret: bytes, idempotency_key: str) -> str:
    """The purchase id that (account, Idempotency-Key) always leads to."""
    tail = keyed_digest(account_secret, b"purchase-id", idempotency_key.encode("utf-8"))
    return f"pur_{account_id.removeprefix('acct_')}_{tail}"


def schedule_id_for(account_id: str, account_secret: bytes, idempotency_key: str) -> str:
    """The schedule id that (account, Idempotency-Key) always leads to."""
    tail = keyed_digest(account_secret, b"schedule-id", idempotency_key.encode("utf-8"))
    return f"sch_{account_id.removeprefix('acct_')}_{tail}"


def publication_of_upload(upload_id: str) -> str:
    """The one publication that an upload becomes, however often its end is sent."""
    return "pub_" + upload_id.removeprefix("upl_")


def account_of_cast(cast_id: str) -> str:
    """The account id that a cast id carries.

    Raises:
        ValueError: the text is not a cast id.
    """
    match = CAST_ID_PATTERN.match(cast_id)
    if match is None:
        raise ValueError("not a cast id")
    return f"acct_{match.group(1)}"


def account_of_workflow(workflow_id: str) -> str | None:
    """The account whose key encrypts this workflow's payloads; None for platform workflows."""
    match = _ACCOUNT_IN_WORKFLOW_ID.search(workflow_id)
    return f"acct_{match.group(1)}" if match else None


def cast_workflow_id(cast_id: str) -> str:
    """Workflow id of a cast: the business id, so that a second start joins the first."""
    return f"cast:{cast_id}"


def actions_workflow_id(cast_id: str) -> str:
    """Workflow id of a cast's run on GitHub Actions: a child of the cast's own."""
    return f"actions:{cast_id}"


def late_run_workflow_id(cast_id: str) -> str:
    """Workflow id of stopping a run on GitHub Actions that nobody waits for."""
    return f"late-run:{cast_id}"


def purchase_workflow_id(purchase_id: str) -> str:
    """Workflow id of a purchase: the business id, so that a second start joins the first."""
    return f"purchase:{purchase_id}"


def late_payment_workflow_id(purchase_id: str) -> str:
    """Workflow id of giving back what was paid for a purchase that had ended."""
    return f"late-payment:{purchase_id}"


def schedule_workflow_id(schedule_id: str) -> str:
    """What the workflow ids of a schedule begin with; Temporal adds the time."""
    return f"cast-on-schedule:{schedule_id}"


def scheduled_cast_key(schedule_id: str, scheduled_at: datetime) -> str:
    """The idempotency key of one time of a schedule: no request can send one with spaces."""
    return f"schedule {schedule_id} {scheduled_at.astimezone(UTC).isoformat()}"


def replay_workflow_id(cast_id: str) -> str:
    """Workflow id of a cast's replay: one for each cast."""
    return f"replay:{cast_id}"


def replay_run_id(cast_id: str, derived: bytes) -> str:
    """What the bus knows a replay by: formed like the cast's id, and of the same account.

    Args:
        cast_id: the cast that is replayed.
        derived: at least 17 bytes that nobody outside can make: no cast can have this id.
    """
    return f"{cast_id.rpartition('_')[0]}_{_opaque(derived, 26)}"


def revocation_workflow_id(*trusted: str, lift: bool) -> str:
    """Workflow id of revoking one thing, or of lifting that; identities are not shown in ids."""
    named = hashlib.sha256("\n".join(trusted).encode("utf-8")).hexdigest()[:32]
    return f"{'lift' if lift else 'revoke'}:{named}"


def publish_workflow_id(publication_id: str) -> str:
    """Workflow id of a publication: the business id, so that a second start joins the first."""
    return f"publish:{publication_id}"


def notification_id_for(reference: str) -> str:
    """The id that a reference always leads to: a notification that is written twice is one."""
    return "msg_" + _opaque(hashlib.sha256(b"notification " + reference.encode()).digest(), 26)


def clock_workflow_id(spell_key: str, version: str) -> str:
    """Workflow id of the advisory clock of a version: one for each."""
    return f"advisory-clock:{spell_key}:{version}"


def delivery_workflow_id(notification_id: str, channel: str) -> str:
    """Workflow id of one notification's way through one channel."""
    return f"notify:{notification_id}:{channel}"


def cast_message_id(cast_id: str) -> str:
    """The id of the message that tells of a cast's end."""
    return notification_id_for(f"cast-ended:{cast_id}")


def webhook_workflow_id(message_id: str, target: str) -> str:
    """Workflow id of one message's way to one endpoint or callback."""
    return f"webhook:{message_id}:{target}"


def admit_update_id(fingerprint: str) -> str:
    """Update id of an admission: same body joins, another body is told apart."""
    return f"admit:{fingerprint}"


def sha256_digest(content: bytes) -> str:
    """`sha256:<hex>` of the bytes."""
    return "sha256:" + hashlib.sha256(content).hexdigest()

"""The rows of the error catalogue: what each code means, and what to do about it.

`docs/errors.md` is generated from it. Who raises an error imports `schema.errors`.
"""

from dataclasses import dataclass
from enum import StrEnum


class Charged(StrEnum):
    """What a caster pays when a cast ends with this code (product.md 3.5)."""

    NOTHING = "nothing"
    USAGE = "usage"


@dataclass(frozen=True)
class ErrorKind:
    """One row of the catalogue."""

    status: int
    title: str
    remedy: str
    retryable: bool = False
    charged: Charged = Charged.NOTHING


def _lower_use_or_raise(member: str) -> str:
    """What to do when a limit was met, which is the manifest's or the caster's."""
    return (
        f"Send a smaller input; raise your own limit, if you set one; or ask the maker to raise "
        f"`{member}`."
    )


CATALOGUE: dict[str, ErrorKind] = {
    # Who you are and what you may do.
    "UNAUTHORIZED": ErrorKind(
        401,
        "The API key is missing, unknown, expired or revoked.",
        "Send `Authorization: Bearer sk_…` with a live key (`spell keys create`).",
    ),
    "FORBIDDEN": ErrorKind(
        403,
        "This key may not do that.",
        "Use a key with the scope named in `details.scope`, or ask the owner.",
    ),
    "SPELL_UNVERIFIED": ErrorKind(
        403,
        "This version has no passing verification decision.",
        "Cast another version; the maker sees the reasons on the version's page.",
    ),
    "SPELL_SUSPENDED": ErrorKind(
        403,
        "The spell is suspended.",
        "Cast another spell; its maker sees why on the spell's page.",
    ),
    "SPELL_REVOKED": ErrorKind(
        403,
        "What this cast was to run is not trusted any more.",
        "Cast another version or another spell; `details` say what was revoked and why.",
    ),
    "FORBIDDEN_REPO": ErrorKind(
        403,
        "The platform's GitHub App may not do that in this repository.",
        "Install the App there, or accept its new permissions: `details.install_url`.",
    ),
    "MODE_FORBIDDEN": ErrorKind(
        403,
        "Casts may not run in this mode here.",
        "Choose a mode of `details.allowed`, or ask who set the policy.",
    ),
    "SIGNATURE_INVALID": ErrorKind(
        401,
        "The signature of this delivery is missing, wrong or too old.",
        "Sign the exact body with the secret that both sides know.",
    ),
    "LINK_INVALID": ErrorKind(
        403,
        "This link was not made by the platform, or was changed.",
        "Get a new one: `GET /v1/casts/{id}/artifacts`.",
    ),
    # Money.
    "PAYMENT_REQUIRED": ErrorKind(
        402,
        "The balance does not cover the worst-case cost of this cast.",
        "Add credit, then cast again with a new Idempotency-Key.",
    ),
    "BUDGET_CAP_EXCEEDED": ErrorKind(
        402,
        "The worst-case cost of this cast does not fit under a cap.",
        "Raise the cap named in `details.cap`, or wait until `details.resets_at`; "
        "then use a new Idempotency-Key.",
    ),
    # Things that are not there.
    "NOT_FOUND": ErrorKind(
        404, "There is nothing at this address.", "Check the path: see /openapi.json."
    ),
    "METHOD_NOT_ALLOWED": ErrorKind(
        405, "This address does not take that method.", "Use a method from the Allow header."
    ),
    "SPELL_NOT_FOUND": ErrorKind(
        404, "No such spell or version.", "List what there is: `GET /v1/spells`."
    ),
    "CAST_NOT_FOUND": ErrorKind(
        404, "No such cast on this account.", "List yours: `GET /v1/casts`."
    ),
    "TRANSFER_NOT_FOUND": ErrorKind(
        404,
        "There is no such transfer of this account, or it is not sealed yet.",
        "Seals follow within seconds; list yours: `GET /v1/billing/statement`.",
    ),
    "LEDGER_ACCOUNT_NOT_FOUND": ErrorKind(
        404, "There is no such account in the ledger.", "List them: `GET /v1/ledger/accounts`."
    ),
    "RECEIPT_NOT_FOUND": ErrorKind(
        404,
        "There is no receipt for this cast: it has not ended, or nothing ran.",
        "Wait until the cast has ended: `GET /v1/casts/{id}`.",
    ),
    "REVOCATION_NOT_FOUND": ErrorKind(
        404,
        "There is no such revocation in force.",
        "List them: `GET /v1/revocations`.",
    ),
    "SBOM_NOT_FOUND": ErrorKind(
        404,
        "This version was published without a bill of materials.",
        "Ask its maker for a version that has one.",
    ),
    "SBOM_NOT_CONVERTIBLE": ErrorKind(
        422,
        "The version's bill of materials cannot be written in the other format.",
        "Get it as it was published: `format=original`.",
    ),
    "SECRET_NOT_FOUND": ErrorKind(
        404,
        "The spell has no secret of that name.",
        "List the names: `GET /v1/spells/{key}/secrets`.",
    ),
    "EXCEPTION_NOT_FOUND": ErrorKind(
        404,
        "No such advisory exception in force.",
        "List those there are: `GET /v1/advisory-exceptions`.",
    ),
    "SIGNING_IDENTITY_NOT_FOUND": ErrorKind(
        404,
        "The account has no such rule on who may sign.",
        "List yours: `GET /v1/signing-identities`.",
    ),
    "NOTIFICATION_NOT_FOUND": ErrorKind(
        404,
        "The account was told no such thing.",
        "List what it was told: `GET /v1/account/notifications`.",
    ),
    "WORKFLOW_NOT_FOUND": ErrorKind(
        404,
        "There is no such GitHub Actions workflow in that repository, or it cannot be dispatched.",
        "Tell the maker: `details` name repository, file and ref.",
    ),
    "ARTIFACT_NOT_FOUND": ErrorKind(
        404, "The cast has no such artifact.", "List them: `GET /v1/casts/{id}/artifacts`."
    ),
    "ARTIFACT_EXPIRED": ErrorKind(
        410, "The artifact's time was up, and it was deleted.", "Cast again to make it anew."
    ),
    "RANGE_NOT_SATISFIABLE": ErrorKind(
        416,
        "The artifact has no byte in the range that was asked for.",
        "Ask for a range below `details.bytes`, its size, or for all of it.",
    ),
    "LINK_EXPIRED": ErrorKind(
        410,
        "This link's time is up, or it was used.",
        "Get a new one: `GET /v1/casts/{id}/artifacts`.",
    ),
    "WEBHOOK_ENDPOINT_NOT_FOUND": ErrorKind(
        404,
        "The account has no such webhook endpoint.",
        "List them: `GET /v1/webhook-endpoints`.",
    ),
    "WEBHOOK_MESSAGE_NOT_FOUND": ErrorKind(
        404,
        "The account was sent no such message.",
        "List them: `GET /v1/webhook-endpoints/{id}/deliveries`.",
    ),
    "PURCHASE_NOT_FOUND": ErrorKind(
        404, "No such purchase on this account.", "List yours: `GET /v1/purchases`."
    ),
    "SCHEDULE_NOT_FOUND": ErrorKind(
        404, "No such schedule on this account.", "List yours: `GET /v1/schedules`."
    ),
    "GITHUB_NOT_CONNECTED": ErrorKind(
        409,
        "This account is not connected with a GitHub user.",
        "Connect it: `spell github connect`.",
    ),
    "GITHUB_CODE_EXPIRED": ErrorKind(
        410,
        "No code waits to be confirmed on GitHub: its time was up, or it was taken back.",
        "Begin again: `spell github connect`.",
    ),
    "GITHUB_CODE_DENIED": ErrorKind(
        403,
        "The code was confirmed with no on GitHub's page.",
        "Begin again, and authorise the App: `spell github connect`.",
    ),
    "GITHUB_USER_TAKEN": ErrorKind(
        409,
        "Another account of this platform is connected with that GitHub user.",
        "Disconnect it there, or revoke the App on GitHub if that account is not yours; "
        "or connect another user.",
    ),
    "KEY_NOT_FOUND": ErrorKind(
        404, "No such API key on this account.", "List yours: `GET /v1/keys`."
    ),
    "CAP_NOT_FOUND": ErrorKind(
        404, "There is no such cap on this account.", "List yours: `GET /v1/billing/caps`."
    ),
    "SPELL_YANKED": ErrorKind(
        410, "The maker withdrew this version.", "Cast a version listed at /versions."
    ),
    "SPELL_DELISTED": ErrorKind(
        410,
        "This version has a vulnerability that its maker did not mend in time.",
        "Cast a version listed at /versions; the reasons are on the version's page.",
    ),
    "UPLOAD_NOT_FOUND": ErrorKind(
        404,
        "No such upload on this account: it ended, or its time was up.",
        "Begin a new one: `POST /v1/uploads`.",
    ),
    "PUBLICATION_NOT_FOUND": ErrorKind(
        404,
        "No such publication on this account.",
        "Publish again; the answer names the publication.",
    ),
    "ALIAS_NOT_FOUND": ErrorKind(
        404, "The spell has no such alias.", "List them: `GET /v1/spells/{key}/aliases`."
    ),
    # Telling accounts.
    "DELIVERY_FAILED": ErrorKind(
        503,
        "A notification could not be delivered.",
        "It is tried again for days; look at what receives your notifications.",
        retryable=True,
    ),
    "DELIVERY_REFUSED": ErrorKind(
        502,
        "What receives the notifications wants no more of this one.",
        "Set another channel: `PUT /v1/account/notification-channels/{kind}`.",
    ),
    # Requests that do not fit.
    "IDEMPOTENCY_KEY_REQUIRED": ErrorKind(
        400,
        "A cast needs an Idempotency-Key header.",
        "Send 1 to 255 visible ASCII characters, a fresh value for each new cast.",
    ),
    "IDEMPOTENCY_CONFLICT": ErrorKind(
        409,
        "This Idempotency-Key was used with another body.",
        "Use a new key for a new cast; repeat the exact body to get the first answer.",
    ),
    "VERSION_EXISTS": ErrorKind(
        409,
        "This version is published with other content. Versions never change.",
        "Raise `version` in manifest.toml and publish again.",
    ),
    "CONSENT_REQUIRED": ErrorKind(
        409,
        "The version that the alias leads to may do more, or costs more, than what you agreed to.",
        "Read `details.widenings`; then agree (`spell consent`), or name the exact version.",
    ),
    "UPLOAD_OFFSET_CONFLICT": ErrorKind(
        409,
        "The upload does not go on at that offset.",
        "Go on at `details.offset`.",
    ),
    "SPELL_NOT_SOLD": ErrorKind(
        409,
        "This spell is not sold as a template.",
        "Cast it; spells that are sold have mode clone among their modes.",
    ),
    "PURCHASE_FINISHED": ErrorKind(
        409,
        "The purchase is paid or has ended: it cannot be cancelled.",
        "Read it: `GET /v1/purchases/{id}`.",
    ),
    "PURCHASE_CANCELLED": ErrorKind(
        409,
        "The purchase was cancelled before it was paid.",
        "Buy again with a new Idempotency-Key.",
    ),
    "REPOSITORY_EXISTS": ErrorKind(
        409,
        "There is a repository of that name already.",
        "Buy under another name.",
    ),
    "TOO_MANY_ENDPOINTS": ErrorKind(
        409,
        "This account has as many webhook endpoints as it may.",
        "Remove one: `DELETE /v1/webhook-endpoints/{id}`.",
    ),
    "TOO_MANY_SCHEDULES": ErrorKind(
        409,
        "This account has as many schedules as it may.",
        "Remove one: `DELETE /v1/schedules/{id}`.",
    ),
    "CAST_FINISHED": ErrorKind(
        409, "The cast has already ended.", "Read its result: `GET /v1/casts/{id}`."
    ),
    "PAYLOAD_TOO_LARGE": ErrorKind(
        413, "The body is larger than `details.limit_bytes`.", "Send less, or split it."
    ),
    "BODY_TOO_SLOW": ErrorKind(
        408,
        "The body did not come in time.",
        "Send it again; large packages resume with `POST /v1/uploads`.",
    ),
    "TOO_MANY_UPLOADS": ErrorKind(
        429,
        "This account has as many open uploads or running publications as it may.",
        "End an upload, or wait until one's time is up or a publication has ended.",
        True,
    ),
    "TOO_MANY_STREAMS": ErrorKind(
        429,
        "This account follows as many event streams at a time as it may.",
        "Close one, or ask now and then: `GET /v1/casts/{id}`.",
        True,
    ),
    "UPLOAD_DIGEST_MISMATCH": ErrorKind(
        422,
        "What arrived has another digest than was said.",
        "Begin a new upload with the digest of what you send.",
    ),
    "UNSUPPORTED_MEDIA_TYPE": ErrorKind(
        415, "The body has another content type than this address takes.", "See `details.accepts`."
    ),
    "VALIDATION_ERROR": ErrorKind(
        422, "The request does not fit its schema.", "Mend the members named in `details.errors`."
    ),
    "PACKAGE_INVALID": ErrorKind(
        422,
        "The archive is not a canonical package.",
        "Build it with `spell publish <folder>`; `details` names the entry.",
    ),
    "MANIFEST_INVALID": ErrorKind(
        422, "manifest.toml has errors.", "Mend the lines and fields in `details.errors`."
    ),
    "SCHEMA_INVALID": ErrorKind(
        422,
        "schema.json is not a usable pair of JSON Schemas (2020-12).",
        "Mend what `details` names; remote references are not followed.",
    ),
    "MODULE_INVALID": ErrorKind(
        422,
        "spell.wasm is not a module that the runner accepts.",
        "Build a WASI preview-1 command in binary form; `details` says what is wrong.",
    ),
    # How a run ends when the spell is to blame.
    "SPELL_FAILED": ErrorKind(
        422,
        "The spell ran and refused by its own error.",
        "Read `spell logs <cast>`: the spell says why on its error stream.",
        charged=Charged.USAGE,
    ),
    "SPELL_TRAPPED": ErrorKind(
        422,
        "The spell crashed (a WebAssembly trap).",
        "Report it to the maker with the cast id; `details.trap` names the trap.",
        charged=Charged.USAGE,
    ),
    "FUEL_EXHAUSTED": ErrorKind(
        422,
        "The spell used all the fuel of its limit.",
        _lower_use_or_raise("runtime.fuel"),
        charged=Charged.USAGE,
    ),
    "TIME_EXCEEDED": ErrorKind(
        422,
        "The spell ran longer than its limit.",
        _lower_use_or_raise("runtime.timeout_ms"),
        charged=Charged.USAGE,
    ),
    "CPU_EXCEEDED": ErrorKind(
        422,
        "The spell used more processor time than its limit.",
        _lower_use_or_raise("runtime.max_cpu_ms"),
        charged=Charged.USAGE,
    ),
    "HOST_CALLS_EXCEEDED": ErrorKind(
        422,
        "The spell called the platform more often than its limit.",
        _lower_use_or_raise("runtime.max_host_calls"),
        charged=Charged.USAGE,
    ),
    "SCRATCH_EXCEEDED": ErrorKind(
        422,
        "The spell wrote more scratch files than its limit, and failed.",
        _lower_use_or_raise("runtime.max_scratch_mb"),
        charged=Charged.USAGE,
    ),
    "NETWORK_DENIED": ErrorKind(
        422,
        "The spell asked for an address that it may not reach, and failed.",
        "Report it to the maker: `details.hosts` are not in `runtime.policy.net_allow`, or lead to "
        "a private address.",
        charged=Charged.USAGE,
    ),
    "NETWORK_LIMIT_EXCEEDED": ErrorKind(
        422,
        "The spell used more of the network than its limits, and failed.",
        _lower_use_or_raise("runtime.max_net_requests` or `runtime.max_net_mb"),
        charged=Charged.USAGE,
    ),
    "MEMORY_EXCEEDED": ErrorKind(
        422,
        "The spell asked for more memory than its limit.",
        _lower_use_or_raise("runtime.max_memory_mb"),
        charged=Charged.USAGE,
    ),
    "STACK_EXHAUSTED": ErrorKind(
        422,
        "The spell overflowed its stack.",
        "Report it to the maker with the cast id.",
        charged=Charged.USAGE,
    ),
    "OUTPUT_TOO_LARGE": ErrorKind(
        422,
        "The spell wrote more output than its limit.",
        _lower_use_or_raise("runtime.max_output_mb"),
        charged=Charged.USAGE,
    ),
    "OUTPUT_INVALID": ErrorKind(
        422,
        "The spell's output breaks its own schema, so it is not charged.",
        "Report it to the maker with the cast id.",
    ),
    "NOT_REPLAYABLE": ErrorKind(
        422,
        "A replay of this cast would prove nothing.",
        "Only deterministic spells replay, in mode service, and only runs that no clock ended; "
        "see `details.reason`.",
    ),
    "CAST_CANCELLED": ErrorKind(
        409, "The cast was cancelled.", "Cast again with a new Idempotency-Key."
    ),
    # How a cast ends when the platform is to blame.
    "QUEUE_TIMEOUT": ErrorKind(
        504, "No runner took the cast in time.", "Cast again with a new Idempotency-Key.", True
    ),
    "RUNNER_LOST": ErrorKind(
        500,
        "The run was lost several times on its way.",
        "Cast again with a new Idempotency-Key; tell the operator if it happens again.",
        True,
    ),
    "DISPATCH_UNKNOWN": ErrorKind(
        502,
        "GitHub did not say whether it took the run, and no run was found.",
        "Cast again with a new Idempotency-Key. If the run appears later, it is cancelled.",
        True,
    ),
    "ACTIONS_RUN_LOST": ErrorKind(
        502,
        "The run on GitHub Actions did not come to an end of its own: it was cancelled or deleted "
        "there, or never started.",
        "Tell the maker; `details` have GitHub's words. Then cast again with a new key.",
        True,
    ),
    "MODE_UNAVAILABLE": ErrorKind(
        503,
        "The mode that the spell runs in is not available now.",
        "Choose another mode of the spell, or cast again later with a new Idempotency-Key.",
        True,
    ),
    "PAYMENT_ABANDONED": ErrorKind(
        402,
        "Nobody paid in time.",
        "Buy again with a new Idempotency-Key.",
    ),
    "GENERATION_FAILED": ErrorKind(
        502,
        "The repository could not be made; what was paid is given back.",
        "Mend what `details` say, then buy again with a new Idempotency-Key.",
    ),
    "TIMEOUT": ErrorKind(504, "The platform did not answer in time.", "Repeat the request.", True),
    "ADMISSION_FAILED": ErrorKind(
        503,
        "The platform could not decide on the cast in time; it will not run.",
        "Cast again with a new Idempotency-Key; this one stays refused.",
    ),
    "SECRET_MISSING": ErrorKind(
        409,
        "The spell needs a secret that its maker has not set; nothing ran.",
        "Report it to the maker: `details.names` are to be set with `spell secrets set`.",
    ),
    "TOO_MANY_CASTS": ErrorKind(
        429,
        "This account has as many open casts as it may.",
        "Wait until some have ended, then cast with a new Idempotency-Key.",
        True,
    ),
    "RATE_LIMITED": ErrorKind(
        429, "Too many requests.", "Wait for `retry_after` seconds, then repeat.", True
    ),
    "SERVICE_UNAVAILABLE": ErrorKind(
        503,
        "A part of the platform is away.",
        "Repeat the request with the same Idempotency-Key after `retry_after` seconds.",
        True,
    ),
    "INTERNAL": ErrorKind(
        500,
        "The platform failed; nothing was charged.",
        "Repeat the request; send the operator the `request_id` if it happens again.",
        True,
    ),
}

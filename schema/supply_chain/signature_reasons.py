"""What can be wrong with a signature and with who signed: code, title, remedy.

Rows of the catalogue in `schema/supply_chain/reasons.py`. The words are those of Sigstore's bundle
(https://docs.sigstore.dev/about/bundle/) and of its client specification.
"""

from collections.abc import Mapping

_SIGN_AGAIN = "Sign the package again: `spell sign`."
_UNCHANGED = "Send the file that `spell sign` wrote, unchanged."
_OTHER_INSTANCE = (
    "Sign with the Sigstore instance that this platform trusts, or have the operator add yours to "
    "SPELL_TRUST_ROOT_FILE."
)

_FORM = {
    "UNSIGNED": (
        "The package is not signed.",
        "Sign it: `spell sign`, or publish from the workflow template.",
    ),
    "BUNDLE_MALFORMED": ("The signature is not a Sigstore bundle.", _UNCHANGED),
    "BUNDLE_TOO_LARGE": ("The bundle is larger than a signature needs to be.", _UNCHANGED),
    "BUNDLE_MEDIA_TYPE": (
        "The bundle is of a version that this platform does not read.",
        "Sign with a client that writes bundles of version 0.1, 0.2 or 0.3.",
    ),
    "BUNDLE_BASE64": ("A member of the bundle is not base64.", _UNCHANGED),
    "BUNDLE_NUMBER": ("A number in the bundle is out of its range.", _UNCHANGED),
    "BUNDLE_CONTENT": (
        "The bundle must hold either a message signature or a DSSE envelope.",
        _UNCHANGED,
    ),
    "MANAGED_KEY": (
        "The bundle is signed by a key of its own, which nobody vouches for.",
        "Sign with an identity (keyless): `spell sign`. Managed keys are not supported.",
    ),
}
_CERTIFICATE = {
    "CERTIFICATE_MISSING": ("The bundle holds no signing certificate.", _SIGN_AGAIN),
    "CERTIFICATE_MALFORMED": ("The signing certificate cannot be read.", _UNCHANGED),
    "CERTIFICATE_CHAIN_ROOT": (
        "The bundle brings a root certificate along; roots come from the trusted root only.",
        "Sign with a current Sigstore client, which sends the signing certificate alone.",
    ),
    "CERTIFICATE_PURPOSE": (
        "The certificate is not one for signing code.",
        "Sign with a certificate that Fulcio issued: `spell sign`.",
    ),
    "CERTIFICATE_KEY": ("The certificate's key is not an elliptic-curve key.", _SIGN_AGAIN),
    "CERTIFICATE_UNTRUSTED": (
        "No certificate authority of the trusted root issued the certificate.",
        _OTHER_INSTANCE,
    ),
    "CERTIFICATE_EXPIRED": (
        "The certificate had expired when the package was signed.",
        "Sign again with a fresh certificate: it lasts ten minutes.",
    ),
    "CERTIFICATE_NOT_YET_VALID": (
        "The package was signed before the certificate became valid.",
        _SIGN_AGAIN,
    ),
    "AUTHORITY_EXPIRED": (
        "The certificate authority was not trusted at the time of signing.",
        _SIGN_AGAIN,
    ),
    "SCT_MISSING": (
        "The certificate does not say that it was logged (no signed certificate timestamp).",
        _OTHER_INSTANCE,
    ),
    "SCT_UNTRUSTED": (
        "The certificate was logged in a certificate transparency log that is not trusted.",
        _OTHER_INSTANCE,
    ),
    "SCT_INVALID": (
        "The certificate transparency log did not sign this certificate's timestamp.",
        _SIGN_AGAIN,
    ),
    "SIGNER_UNNAMED": (
        "The certificate does not name exactly one signer and one issuer.",
        "Sign with a certificate that Fulcio issued: `spell sign`.",
    ),
}
_LOG = {
    "LOG_ENTRY_MISSING": ("The bundle holds no transparency log entry.", _SIGN_AGAIN),
    "LOG_ENTRIES_SEVERAL": (
        "The bundle holds more than one transparency log entry.",
        "Sign with a client that logs each signature once.",
    ),
    "LOG_ENTRY_KIND": (
        "The transparency log entry is of a kind that this platform cannot verify.",
        "Sign with a client that logs hashedrekord (0.0.1, 0.0.2) or dsse (0.0.1) entries.",
    ),
    "LOG_ENTRY_MALFORMED": ("The transparency log entry cannot be read.", _UNCHANGED),
    "LOG_ENTRY_OTHER_ARTIFACT": (
        "The transparency log entry is about another artifact.",
        "Sign this very package again: `spell sign`.",
    ),
    "LOG_ENTRY_OTHER_SIGNATURE": (
        "The transparency log entry is about another signature.",
        _SIGN_AGAIN,
    ),
    "LOG_ENTRY_OTHER_CERTIFICATE": (
        "The transparency log entry is about another certificate.",
        _SIGN_AGAIN,
    ),
    "LOG_UNTRUSTED": ("The transparency log is not one of the trusted root.", _OTHER_INSTANCE),
    "LOG_EXPIRED": ("The log's key was not trusted at the time of signing.", _SIGN_AGAIN),
    "INCLUSION_PROOF_MISSING": (
        "The bundle does not prove that the log holds the entry.",
        "Sign with a client that stores the inclusion proof; nothing is looked up online.",
    ),
    "INCLUSION_PROOF_INVALID": ("The proof that the log holds the entry is wrong.", _SIGN_AGAIN),
    "CHECKPOINT_MISSING": ("The inclusion proof has no checkpoint of the log.", _SIGN_AGAIN),
    "CHECKPOINT_MALFORMED": ("The log's checkpoint cannot be read.", _UNCHANGED),
    "CHECKPOINT_UNSIGNED": (
        "The checkpoint bears no signature of the log that holds the entry.",
        _SIGN_AGAIN,
    ),
    "CHECKPOINT_SIGNATURE": ("The log's signature on the checkpoint is wrong.", _SIGN_AGAIN),
    "CHECKPOINT_ROOT": ("The checkpoint is of another tree than the proof.", _SIGN_AGAIN),
    "SET_MISSING": ("The log did not promise the entry (signed entry timestamp).", _SIGN_AGAIN),
    "SET_INVALID": (
        "The log did not promise this entry at this time (signed entry timestamp).",
        _SIGN_AGAIN,
    ),
}
_TIME = {
    "TIMESTAMP_MISSING": (
        "Nothing trusted says when the package was signed.",
        "Sign with a log that promises a time, or with a timestamp authority.",
    ),
    "TIMESTAMP_MALFORMED": ("A timestamp is not an RFC 3161 response.", _UNCHANGED),
    "TIMESTAMP_UNTRUSTED": (
        "No timestamp authority of the trusted root made the timestamp.",
        _OTHER_INSTANCE,
    ),
    "TIMESTAMP_OTHER_SIGNATURE": ("The timestamp is of another signature.", _SIGN_AGAIN),
    "TIMESTAMP_OUTSIDE_VALIDITY": (
        "The timestamp authority was not trusted at the time that it states.",
        _SIGN_AGAIN,
    ),
    "TIMESTAMPS_REPEATED": ("The bundle holds a timestamp twice, or too many.", _SIGN_AGAIN),
    "TIME_IN_FUTURE": (
        "The package was signed later than now.",
        "Wait; or have the operator set the platform's clock.",
    ),
}
_CONTENT = {
    "DIGEST_MISMATCH": (
        "The bundle names another digest than the package has.",
        "Send the bundle of this very package, or sign it again.",
    ),
    "SIGNATURE_MISMATCH": (
        "The signature is not one of the certificate's key over this package.",
        _SIGN_AGAIN,
    ),
    "DSSE_SIGNATURE": (
        "The envelope's signature is not one of the certificate's key over its content.",
        _SIGN_AGAIN,
    ),
    "DSSE_SIGNATURES_NUMBER": ("An envelope must have exactly one signature.", _SIGN_AGAIN),
    "DSSE_PAYLOAD_TYPE": (
        "The envelope does not hold an in-toto statement.",
        "Attest with payload type application/vnd.in-toto+json.",
    ),
    "DSSE_STATEMENT": ("The envelope's content is not an in-toto statement.", _SIGN_AGAIN),
    "DSSE_SUBJECT": (
        "The statement is about another artifact than this package.",
        "Attest the package itself: its SHA-256 must be among the subjects.",
    ),
    "SIGNATURE_REFUSED": (
        "The signature does not verify, for a reason that has no name here.",
        _SIGN_AGAIN,
    ),
}
_IDENTITY = {
    "IDENTITY_MISMATCH": (
        "Another identity signed than may.",
        "Sign as the identity that is expected, or allow this one: `spell identities allow`.",
    ),
    "ISSUER_MISMATCH": (
        "Another issuer vouched for the signer than may.",
        "Sign in with the issuer that is expected, or allow this one: `spell identities allow`.",
    ),
    "REPOSITORY_MISMATCH": (
        "A workflow of another repository signed.",
        "Publish from the expected repository, or allow this one: `spell identities allow`.",
    ),
    "REF_MISMATCH": (
        "The workflow ran on another git ref than may sign.",
        "Publish from the expected branch or tag, or allow this one: `spell identities allow`.",
    ),
    "SIGNATURE_MORE": (
        "The signature has more faults than are told.",
        "Sign again: `spell sign`.",
    ),
}

SIGNATURE_REASONS: Mapping[str, tuple[str, str]] = {
    **_FORM,
    **_CERTIFICATE,
    **_LOG,
    **_TIME,
    **_CONTENT,
    **_IDENTITY,
}
"""(title, remedy) by code, in the order of the checks."""

"""The statement in a DSSE envelope: whether it is about this package.

https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md. A verified signature says who
made a statement; what it is about must be asked apart.
"""

from collections.abc import Iterator
from typing import Any

from sigstore_models.bundle.v1 import Bundle as BundleDocument

from schema.canonical import JsonRefusedError, parse_json
from schema.contracts.supply_chain import Reason
from schema.packaging.refusal import printable
from schema.supply_chain.reasons import reason

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPES = ("https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1")


def statement_faults(document: BundleDocument, package_sha256: bytes) -> Iterator[Reason]:
    """Why the envelope's statement does not vouch for the package; nothing without an envelope."""
    envelope = document.dsse_envelope
    if envelope is None:
        return
    if envelope.payload_type != PAYLOAD_TYPE:
        details = {"found": printable(envelope.payload_type), "expected": PAYLOAD_TYPE}
        yield reason("DSSE_PAYLOAD_TYPE", details=details)
        return
    try:
        subjects = _subjects(parse_json(envelope.payload))
    except (JsonRefusedError, KeyError, TypeError, ValueError) as error:
        yield reason(
            "DSSE_STATEMENT", f"The content is no in-toto statement: {printable(str(error))}."
        )
        return
    if package_sha256.hex() not in subjects:
        yield reason("DSSE_SUBJECT", details={"subjects": subjects[:10]})


def _subjects(statement: Any) -> list[str]:
    """The SHA-256 of every subject that states one."""
    if statement["_type"] not in STATEMENT_TYPES:
        raise ValueError("its _type is not one of in-toto's")
    subjects = statement["subject"]
    if not isinstance(subjects, list):
        raise TypeError("its subject is not a list")
    digests = [subject["digest"] for subject in subjects]
    if not all(isinstance(each, dict) for each in digests):
        raise TypeError("a subject's digest is not an object")
    stated = [each.get("sha256") for each in digests]
    return [digest for digest in stated if isinstance(digest, str)]

"""Ways to tamper with a bundle of Rekor v2, whose time comes from a timestamp authority alone.

Goal and method are those of `test_tampering.py`: signed for real, one change, a reason of its own.
"""

import base64
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from infra.embedded.sigstore.configs import trusted_root
from infra.embedded.sigstore.instance import wall_clock
from infra.supply_chain.signatures.bundle import TIMESTAMPS_MAX
from tests.support.bundles import Json, Tampered, edited, entry_of, flipped, put, retired
from tests.support.reports import print_table
from tests.support.signing import new_authority, shared_authority, sign

PACKAGE = b"the canonical archive of com.acme.words 1.0.0"
# An entry lies below ours, so that the proof has hashes.
EARLIER = sign(b"an earlier version", rekor=2)
BUNDLE = sign(PACKAGE, rekor=2)
SIGNED_AGAIN = sign(PACKAGE, rekor=2)
ENVELOPE = sign(PACKAGE, rekor=2, dsse=True)
ENVELOPED_AGAIN = sign(PACKAGE, rekor=2, dsse=True)
ELSEWHERE = new_authority()


def _of(bundle: bytes) -> Json:
    document: Json = json.loads(bundle)
    return document


def _timestamps(bundle: bytes) -> Json:
    material: Json = _of(bundle)["verificationMaterial"]["timestampVerificationData"]
    return material


def _stamped(timestamps: Json, bundle: bytes = BUNDLE) -> Tampered:
    """The bundle with these timestamps instead of its own."""
    change = put("timestampVerificationData", timestamps)
    return Tampered(edited(bundle, lambda document: change(document["verificationMaterial"])))


def _entry(change: Callable[[Json], object], bundle: bytes = BUNDLE) -> Tampered:
    return Tampered(edited(bundle, lambda document: change(entry_of(document))))


def _many(number: int) -> Json:
    """That many timestamps, no two alike in their bytes' base64, and the first one good."""
    [good] = _timestamps(BUNDLE)["rfc3161Timestamps"]
    return {"rfc3161Timestamps": [good] * number}


def _two_hours_late() -> Tampered:
    late = new_authority(logged_at=lambda: wall_clock() + timedelta(minutes=11))
    return Tampered(sign(PACKAGE, rekor=2, authority=late), late)


def _without_authority(root: Json) -> None:
    root["timestampAuthorities"] = trusted_root(ELSEWHERE.keys)["timestampAuthorities"]


def _other_envelope_signature(document: Json) -> None:
    document["dsseEnvelope"]["signatures"] = _of(ENVELOPED_AGAIN)["dsseEnvelope"]["signatures"]
    document["verificationMaterial"]["timestampVerificationData"] = _timestamps(ENVELOPED_AGAIN)


def _flip_first_hash(entry: Json) -> None:
    hashes = entry["inclusionProof"]["hashes"]
    hashes[0] = flipped(hashes[0])


TAMPERED: dict[str, tuple[str, Callable[[], Tampered]]] = {
    "the timestamp is left out": ("TIMESTAMP_MISSING", lambda: _stamped({})),
    "the timestamp of another signature": (
        "TIMESTAMP_OTHER_SIGNATURE",
        lambda: _stamped(_timestamps(SIGNED_AGAIN)),
    ),
    "the timestamp of another authority": (
        "TIMESTAMP_UNTRUSTED",
        lambda: Tampered(BUNDLE, root=_without_authority),
    ),
    "the timestamp authority was retired before": (
        "TIMESTAMP_OUTSIDE_VALIDITY",
        lambda: Tampered(BUNDLE, root=retired("timestampAuthorities")),
    ),
    "the timestamp is no timestamp": (
        "TIMESTAMP_MALFORMED",
        lambda: _stamped(
            {"rfc3161Timestamps": [{"signedTimestamp": base64.b64encode(b"noon").decode()}]}
        ),
    ),
    "the timestamp is there twice": ("TIMESTAMPS_REPEATED", lambda: _stamped(_many(2))),
    "the certificate had expired": ("CERTIFICATE_EXPIRED", _two_hours_late),
    "the envelope's signature is another one": (
        "LOG_ENTRY_OTHER_SIGNATURE",
        lambda: Tampered(edited(ENVELOPE, _other_envelope_signature)),
    ),
    "a hash of the inclusion proof is edited": (
        "INCLUSION_PROOF_INVALID",
        lambda: _entry(_flip_first_hash),
    ),
    "the log entry of another version": (
        "LOG_ENTRY_OTHER_ARTIFACT",
        lambda: _entry(lambda entry: entry.update(entry_of(_of(EARLIER)))),
    ),
}


@pytest.fixture(scope="module")
def table(request: pytest.FixtureRequest) -> Iterator[list[str]]:
    lines: list[str] = []
    yield lines
    print_table(request.config, [*lines, f"{len(lines)} ways with Rekor v2, all refused"])


@pytest.mark.parametrize("name", TAMPERED)
def test_a_tampered_bundle_is_refused_for_its_own_reason(
    name: str, tmp_path: Path, table: list[str]
) -> None:
    own, tamper = TAMPERED[name]
    found = tamper().codes(PACKAGE, tmp_path)
    table.append(f"{name:<52}{own:<28}{', '.join(code for code in found if code != own)}")
    assert own in found


def test_every_way_has_a_reason_of_its_own() -> None:
    assert len({own for own, _ in TAMPERED.values()}) == len(TAMPERED)


@pytest.mark.parametrize(
    "bundle",
    [BUNDLE, SIGNED_AGAIN, ENVELOPE, sign(PACKAGE, stamped=True)],
    ids=["signature", "signed again", "envelope", "rekor v1 and a timestamp"],
)
def test_the_untouched_bundles_pass(bundle: bytes, tmp_path: Path) -> None:
    assert Tampered(bundle).codes(PACKAGE, tmp_path) == []


def test_more_timestamps_than_are_read_are_refused(tmp_path: Path) -> None:
    tampered = _stamped(_many(TIMESTAMPS_MAX + 1))
    assert tampered.codes(PACKAGE, tmp_path) == ["TIMESTAMPS_REPEATED"]


def test_a_time_behind_all_calendars_is_a_number_out_of_range(tmp_path: Path) -> None:
    tampered = _entry(put("integratedTime", str(2**64 - 1)), sign(PACKAGE))
    assert tampered.codes(PACKAGE, tmp_path) == ["BUNDLE_NUMBER"]


def test_a_signature_without_any_trusted_time_is_refused_whatever_else_holds(
    tmp_path: Path,
) -> None:
    """An integrated time without a promise is the sender's own word."""
    tampered = _entry(put("integratedTime", str(int(wall_clock().timestamp()))))
    document = _of(tampered.bundle)
    document["verificationMaterial"].pop("timestampVerificationData")
    sent = Tampered(json.dumps(document).encode(), shared_authority())
    assert sent.codes(PACKAGE, tmp_path) == ["TIMESTAMP_MISSING"]

"""Time stamps, checked by the library that sigstore's client checks them with."""

from datetime import UTC, datetime

import pytest
from asn1crypto import tsp
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_der_x509_certificate
from hypothesis import given, settings
from hypothesis import strategies as st
from rfc3161_client import (
    HashAlgorithm,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from infra.embedded.sigstore.instance import LocalSigstore
from infra.embedded.sigstore.refusal import RefusedError
from tests.support.signing import new_authority

NOON = datetime(2026, 11, 25, 12, 0, 0, 987_654, tzinfo=UTC)
MESSAGE = b"a signature"


@pytest.fixture(scope="module")
def authority() -> LocalSigstore:
    return new_authority(certified_at=lambda: NOON, logged_at=lambda: NOON)


def query(message: bytes = MESSAGE, algorithm: HashAlgorithm = HashAlgorithm.SHA256) -> bytes:
    builder = TimestampRequestBuilder().hash_algorithm(algorithm).data(message)
    return bytes(builder.nonce(nonce=True).build().as_bytes())


def verify(authority: LocalSigstore, response: TimeStampResponse, message: bytes) -> None:
    keys = authority.keys
    checking = VerifierBuilder(
        tsa_certificate=load_der_x509_certificate(
            keys.time_stamping_certificate.public_bytes(Encoding.DER)
        ),
        roots=[keys.root_certificate],
    )
    checking.build().verify_message(response, message)


@pytest.mark.parametrize("algorithm", [HashAlgorithm.SHA256, HashAlgorithm.SHA512])
def test_a_stamp_says_when_in_whole_seconds(
    authority: LocalSigstore, algorithm: HashAlgorithm
) -> None:
    stamped = authority.timestamps.stamp(query(algorithm=algorithm))
    response = decode_timestamp_response(stamped)
    assert response.tst_info.gen_time == NOON.replace(microsecond=0)
    verify(authority, response, MESSAGE)
    with pytest.raises(VerificationError):
        verify(authority, response, b"another signature")
    with pytest.raises(VerificationError):
        verify(new_authority(), response, MESSAGE)


def test_every_stamp_has_a_number_of_its_own(authority: LocalSigstore) -> None:
    asked = query()
    numbers = {
        decode_timestamp_response(authority.timestamps.stamp(asked)).tst_info.serial_number
        for _ in range(3)
    }
    assert len(numbers) == 3


def test_a_query_needs_no_nonce(authority: LocalSigstore) -> None:
    builder = TimestampRequestBuilder().data(MESSAGE).nonce(nonce=False)
    stamped = authority.timestamps.stamp(builder.build().as_bytes())
    verify(authority, decode_timestamp_response(stamped), MESSAGE)


def test_the_certificate_is_sent_only_when_it_is_asked_for(authority: LocalSigstore) -> None:
    asked = tsp.TimeStampReq.load(query())
    asked["cert_req"] = False
    response = decode_timestamp_response(authority.timestamps.stamp(asked.dump()))
    assert not response.signed_data.certificates
    verify(authority, response, MESSAGE)


@pytest.mark.parametrize(
    ("algorithm", "digest", "words"),
    [("sha1", bytes(20), "digests only"), ("sha256", bytes(20), "digests only")],
)
def test_a_weak_or_wrong_digest_is_not_stamped(
    authority: LocalSigstore, algorithm: str, digest: bytes, words: str
) -> None:
    asked = tsp.TimeStampReq.load(query())
    asked["message_imprint"] = {
        "hash_algorithm": {"algorithm": algorithm},
        "hashed_message": digest,
    }
    with pytest.raises(RefusedError, match=words):
        authority.timestamps.stamp(asked.dump())


# A query with a fixed nonce, so that cases can be found again.
GOOD = bytes(
    tsp.TimeStampReq(
        {
            "version": "v1",
            "message_imprint": {
                "hash_algorithm": {"algorithm": "sha256"},
                "hashed_message": bytes(range(32)),
            },
            "nonce": 0x0123_4567_89AB_CDEF,
            "cert_req": True,
        }
    ).dump()
)
PLACES = st.integers(0, len(GOOD) - 1)
SPOILT = st.tuples(PLACES, st.integers(0, 255)).map(
    lambda spot: GOOD[: spot[0]] + bytes([spot[1]]) + GOOD[spot[0] + 1 :]
)


@settings(deadline=None)
@given(st.one_of(st.binary(max_size=100), PLACES.map(lambda cut: GOOD[:cut]), SPOILT))
def test_whatever_is_sent_is_stamped_or_refused(authority: LocalSigstore, content: bytes) -> None:
    try:
        stamped = authority.timestamps.stamp(content)
    except RefusedError:
        return
    assert stamped

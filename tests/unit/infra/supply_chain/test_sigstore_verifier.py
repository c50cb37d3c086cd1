"""The verifier: what it says of good bundles, and that it fails closed and stays at home."""

import json
import socket
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sigstore.verify import Verifier

from activities.supply_chain.ports import SignatureVerifier
from infra.embedded.sigstore.tokens import ISSUER
from infra.supply_chain.signatures.trusted_root import TrustedRoots
from infra.supply_chain.signatures.verifier import SigstoreVerifier
from schema.contracts.supply_chain import SignatureCheck
from schema.ids import sha256_digest
from tests.support.signing import MAKER, WORKFLOW, shared_authority, sign, write_trusted_root

PACKAGE = b"a package"
DIGEST = sha256_digest(PACKAGE)


@pytest.fixture(scope="module")
def verifier(tmp_path_factory: pytest.TempPathFactory) -> SigstoreVerifier:
    folder = tmp_path_factory.mktemp("root")
    return SigstoreVerifier(TrustedRoots(write_trusted_root(shared_authority(), folder)))


async def test_a_person_is_named_with_time_key_and_log_entry(verifier: SigstoreVerifier) -> None:
    port: SignatureVerifier = verifier
    check = await port.verify(DIGEST, sign(PACKAGE))
    assert check.reasons == []
    assert check.signer is not None
    assert (check.signer.identity, check.signer.issuer) == (MAKER.email, ISSUER)
    assert check.signer.key_digest.startswith("sha256:")
    assert check.signer.log_index is not None
    assert check.signer.repository is None
    assert check.signer.signed_at.tzinfo is not None


def test_a_workflow_is_named_with_repository_ref_and_name(verifier: SigstoreVerifier) -> None:
    signer = verifier.check(DIGEST, sign(PACKAGE, WORKFLOW)).signer
    assert signer is not None
    assert (signer.repository, signer.ref, signer.workflow) == (
        "acme/spells",
        "refs/tags/v1",
        "publish",
    )
    assert signer.identity.endswith("/publish.yml@refs/tags/v1")


def test_a_statement_names_its_signer_as_a_signature_does(verifier: SigstoreVerifier) -> None:
    check = verifier.check(DIGEST, sign(PACKAGE, dsse=True))
    assert check.signer is not None
    assert check.signer.identity == MAKER.email


def test_every_reason_is_named_and_not_only_the_first(verifier: SigstoreVerifier) -> None:
    document = json.loads(sign(b"another package"))
    entry = document["verificationMaterial"]["tlogEntries"][0]
    entry["integratedTime"] = "1"
    found = [each.code for each in verifier.check(DIGEST, json.dumps(document).encode()).reasons]
    assert {
        "CERTIFICATE_NOT_YET_VALID",
        "DIGEST_MISMATCH",
        "SIGNATURE_MISMATCH",
        "SET_INVALID",
        "LOG_EXPIRED",
    } <= set(found)
    assert len(found) == len(set(found))


def test_nothing_is_looked_up_anywhere(
    verifier: SigstoreVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundles = [sign(PACKAGE), sign(PACKAGE, dsse=True), sign(b"other"), b"{}"]
    tried: list[str] = []

    def refuse(*arguments: Any, **_: Any) -> Any:
        tried.append(str(arguments))
        raise OSError("no network in this test")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    for name in ("getaddrinfo", "create_connection", "gethostbyname"):
        monkeypatch.setattr(socket, name, refuse)
    accepted = [verifier.check(DIGEST, bundle).signer is not None for bundle in bundles]
    fresh = SigstoreVerifier(TrustedRoots()).check(DIGEST, bundles[0])
    assert accepted == [True, True, False, False]
    assert fresh.signer is None
    assert tried == []


@pytest.mark.parametrize(
    "error", [AttributeError("'NoneType' has no attribute 'algorithm'"), RecursionError()]
)
def test_whatever_the_library_raises_is_a_refusal(
    error: Exception, verifier: SigstoreVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(Verifier, "verify_artifact", stumble)
    check = verifier.check(DIGEST, sign(PACKAGE))
    assert check.signer is None
    assert [each.code for each in check.reasons] == ["SIGNATURE_REFUSED"]


@pytest.mark.parametrize("trouble", [MemoryError(), OSError("too many open files")])
def test_trouble_of_this_machine_says_nothing_of_a_bundle(
    trouble: Exception, verifier: SigstoreVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble(*_: Any, **__: Any) -> None:
        raise trouble

    monkeypatch.setattr(Verifier, "verify_artifact", stumble)
    with pytest.raises(type(trouble)):
        verifier.check(DIGEST, sign(PACKAGE))


def test_a_fault_of_our_own_is_a_refusal_too(
    verifier: SigstoreVerifier,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def stumble(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("infra.supply_chain.signatures.verifier.establish_times", stumble)
    check = verifier.check(DIGEST, sign(PACKAGE))
    assert [each.code for each in check.reasons] == ["SIGNATURE_REFUSED"]
    assert "stumble" in caplog.text


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@given(content=st.binary(max_size=200) | _JSON.map(lambda value: json.dumps(value).encode()))
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_anything_at_all_is_refused_with_a_reason(
    verifier: SigstoreVerifier, content: bytes
) -> None:
    _refused(verifier.check(DIGEST, content))


@given(data=st.data())
@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_good_bundle_with_any_member_exchanged_is_refused_or_says_the_same(
    verifier: SigstoreVerifier, data: st.DataObject
) -> None:
    """Never another signer, and never an exception."""
    document = json.loads(_GOOD)
    places = list(_places(document))
    holder, name = data.draw(st.sampled_from(places))
    holder[name] = data.draw(_JSON)
    check = verifier.check(DIGEST, json.dumps(document).encode())
    if check.signer is None:
        _refused(check)
    else:
        assert check.signer.identity == MAKER.email


_GOOD = sign(PACKAGE)


def _places(value: Any) -> Any:
    for name, child in value.items() if isinstance(value, dict) else enumerate(value):
        yield value, name
        if isinstance(child, dict | list):
            yield from _places(child)


def _refused(check: SignatureCheck) -> None:
    assert check.signer is None
    assert check.reasons
    assert all(reason.message for reason in check.reasons)

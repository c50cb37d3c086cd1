"""The trusted root: where it comes from, and how it is changed while the platform runs."""

import json
import logging
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sigstore
from rfc3161_client import decode_timestamp_response
from sigstore_models.bundle.v1 import Bundle as BundleDocument

from infra.embedded.sigstore.configs import trusted_root
from infra.supply_chain.signatures.trusted_root import TrustedRootError, TrustedRoots, packaged_root
from infra.supply_chain.signatures.verifier import SigstoreVerifier
from schema.ids import sha256_digest
from schema.limits import TRUST_ROOT_BYTES_MAX
from tests.support.signing import new_authority, shared_authority, sign, write_trusted_root

PACKAGE = b"a package"
DIGEST = sha256_digest(PACKAGE)
_SUITE = Path(__file__).parents[4].parent / "shared/conformance/sigstore-bundle-verify"


def codes(verifier: SigstoreVerifier, bundle: bytes) -> list[str]:
    return [reason.code for reason in verifier.check(DIGEST, bundle).reasons]


def replace(path: Path, content: bytes) -> None:
    """As an operator should: written beside it, then moved over it."""
    beside = path.with_suffix(".new")
    beside.write_bytes(content)
    os.replace(beside, path)  # noqa: PTH105


def test_without_a_setting_it_is_the_one_inside_the_sigstore_distribution() -> None:
    folder = Path(sigstore.__file__).parent / "_store/https%3A%2F%2Ftuf-repo-cdn.sigstore.dev"
    assert packaged_root() == (folder / "trusted_root.json").read_bytes()
    assert TrustedRoots().current().digest == sha256_digest(packaged_root())


def test_a_root_planted_in_the_cache_of_sigstore_is_not_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What `Verifier.production(offline=True)` would read back, and believe."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / ".cache"))
    planted = tmp_path / ".cache/sigstore-python/tuf/https%3A%2F%2Ftuf-repo-cdn.sigstore.dev"
    planted.mkdir(parents=True)
    write_trusted_root(shared_authority(), tmp_path).rename(planted / "trusted_root.json")
    verifier = SigstoreVerifier(TrustedRoots())
    assert "CERTIFICATE_UNTRUSTED" in codes(verifier, sign(PACKAGE))
    assert verifier.trust_root == sha256_digest(packaged_root())


def test_a_changed_file_is_in_force_at_the_next_verification(tmp_path: Path) -> None:
    first, second = new_authority(), new_authority()
    path = write_trusted_root(first, tmp_path)
    verifier = SigstoreVerifier(TrustedRoots(path))
    before = verifier.trust_root
    assert codes(verifier, sign(PACKAGE, authority=first)) == []
    replace(path, json.dumps(trusted_root(second.keys)).encode())
    assert codes(verifier, sign(PACKAGE, authority=second)) == []
    assert "CERTIFICATE_UNTRUSTED" in codes(verifier, sign(PACKAGE, authority=first))
    assert verifier.trust_root not in (before, sha256_digest(packaged_root()))


def test_a_file_that_is_written_over_with_its_old_size_and_date_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "root.json"
    first, second = (
        json.dumps(trusted_root(new_authority().keys)).encode().ljust(20_000) for _ in range(2)
    )
    path.write_bytes(first)
    roots = TrustedRoots(path)
    before = path.stat()
    path.write_bytes(second)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    assert roots.current().digest == sha256_digest(second)


def test_both_roots_are_trusted_while_a_file_holds_both(tmp_path: Path) -> None:
    """How to rotate without a gap."""
    first, second = new_authority(), new_authority()
    joined, added = trusted_root(first.keys), trusted_root(second.keys)
    for member in ("tlogs", "certificateAuthorities", "ctlogs"):
        joined[member] += added[member]
    path = tmp_path / "root.json"
    path.write_text(json.dumps(joined))
    verifier = SigstoreVerifier(TrustedRoots(path))
    for authority in (first, second):
        assert codes(verifier, sign(PACKAGE, authority=authority)) == []


@pytest.mark.parametrize(
    "broken",
    [b"", b"{}", b"[]", b"\xff", b'{"mediaType": "text/plain"}', b" " * (TRUST_ROOT_BYTES_MAX + 1)],
)
def test_a_broken_new_file_leaves_the_old_root_in_force_and_says_so(
    broken: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write_trusted_root(shared_authority(), tmp_path)
    good = path.read_bytes()
    roots = TrustedRoots(path)
    verifier = SigstoreVerifier(roots)
    before = verifier.trust_root
    replace(path, broken)
    with caplog.at_level(logging.ERROR):
        assert codes(verifier, sign(PACKAGE)) == []
        assert codes(verifier, sign(PACKAGE)) == []
    assert verifier.trust_root == before
    assert roots.trouble
    assert [record.message[:30] for record in caplog.records] == ["THE NEW TRUSTED ROOT IS NOT US"]
    replace(path, good + b"\n")
    assert verifier.trust_root == sha256_digest(good + b"\n")
    assert roots.trouble is None


def test_a_file_that_is_gone_leaves_the_old_root_in_force(tmp_path: Path) -> None:
    path = write_trusted_root(shared_authority(), tmp_path)
    roots = TrustedRoots(path)
    path.unlink()
    assert codes(SigstoreVerifier(roots), sign(PACKAGE)) == []
    assert "No such file" in (roots.trouble or "")


@pytest.mark.parametrize("broken", [b"{}", None])
def test_a_process_does_not_start_without_a_usable_root(
    broken: bytes | None, tmp_path: Path
) -> None:
    path = tmp_path / "root.json"
    if broken is not None:
        path.write_bytes(broken)
    with pytest.raises(TrustedRootError):
        TrustedRoots(path)


def test_a_root_without_a_log_or_an_authority_is_none(tmp_path: Path) -> None:
    document = trusted_root(shared_authority().keys)
    for member in ("tlogs", "certificateAuthorities", "ctlogs"):
        path = tmp_path / f"without-{member}.json"
        path.write_text(json.dumps({**document, member: []}))
        with pytest.raises(TrustedRootError):
            TrustedRoots(path)


def test_a_root_whose_timestamp_authority_has_no_certificate_is_none(tmp_path: Path) -> None:
    document = trusted_root(shared_authority().keys)
    for chain in ([], [{"rawBytes": "AAAA"}]):
        document["timestampAuthorities"][0]["certChain"] = {"certificates": chain}
        path = tmp_path / "root.json"
        path.write_text(json.dumps(document))
        with pytest.raises(TrustedRootError):
            TrustedRoots(path)


@pytest.mark.conformance
@pytest.mark.parametrize(
    ("member", "seconds", "expected"),
    [
        ("end", 0, []),
        ("end", -1, ["TIMESTAMP_OUTSIDE_VALIDITY"]),
        ("start", 0, []),
        ("start", 1, ["TIMESTAMP_OUTSIDE_VALIDITY"]),
    ],
)
def test_both_ends_of_a_timestamp_authoritys_period_count_in(
    member: str, seconds: int, expected: list[str], tmp_path: Path
) -> None:
    """TimeRange is closed (protobuf-specs); the library leaves its end out."""
    case = _SUITE / "rekor2-timestamp-without-embedded-cert"
    if not case.is_dir():
        pytest.skip("no cases in ../shared/conformance")
    bundle = (case / "bundle.sigstore.json").read_bytes()
    material = BundleDocument.from_json(bundle).verification_material
    assert material.timestamp_verification_data is not None
    timestamp = material.timestamp_verification_data.rfc3161_timestamps[0].signed_timestamp
    moment = decode_timestamp_response(timestamp).tst_info.gen_time
    root = json.loads((case / "trusted_root.json").read_bytes())
    end = (moment + timedelta(seconds=seconds)).astimezone(UTC).isoformat()
    root["timestampAuthorities"][0]["validFor"][member] = end
    path = tmp_path / "root.json"
    path.write_text(json.dumps(root))
    digest = sha256_digest((_SUITE / "a.txt").read_bytes())
    check = SigstoreVerifier(TrustedRoots(path)).check(digest, bundle)
    assert [reason.code for reason in check.reasons] == expected


def test_a_time_later_than_the_platforms_clock_is_refused(tmp_path: Path) -> None:
    roots = TrustedRoots(write_trusted_root(shared_authority(), tmp_path))
    bundle = sign(PACKAGE)
    yesterday = datetime.now(UTC) - timedelta(days=1)
    assert codes(SigstoreVerifier(roots, lambda: yesterday), bundle) == ["TIME_IN_FUTURE"]

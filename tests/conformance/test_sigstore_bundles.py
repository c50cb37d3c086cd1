"""Sigstore's own conformance cases (sigstore/sigstore-conformance), where they are provided.

Goal: bundles that no one here made are accepted and refused as their authors say, and refused for
the reason that their README names. Method: each folder is one case; `EXPECTED` names the reason of
those that are known here; a case that is new is held to its name's ending alone. What this
platform cannot judge is listed as unsupported
and is no pass. Each case is verified twice: over the bytes of its artifact, and over their digest
alone. The table is printed behind the tests.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from infra.supply_chain.signatures.trusted_root import TrustedRoots
from infra.supply_chain.signatures.verifier import SigstoreVerifier
from schema.contracts.supply_chain import IdentityRule
from schema.ids import sha256_digest
from schema.supply_chain.identities import identity_reasons
from tests.support.reports import print_table

pytestmark = pytest.mark.conformance

_SUITE = Path(__file__).parents[3] / "shared/conformance/sigstore-bundle-verify"
_IDENTITY = (
    "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon"
    "/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main"
)
_ISSUER = "https://token.actions.githubusercontent.com"
_ACCEPTED = "accepted"
UNSUPPORTED = {"LOG_ENTRY_KIND", "MANAGED_KEY"}
"""What the library cannot judge: intoto/0.0.2 entries, and keys without an identity."""

EXPECTED = {
    "bundle-empty-certificate-chain_fail": "CERTIFICATE_MISSING",
    "bundle-invalid-base64-signature_fail": "BUNDLE_BASE64",
    "bundle-negative-log-index_fail": "BUNDLE_NUMBER",
    "bundle-with-root-cert_fail": "CERTIFICATE_CHAIN_ROOT",
    "checkpoint-bad-keyhint_fail": "CHECKPOINT_UNSIGNED",
    "dsse-invalid-sig_fail": "DSSE_SIGNATURE",
    "dsse-mismatch-sig_fail": "LOG_ENTRY_OTHER_SIGNATURE",
    "inclusion-proof-corrupted-hash_fail": "INCLUSION_PROOF_INVALID",
    "integrated-time-in-future_fail": "CERTIFICATE_EXPIRED",
    "invalid-ct-key_fail": "SCT_UNTRUSTED",
    # No key is given, so what it asks for is that nobody's key is taken for one.
    "managed-key-no-key_fail": "MANAGED_KEY",
    "message-digest-mismatch_fail": "DIGEST_MISMATCH",
    "rekor2-checkpoint-missing-log-signature_fail": "CHECKPOINT_UNSIGNED",
    "rekor2-checkpoint-missing-root-hash_fail": "CHECKPOINT_MALFORMED",
    "rekor2-dsse-invalid-sig_fail": "DSSE_SIGNATURE",
    "rekor2-dsse-mismatch-sig_fail": "LOG_ENTRY_OTHER_SIGNATURE",
    "rekor2-no-inclusion-proof_fail": "INCLUSION_PROOF_MISSING",
    "rekor2-timestamp-outside-trust-root-tsa-validity_fail": "TIMESTAMP_OUTSIDE_VALIDITY",
    "rekor2-timestamp-payload-mismatch_fail": "TIMESTAMP_OTHER_SIGNATURE",
    "rekor2-timestamp-untrusted-tsa-without-embedded-cert_fail": "TIMESTAMP_UNTRUSTED",
    "signature-mismatch_fail": "SIGNATURE_MISMATCH",
    "wrong-hashedrekord-artifact_fail": "LOG_ENTRY_OTHER_ARTIFACT",
    "wrong-hashedrekord-entry_fail": "LOG_ENTRY_OTHER_CERTIFICATE",
}


@dataclass(frozen=True)
class Row:
    """One case as it went."""

    name: str
    expected: str
    found: list[str]

    @property
    def is_unsupported(self) -> bool:
        return bool(UNSUPPORTED & set(self.found)) and self.expected not in self.found

    @property
    def is_right(self) -> bool:
        if self.expected == "refused":
            return self.found != [_ACCEPTED] and not self.is_unsupported
        return self.expected in self.found

    def __str__(self) -> str:
        word = "UNSUPPORTED" if self.is_unsupported else "ok" if self.is_right else "WRONG"
        return f"{word:<12}{self.name:<62}{self.expected:<28}{', '.join(self.found)}"


def cases_in(suite: Path) -> list[Path]:
    return sorted(path.parent for path in suite.glob("*/bundle.sigstore.json"))


_ABSENT = pytest.mark.skip(reason="no case lies in ../shared/conformance/sigstore-bundle-verify")
_CASES: Sequence[object] = cases_in(_SUITE) or [pytest.param(_SUITE, marks=_ABSENT)]


@pytest.fixture(scope="module")
def rows(request: pytest.FixtureRequest) -> Iterator[dict[str, Row]]:
    """Filled by the tests, and printed as a table behind them."""
    found: dict[str, Row] = {}
    yield found
    unsupported = sum(row.is_unsupported for row in found.values())
    total = f"{len(found) - unsupported} decided, {unsupported} unsupported"
    print_table(request.config, [*map(str, found.values()), total])


@pytest.mark.parametrize("case", _CASES, ids=lambda path: path.name)
def test_a_bundle_is_judged_as_its_authors_say(case: Path, rows: dict[str, Row]) -> None:
    artifact = _text_of(case, "artifact", (case.parent / "a.txt").read_bytes())
    by_path = judge(case, sha256_digest(artifact))
    rows[case.name] = by_path
    if by_path.is_unsupported:
        pytest.skip(f"unsupported: {', '.join(by_path.found)}")
    assert by_path.is_right, str(by_path)


@pytest.mark.parametrize("case", _CASES, ids=lambda path: path.name)
def test_a_digest_alone_is_judged_as_the_artifact_is(case: Path) -> None:
    """The artifact is never read here: its digest is what `sha256sum` prints."""
    artifact = case / "artifact" if (case / "artifact").is_file() else case.parent / "a.txt"
    row = judge(case, f"sha256:{_sha256sum(artifact)}")
    if row.is_unsupported:
        pytest.skip(f"unsupported: {', '.join(row.found)}")
    assert row.is_right, str(row)


def test_the_table_names_no_case_that_is_gone() -> None:
    if not cases_in(_SUITE):
        pytest.skip("no cases")
    assert set(EXPECTED) <= {path.name for path in cases_in(_SUITE)}


def judge(case: Path, digest: str) -> Row:
    """Verify one case with our own adapter and our own rule on identities."""
    own_root = case / "trusted_root.json"
    verifier = SigstoreVerifier(TrustedRoots(own_root if own_root.is_file() else None))
    check = verifier.check(digest, (case / "bundle.sigstore.json").read_bytes())
    rule = IdentityRule(
        issuer=_text_of(case, "issuer", _ISSUER.encode()).decode().strip(),
        identity=_text_of(case, "identity", _IDENTITY.encode()).decode().strip(),
    )
    reasons = [*check.reasons]
    if check.signer is not None:
        reasons += identity_reasons(check.signer, rule, [])
    otherwise = "refused" if case.name.endswith("_fail") else _ACCEPTED
    found = [each.code for each in reasons] or [_ACCEPTED]
    return Row(case.name, EXPECTED.get(case.name, otherwise), found)


def _text_of(case: Path, name: str, otherwise: bytes) -> bytes:
    path = case / name
    return path.read_bytes() if path.is_file() else otherwise


def _sha256sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
